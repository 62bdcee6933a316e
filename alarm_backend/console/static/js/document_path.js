// Places in an order's document, written as the gateway's parser writes them: zones[1].shape.radius_m

export const parts = (path) => (path.match(/[^.[\]]+/g) ?? []).map((part) => (/^\d+$/.test(part) ? Number(part) : part));

export const get = (document, path) => parts(path).reduce((value, part) => value?.[part], document);

/** Put a value in its place, making what is missing on the way; undefined takes the member away. */
export function put(document, path, value) {
  const names = parts(path);
  const last = names.pop();
  let at = document;
  names.forEach((name, i) => {
    if (at[name] === null || typeof at[name] !== "object") at[name] = typeof (names[i + 1] ?? last) === "number" ? [] : {};
    at = at[name];
  });
  if (value === undefined) delete at[last];
  else at[last] = value;
}

/** An element with attributes and children; a function as attribute becomes a listener. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
