"""How bad an alarm is: a severity of 1 to 5 that may go up and down, and a number to order a queue by."""

from __future__ import annotations

SEVERITY_OF_KIND = {
    "panic": 5,
    "proximity_alert": 5,
    "zone_entry": 5,
    "order_not_judged": 5,
    "order_not_active": 5,
    "gateway_silent": 5,
    "escalation_stopped": 5,
    "strap_cut": 4,
    "case_opened": 4,
    "jamming": 4,
    "spoofing": 4,
    "proximity_prealert": 3,
    "zone_buffer": 3,
    "contact_loss": 3,
    "gnss_loss": 3,
    "device_left_behind": 3,
    "battery_critical": 2,
    "battery_low": 1,
}
"""ASSUMED from DOMAIN: a danger to a person first, then what blinds us, then what will blind us, then upkeep."""
SEVERITY_OF_LEVEL = {"info": 1, "warning": 3, "high": 4, "critical": 5}
"""The levels of `gateway.contract.transitions`."""
UPKEEP_CEILING = {"battery_low": 2, "battery_critical": 3}
"""No level makes upkeep look like danger: what wakes people for nothing is not believed the next time."""
SEVERITY_MAX = 5
NEAR_M = 2_000.0
"""Beyond this distance nearness no longer orders the queue: the usual pre-alert distance."""


def severity(kind: str, level: str) -> int:
    """1 (upkeep) to 5 (danger now). A level raises what the kind says, or lowers it by one step at most.

    A kind or a level nobody knows counts as the highest: what is not understood must be seen.
    """
    of_kind = SEVERITY_OF_KIND.get(kind, SEVERITY_MAX)
    of_level = min(SEVERITY_OF_LEVEL.get(level, SEVERITY_MAX), UPKEEP_CEILING.get(kind, SEVERITY_MAX))
    return max(of_kind - 1, of_level, 1)


def risk(severity_1_5: int, condition: str, probability: float | None, distance_m: float | None) -> float:
    """The queue's order, larger first: severity, then whether it still holds, then probability and nearness.

    An unknown probability or distance counts as bad, not as good.
    """
    likely = 1.0 if probability is None else min(max(probability, 0.0), 1.0)
    near = 0.5 if distance_m is None else 1.0 - min(max(distance_m, 0.0), NEAR_M) / NEAR_M
    holds = 40.0 if condition == "active" else 0.0
    return 100.0 * severity_1_5 + holds + 30.0 * likely + 20.0 * near
