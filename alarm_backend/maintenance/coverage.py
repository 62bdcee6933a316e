"""Which alarm a maintenance window covers; pure.

The rule that everything here serves: no alarm of a person at risk is ever covered. A window says "this machine is being
worked on", and that excuses what the machine says about itself: its battery, its silence while nobody depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SCOPES = ("device", "gateway", "broker", "backend")
UPKEEP = frozenset({"battery_low", "battery_critical"})
"""What a worn tracker says about its own upkeep: it still reports, so its wearer is still watched."""
OF_NOBODY = frozenset({"contact_loss", "gnss_loss", "case_opened"})
"""Under an order in force each of these means that somebody may be unwatched or cuts himself loose."""
OF_A_SOURCE = frozenset({"gateway_silent"})
COVERABLE = UPKEEP | OF_NOBODY | OF_A_SOURCE
"""Every other kind, and every kind that is not known yet, is never covered."""
SEVERITY_MAX = 3
"""The worst alarm of a tracker that may be covered: from 4 on it is about a person."""
BROKER_SUFFIX = "-broker"
"""A gateway that is well but has no broker is silent under its own name with this behind it."""


@dataclass(frozen=True)
class Window:
    """A window that was planned. `second_person`: somebody else than the planner agreed to it."""

    window_id: str
    scope: str
    target: str
    starts_ms: int
    ends_ms: int
    second_person: bool


@dataclass(frozen=True)
class Subject:
    """What an alarm is about. `person_at_risk` unless it is known that no order in force depends on the tracker."""

    kind: str
    severity: int
    device_id: str | None = None
    source: str | None = None
    person_at_risk: bool = True


def runs(window: Window, now_ms: int) -> bool:
    """Whether the window is open now; its end needs nobody and nothing to end it."""
    return window.starts_ms <= now_ms < window.ends_ms


def covers(window: Window, subject: Subject, now_ms: int) -> bool:
    """Whether this alarm may stand aside now."""
    if not runs(window, now_ms) or subject.kind not in COVERABLE:
        return False
    if window.scope == "device":
        return _covers_device(window, subject)
    return (
        subject.kind in OF_A_SOURCE
        and window.second_person
        and subject.source is not None
        and _is_about(window, subject.source)
    )


def _covers_device(window: Window, subject: Subject) -> bool:
    if subject.kind in OF_A_SOURCE or subject.device_id != window.target or subject.severity > SEVERITY_MAX:
        return False
    if subject.person_at_risk:
        return subject.kind in UPKEEP and window.second_person
    return True


def _is_about(window: Window, source: str) -> bool:
    """Whether the silence of a source is what this maintenance makes one expect."""
    if window.scope == "gateway":
        return source in {window.target, window.target + BROKER_SUFFIX}
    return window.scope == "backend" or source.endswith(BROKER_SUFFIX)


def covering(windows: Iterable[Window], subject: Subject, now_ms: int) -> Window | None:
    """The window that covers an alarm now, of several the one that ends last; None = it stands with the others."""
    found = [window for window in windows if covers(window, subject, now_ms)]
    return max(found, key=lambda window: (window.ends_ms, window.window_id), default=None)
