"""Flood mode: more new alarms than people can take in; pure."""

from __future__ import annotations

WINDOW_MS = 600_000
ENTER_ABOVE = 10
"""More than 10 new alarms in 10 minutes is a flood (EEMUA 191, ISA-18.2)."""
LEAVE_BELOW = 5
"""It is over below 5 in 10 minutes (ISA-18.2 clause 16.5.4, as peers cite it); the gap avoids flip-flop."""
SILENT_SEVERITY_MAX = 2
"""In a flood, alarms up to this severity are shown but make no sound. ASSUMED."""


def flooded(before: bool, new_alarms: int) -> bool:
    """Whether there is a flood, given whether there was one and the number of new alarms in the window."""
    return new_alarms >= LEAVE_BELOW if before else new_alarms > ENTER_ABOVE
