"""One alarm's life: raised on probability, levels up and down, cleared only by near-certainty that lasts."""

from __future__ import annotations

from typing import NamedTuple

from gateway.contract.transitions import LEVELS
from gateway.geofence.rules import Rules


class Key(NamedTuple):
    """What an alarm is about, within one order: the kind, whose tracker or which protected person, which zone."""

    kind: str
    protected: str
    zone_id: str


class Alarm(NamedTuple):
    """A raised alarm. `low_since_ms`: since when its cause seems gone; `seen_ms`: when its cause was last seen."""

    alarm_id: str
    raised_ms: int
    level: str
    seen_ms: int
    low_since_ms: int | None = None
    level_low_since_ms: int | None = None


class Evidence(NamedTuple):
    """What one look says of one alarm. `p`: probability that its cause holds; `p_upper`: that the higher level is due.

    `fresh`: whether the positions are recent enough to end anything; `alone`: fixes come so rarely that one decides.
    `last_look`: nothing that comes later can show this more clearly, so a lower probability is enough.
    """

    p: float
    p_upper: float
    base: str
    upper: str
    fresh: bool
    alone: bool
    last_look: bool = False


class Change(NamedTuple):
    """What becomes of an alarm: the transition word, or "" when nothing is to be told."""

    word: str
    alarm: Alarm | None
    pending: bool


def _level_of(evidence: Evidence, rules: Rules) -> str:
    return evidence.upper if evidence.p_upper >= rules.p_level else evidence.base


def consider(alarm: Alarm | None, pending: bool, evidence: Evidence, now_ms: int, rules: Rules) -> Change:
    """The alarm after one look. A raised one without id comes back; the caller names it."""
    if alarm is None:
        if evidence.p < (rules.p_last_look if evidence.last_look else rules.p_raise):
            return Change("", None, False)
        if evidence.p < rules.p_sure and not pending and not evidence.alone:
            return Change("", None, True)
        return Change("raised", Alarm("", now_ms, _level_of(evidence, rules), now_ms), False)
    if evidence.p >= rules.p_clear:
        return _levelled(alarm._replace(low_since_ms=None, seen_ms=now_ms), evidence, now_ms, rules)
    if not evidence.fresh:
        return Change("", alarm, False)
    since = now_ms if alarm.low_since_ms is None else alarm.low_since_ms
    word = "cleared" if now_ms - since >= rules.clear_hold_ms else ""
    return Change(word, alarm._replace(low_since_ms=since), False)


def _levelled(alarm: Alarm, evidence: Evidence, now_ms: int, rules: Rules) -> Change:
    """The level follows the danger: up at once, down after the hold."""
    if evidence.p_upper >= rules.p_level:
        if severity(evidence.upper) > severity(alarm.level):
            return Change("escalated", alarm._replace(level=evidence.upper, level_low_since_ms=None), False)
        return Change("", alarm._replace(level_low_since_ms=None), False)
    if alarm.level == evidence.base or evidence.p_upper >= rules.p_clear or not evidence.fresh:
        return Change("", alarm._replace(level_low_since_ms=None), False)
    since = now_ms if alarm.level_low_since_ms is None else alarm.level_low_since_ms
    if now_ms - since >= rules.clear_hold_ms:
        return Change("eased", alarm._replace(level=evidence.base, level_low_since_ms=None), False)
    return Change("", alarm._replace(level_low_since_ms=since), False)


def severity(level: str) -> int:
    """The rank of a level; higher is worse."""
    return LEVELS.index(level)
