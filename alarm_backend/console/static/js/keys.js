// Keyboard first: single keys, never while somebody types.
export function listen(bindings, dialog) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input, textarea, select");
    if (typing) {
      if (event.key === "Escape") bindings.Escape?.();
      return;
    }
    if (dialog.open && event.key !== "?") return;
    const act = bindings[event.key] ?? bindings[event.key.toLowerCase()];
    if (!act || (event.repeat && !event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    act();
  });
}
