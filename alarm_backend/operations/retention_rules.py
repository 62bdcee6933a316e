"""How many days what is kept: by kind of data, for alarms by kind of alarm, for an order in its own document; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alarm_backend.alarms.schemas import PLATFORM_KINDS
from alarm_backend.errors import InvalidRequest
from gateway.contract import transitions as contract

SCHEMA = "waakzaam.retention/1"
POSITIONS_DAYS = 90
"""Default for positions. ASSUMED, to be set by the controller (GDPR art. 5.1.e)."""
EVENTS_DAYS = 2
"""The event log only serves consoles that reconnect. ASSUMED."""
DAYS_MAX = 36_500
EVERY_KIND = "*"
DATA = ("positions", "events", "rejections", "field_tests", "feedback")
"""What has days of its own; what has none named is kept."""
ALARM_KINDS = (*contract.KINDS, contract.NOT_JUDGED, *PLATFORM_KINDS)


@dataclass(frozen=True)
class Rules:
    """Days by kind of data, and by kind of alarm (`*` = every kind that is not named). Not named = kept."""

    data: Mapping[str, int] = field(default_factory=lambda: {"positions": POSITIONS_DAYS, "events": EVENTS_DAYS})
    alarms: Mapping[str, int] = field(default_factory=dict)

    def alarm_days(self) -> dict[str, int]:
        """Days of every kind of alarm that is removed at all."""
        every = self.alarms.get(EVERY_KIND)
        days = {kind: self.alarms.get(kind, every) for kind in ALARM_KINDS}
        return {kind: number for kind, number in days.items() if number is not None}


def parse(document: Any) -> Rules:
    """The rules of a `waakzaam.retention/1` document, on top of the defaults. Raises InvalidRequest."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InvalidRequest("schema", "other_schema", schema=SCHEMA)
    return _on_top(Rules(), document.get("days"), "days", DATA)


def of_order(general: Rules, document: Mapping[str, Any]) -> Rules | None:
    """The rules of one order: its `retention_days`, a number (positions) or days by kind; None = the general ones.

    Raises InvalidRequest: an order whose rules cannot be read must not lose anything by a guess.
    """
    own = document.get("retention_days")
    if own is None:
        return None
    if isinstance(own, int) and not isinstance(own, bool):
        own = {"positions": own}
    return _on_top(general, own, f"{document.get('order_id')}: retention_days", ("positions",))


def _on_top(general: Rules, days: Any, where: str, allowed: tuple[str, ...]) -> Rules:
    if not isinstance(days, dict):
        raise InvalidRequest(where, "days_by_kind")
    data, alarms = dict(general.data), dict(general.alarms)
    for name, value in days.items():
        if name == "alarms":
            if not isinstance(value, dict):
                raise InvalidRequest(f"{where}.alarms", "days_by_alarm")
            for kind, number in value.items():
                if kind not in (*ALARM_KINDS, EVERY_KIND):
                    raise InvalidRequest(f"{where}.alarms.{kind}", "no_kind")
                alarms[kind] = _days(f"{where}.alarms.{kind}", number)
        elif name in allowed:
            data[name] = _days(f"{where}.{name}", value)
        else:
            raise InvalidRequest(f"{where}.{name}", "not_one_of", known=[*allowed, "alarms"])
    return Rules(data, alarms)


def _days(where: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= DAYS_MAX:
        raise InvalidRequest(where, "no_days", given=repr(value), most=DAYS_MAX)
    return value
