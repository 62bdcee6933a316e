"""The checklist per kind of alarm and the rule who may be called; pure.

The order decides about calling the protected person: `"victim_contact": {"<kind>": "always" | "if_near" | "never"}`
in the order's document overrides the defaults below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alarm_backend.alarms.schemas import PLATFORM_KINDS
from gateway.contract import victim_contact
from gateway.contract.transitions import NOT_JUDGED

ACTIONS = ("look_at_map", "call_protected", "call_monitored", "notify_police", "check_device", "write_down")
DANGER = ("panic", "proximity_alert", "zone_entry")
TAMPER = ("strap_cut", "case_opened", "jamming", "spoofing")
LOST = ("contact_loss", "gnss_loss", "device_left_behind")
EARLY = ("proximity_prealert", "zone_buffer")
UPKEEP = ("battery_low", "battery_critical")
PLATFORM = (NOT_JUDGED, *PLATFORM_KINDS)

PLANS: dict[tuple[str, ...], tuple[tuple[str, int], ...]] = {
    DANGER: (("call_protected", 60), ("notify_police", 90), ("call_monitored", 180), ("write_down", 900)),
    TAMPER: (
        ("look_at_map", 60),
        ("call_monitored", 120),
        ("call_protected", 180),
        ("notify_police", 240),
        ("write_down", 900),
    ),
    LOST: (("look_at_map", 120), ("call_monitored", 300), ("call_protected", 600), ("write_down", 1800)),
    EARLY: (("look_at_map", 60), ("call_monitored", 120), ("call_protected", 240), ("write_down", 900)),
    UPKEEP: (("check_device", 1800), ("call_monitored", 3600), ("write_down", 7200)),
    PLATFORM: (("check_device", 60), ("notify_police", 300), ("write_down", 900)),
}
"""(action, seconds within which it should be done). Order and times ASSUMED after the French BAR procedure: on a

pre-alert the offender is called first; on an alert the victim is brought to safety and the police sent."""


@dataclass(frozen=True)
class Facts:
    """What the plan depends on. Distances in metres, probability in [0, 1], None = unknown."""

    kind: str
    severity: int
    distance_m: float | None
    probability: float | None
    prealert_distance_m: float | None
    victim_contact: Mapping[str, str]


@dataclass(frozen=True)
class PlannedStep:
    """One line of the checklist. `reason` says why a call is or is not allowed; `caution` what to keep silent about."""

    step_id: str
    within_s: int
    allowed: bool
    reason: str
    caution: str = ""


def victim_may_be_called(facts: Facts) -> tuple[bool, str]:
    """Whether the protected person may be called about this alarm, and why.

    With distance and probability both unknown a call is allowed from severity 4: not knowing is a danger there, and
    below it a technical matter that wakes nobody.
    """
    gate = victim_contact.gate(
        facts.victim_contact.get(facts.kind),
        facts.kind,
        distance_m=facts.distance_m,
        probability=facts.probability,
        prealert_distance_m=facts.prealert_distance_m,
        unknown_is_danger=facts.severity >= 4,
    )
    return gate.allowed, gate.reason


def plan(facts: Facts) -> tuple[PlannedStep, ...]:
    """The checklist for an alarm. A kind nobody knows gets the one for danger."""
    found = next((steps for kinds, steps in PLANS.items() if facts.kind in kinds), PLANS[DANGER])
    return tuple(_step(action, within_s, facts) for action, within_s in found)


def _step(action: str, within_s: int, facts: Facts) -> PlannedStep:
    if action == "call_protected":
        allowed, reason = victim_may_be_called(facts)
        return PlannedStep(action, within_s, allowed, reason)
    if action == "call_monitored" and facts.kind in ("proximity_prealert", "proximity_alert"):
        # A warning about a moving zone would tell him where she is (Hesse): he hears that he must turn back, no more.
        return PlannedStep(action, within_s, True, "", caution="name_no_place_and_no_direction")
    return PlannedStep(action, within_s, True, "")
