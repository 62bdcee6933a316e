"""How long an alarm may go unanswered before the next one is called; pure."""

from __future__ import annotations

TARGETS = ("operators", "second_operator", "supervisor", "duty_officer")
"""Who is called at level 0 (at once), 1, 2, 3. The last one is called again and again: a chain never just ends."""
WAITS_S = {
    5: (30, 30, 60, 120),
    4: (30, 30, 120, 180),
    3: (120, 180, 300, 600),
    2: (900, 1800, 3600, 3600),
    1: (4 * 3600, 4 * 3600, 8 * 3600, 8 * 3600),
}
"""Seconds from each level to the next. Severities 4 and 5: 30 s and 60 s are the answer times of EN 50518 (80 % and

98.5 %); the rest is ASSUMED."""


def target(level: int) -> str:
    """Who is called at this level."""
    return TARGETS[min(max(level, 0), len(TARGETS) - 1)]


def wait_ms(severity: int, level: int) -> int:
    """Milliseconds from this level to the next for an alarm of severity 1 to 5."""
    waits = WAITS_S[min(max(severity, 1), 5)]
    return 1000 * waits[min(max(level, 0), len(waits) - 1)]


def due_after_change(
    severity_before: int, severity_after: int, *, level: int, due_ms: int | None, now_ms: int
) -> tuple[int, int]:
    """(level, due time) of an alarm that stands unanswered after it changed.

    A new one (`due_ms` None) starts at level 0; a worse one is due no later than a new one of its severity would be;
    an eased one keeps its deadline, so that easing back and forth cannot push a deadline away.
    """
    if due_ms is None:
        return 0, now_ms + wait_ms(severity_after, 0)
    if severity_after > severity_before:
        return level, min(due_ms, now_ms + wait_ms(severity_after, level))
    return level, due_ms
