"""What-if: the same past fixes under a proposed distance, schedule or rule, beside the order as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.contract import schedules
from gateway.contract.orders import Order, Proximity
from gateway.contract.shapes import Circle
from gateway.contract.transitions import Transition
from gateway.geofence.motion import Observation
from gateway.geofence.rules import STANDARD, Rules
from gateway.replay.run import replay

WEEK_MS = 7 * 86_400_000
# Minutes an operator spends on an alarm of each kind (ASSUMED until the centre's own times are known).
OPERATOR_MINUTES = {
    "proximity_alert": 20.0,
    "zone_entry": 20.0,
    "panic": 20.0,
    "strap_cut": 20.0,
    "proximity_prealert": 6.0,
    "zone_buffer": 6.0,
    "contact_loss": 8.0,
    "gnss_loss": 5.0,
}
OPERATOR_MINUTES_OTHER = 5.0
BREACH_KINDS = ("proximity_alert", "zone_entry")
MATCH_MS = 120_000


@dataclass(frozen=True)
class Proposal:
    """What would change; None leaves a value as it is."""

    alert_distance_m: float | None = None
    prealert_distance_m: float | None = None
    zone_radius_m: float | None = None
    zone_buffer_m: float | None = None
    schedule: tuple[schedules.Window, ...] | None = None
    rules: Rules = STANDARD

    def applied(self, order: Order) -> Order:
        """The order as proposed."""
        proximity = order.proximity
        if proximity is not None and (self.alert_distance_m or self.prealert_distance_m):
            alert_m = self.alert_distance_m or proximity.alert_distance_m
            ratio = proximity.prealert_distance_m / proximity.alert_distance_m
            proximity = Proximity(alert_m, max(alert_m, self.prealert_distance_m or alert_m * ratio))
        zones = []
        for zone in order.zones:
            shape = zone.shape
            if self.zone_radius_m is not None and isinstance(shape, Circle):
                shape = shape._replace(radius_m=self.zone_radius_m)
            buffer_m = zone.buffer_m if self.zone_buffer_m is None else self.zone_buffer_m
            schedule = zone.schedule if self.schedule is None else self.schedule
            zones.append(zone._replace(shape=shape, buffer_m=buffer_m, schedule=schedule))
        return order._replace(proximity=proximity, zones=tuple(zones))


def summary(transitions: Iterable[Transition], weeks: float) -> dict[str, Any]:
    """Alarms raised, in all and per week and kind, and the operator minutes that they cost."""
    raised = Counter(t.kind for t in transitions if t.transition == "raised")
    minutes = sum(OPERATOR_MINUTES.get(kind, OPERATOR_MINUTES_OTHER) * count for kind, count in raised.items())
    return {
        "alarms": sum(raised.values()),
        "alarms_per_week": round(sum(raised.values()) / weeks, 2),
        "by_kind_per_week": {kind: round(count / weeks, 2) for kind, count in sorted(raised.items())},
        "operator_minutes_per_week": round(minutes / weeks, 1),
    }


def _subject(t: Transition) -> str:
    return f"{t.order_id} {t.zone_id or t.protected}"


def breaches(transitions: Sequence[Transition], end_ms: int) -> list[tuple[str, int, int]]:
    """The breaches told: (order and whom or which zone it concerns, from, until)."""
    open_ms: dict[str, int] = {}
    spans = []
    for t in transitions:
        if t.kind in BREACH_KINDS and t.transition == "raised":
            open_ms[t.alarm_id] = t.time_ms
        elif t.alarm_id in open_ms and t.transition == "cleared":
            spans.append((_subject(t), open_ms.pop(t.alarm_id), t.time_ms))
    names = {t.alarm_id: _subject(t) for t in transitions}
    return spans + [(names[alarm_id], start_ms, end_ms) for alarm_id, start_ms in open_ms.items()]


def recall(wanted: list[tuple[str, int, int]], having: list[tuple[str, int, int]]) -> float | None:
    """The share of `wanted` spans that a span of the same subject overlaps, two minutes either way."""
    if not wanted:
        return None
    found = sum(
        any(o == order and a <= end + MATCH_MS and b >= start - MATCH_MS for o, a, b in having)
        for order, start, end in wanted
    )
    return round(found / len(wanted), 4)


def compare(
    orders: Sequence[Order], observations: Sequence[Observation], proposal: Proposal
) -> tuple[dict[str, Any], list[Transition]]:
    """Both outcomes side by side, and the transitions of the proposal."""
    times = [row.time_ms for row in observations]
    end_ms = max(times, default=0)
    span_weeks = (end_ms - min(times, default=0)) / WEEK_MS
    weeks = max(span_weeks, 1 / (7 * 24))
    present = list(replay(orders, observations))
    proposed = list(replay([proposal.applied(order) for order in orders], observations, rules=proposal.rules))
    told, told_proposed = breaches(present, end_ms), breaches(proposed, end_ms)
    return {
        "schema": "waakzaam.what_if/1",
        "weeks": round(span_weeks, 4),
        "fixes": len(observations),
        "present": summary(present, weeks),
        "proposed": summary(proposed, weeks),
        "breaches_present": len(told),
        "breaches_proposed": len(told_proposed),
        "recall_of_present_breaches": recall(told, told_proposed),
    }, proposed
