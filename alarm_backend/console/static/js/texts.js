// The page's texts and how numbers, distances and ages are written in the operator's language.
const table = JSON.parse(document.getElementById("texts").textContent);
const language = document.documentElement.lang;
const locale = { nl: "nl-BE", en: "en-GB", fr: "fr-BE" }[language] ?? "nl-BE";
const ZONE = "Europe/Brussels";
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: ZONE });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: ZONE });
const numbers = new Map();

export function text(key, values = {}) {
  const form = table[key];
  if (form === undefined) throw new Error(`no text ${key}`);
  return form.replace(/\{(\w+)(?:!r)?(?::([\w.]+))?\}/g, (_, name, group) => [values[name]].flat().map((value) => (group ? word(group, value) : value)).join(", "));
}

/** Why the server did not do it, in the operator's language (for forms: refusal_texts.py). */
export function whyNot(answer, status) {
  if (Array.isArray(answer.detail)) {
    const [first] = answer.detail;
    const said = text(table[`invalid.${first.type}`] ? `invalid.${first.type}` : "invalid.other", first.ctx ?? {});
    const field = first.loc?.findLast((part) => typeof part === "string" && part !== "body");
    return field ? `${word("field", field)}: ${said}` : said;
  }
  if (!table[`refusal.${answer.code}`]) return `${text("invalid.other")} (${status})`;
  const said = text(`refusal.${answer.code}`, answer.values);
  return answer.field ? `${word("field", answer.field)}: ${said}` : said;
}

/** The text of group.value; a value that is not in the catalogue is shown as it is. */
export function word(group, value) {
  return table[`${group}.${value}`] ?? String(value).replaceAll("_", " ");
}

export function number(value, digits = 0) {
  if (!numbers.has(digits)) numbers.set(digits, new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return numbers.get(digits).format(value);
}

/** A distance as two parts, so that the number can be large and the unit small. */
export function distanceParts(metres) {
  if (metres >= 9950) return [number(metres / 1000, metres >= 99500 ? 0 : 1), text("unit.km")];
  if (metres >= 1000) return [number(metres / 1000, 2), text("unit.km")];
  return [number(Math.round(metres)), text("unit.m")];
}

/** An order's distance: whole as the judge set it. */
export const limit = (metres) => (metres % 1000 === 0 ? `${number(metres / 1000)}\u202f${text("unit.km")}` : distanceParts(metres).join("\u202f"));

export const distance = (metres) => distanceParts(metres).join("\u202f");

export function age(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s}\u202f${text("unit.s")}`;
  if (s < 600) return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}\u202f${text("unit.min")}`; // without its unit it reads as a time of day
  if (s < 3600) return `${Math.floor(s / 60)}\u202f${text("unit.min")}`;
  if (s < 86400) return `${Math.floor(s / 3600)}\u202f${text("unit.h")} ${Math.floor((s % 3600) / 60)}`;
  return `${Math.floor(s / 86400)}\u202f${text("unit.d")}`;
}

export const timeOfDay = (ms) => clock.format(ms);

export function moment(ms, nowMs) {
  return Math.abs(nowMs - ms) < 12 * 3600_000 ? clock.format(ms) : `${day.format(ms)} ${clock.format(ms)}`;
}
