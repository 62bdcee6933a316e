"""This machine's Chromium, and what is measured in it: when a row is painted, what axe-core finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from waakzaam.machine import find_chromium

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = ("/", "/search", "/orders", "/handover", "/field-tests", "/alarms/alarm-1", "/wearer", "/login")
"""Every page of an operator, for an accessibility check; the alarm is one that must be there."""
AXE = "async () => (await axe.run()).violations.map(v => [v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))])"
WATCH_ROWS = """
window.painted = {};
document.addEventListener("DOMContentLoaded", () => {
  const rows = document.querySelector("[data-rows]");
  if (!rows) return;
  const note = (id) => {
    if (id in window.painted) return;
    window.painted[id] = null;
    // After the frame that shows it: the animation frame comes before the paint, the message after it.
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => (window.painted[id] = Date.now());
      channel.port2.postMessage(0);
    });
  };
  new MutationObserver((changes) => {
    for (const change of changes)
      for (const node of change.addedNodes) if (node.dataset?.alarmId) note(node.dataset.alarmId);
  }).observe(rows, { childList: true });
});
"""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """A Chromium that draws everything with the processor, like a desk without a graphics card."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), headless=True, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def painted(page: Any) -> dict[str, float | None]:
    """When each row that arrived was painted (Unix ms of this machine's clock); None = not yet."""
    times: dict[str, float | None] = page.evaluate("window.painted")
    return times
