"""Who of the protected persons may be called about an alarm: a rule per kind, from the order, weighed by the risk.

Judges asked that technical faults are not passed on to victims unless there is a real proximity risk (DOMAIN: Cometa).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gateway.contract.errors import OrdersInvalid
from gateway.contract.reading import mapping
from gateway.contract.transitions import KINDS

WORDS = ("always", "if_near", "never")
DANGER = ("panic", "proximity_alert", "zone_entry")
WHEN_NEAR = (
    "strap_cut",
    "case_opened",
    "jamming",
    "spoofing",
    "contact_loss",
    "gnss_loss",
    "device_left_behind",
    "proximity_prealert",
    "zone_buffer",
)
DEFAULT = {**dict.fromkeys(DANGER, "always"), **dict.fromkeys(WHEN_NEAR, "if_near")}
# `if_near`: within this many pre-alert distances, or a breach at least this probable. ASSUMED.
NEAR_PREALERTS = 2.0
LIKELY = 0.5


class Gate(NamedTuple):
    """Whether the protected person may be called, and why."""

    allowed: bool
    reason: str


def parse(value: Any) -> tuple[tuple[str, str], ...]:
    """The rules of an order, `{"<kind>": "always" | "if_near" | "never"}`, sorted; raises OrdersInvalid."""
    if value is None:
        return ()
    rules = mapping(value)
    for kind, word in rules.items():
        if kind not in KINDS:
            raise OrdersInvalid(kind, f"is not one of {', '.join(KINDS)}")
        if word not in WORDS:
            raise OrdersInvalid(kind, f"{word!r} is not one of {', '.join(WORDS)}")
    return tuple(sorted(rules.items()))


def gate(
    rule: str | None,
    kind: str,
    *,
    distance_m: float | None,
    probability: float | None,
    prealert_distance_m: float | None,
    unknown_is_danger: bool,
) -> Gate:
    """Whether she may be called about an alarm of this kind; `rule` is the order's own word, None for the default.

    Distances in metres, probability in [0, 1], None = unknown. With both unknown `unknown_is_danger` decides: a cut
    strap is a danger then, a flat battery wakes nobody. A word nobody knows counts as never.
    """
    word = rule if rule is not None else DEFAULT.get(kind, "never")
    if word != "if_near":
        return Gate(word == "always", f"policy_{word if word in WORDS else 'never'}")
    if probability is not None and probability >= LIKELY:
        return Gate(True, "breach_likely")
    if distance_m is not None and prealert_distance_m is not None:
        near = distance_m <= NEAR_PREALERTS * prealert_distance_m
        return Gate(near, "near" if near else "far")
    if distance_m is None and probability is None:
        return Gate(unknown_is_danger, "position_unknown" if unknown_is_danger else "technical")
    return Gate(False, "breach_unlikely")
