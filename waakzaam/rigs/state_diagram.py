"""The drink test's diagram, generated from the firmware's own tables: `python -m waakzaam.rigs.state_diagram`."""

from __future__ import annotations

from pathlib import Path

from firmware.bracelet import table

PAGE = Path(__file__).resolve().parents[2] / "docs/bracelet-states.md"


def diagram() -> str:
    """Mermaid text: every transition, every limit."""
    lines = ["stateDiagram-v2", f"    [*] --> {table.ASLEEP}"]
    for source, event, target, effect, mark in table.TRANSITIONS:
        outcome = {table.KEEP: "", table.TAKE: ", takes its outcome", table.PULLED: ", invalid: strip_pulled"}[mark]
        lines.append(f"    {source} --> {target}: {event} / {effect}{outcome}")
    for source, (limit_ms, target, effect, reason) in table.TIMEOUTS.items():
        outcome = f", invalid: {reason}" if reason else ""
        lines.append(f"    {source} --> {target}: after {limit_ms / 1000:g} s / {effect}{outcome}")
    return "\n".join(lines)


def page() -> str:
    """The whole page of the documentation."""
    rows = "\n".join(
        f"| {name} | {table.TIMEOUTS[name][0] / 1000:g} s |" if name in table.TIMEOUTS else f"| {name} | none |"
        for name in table.STATES
    )
    return f"""# The drink test as states
Generated from `firmware/bracelet/table.py` by `python -m waakzaam.rigs.state_diagram`; a test compares them.
A transition reads `event / effect started`. Whatever goes wrong before the decision ends in `log` as invalid with its
reason, then in `tell`.

```mermaid
{diagram()}
```

| state | limit |
| --- | --- |
{rows}
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
