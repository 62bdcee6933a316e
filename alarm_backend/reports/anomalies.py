"""Ways of closing alarms that somebody should look at; pure. Each threshold is ASSUMED and said in the finding."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

BULK_COUNT = 5
BULK_WINDOW_MS = 60_000
FAST_MS = 15_000
FAST_SEVERITY_MIN = 3
PAIR_COUNT = 10
PAIR_SHARE = 0.9
INSPECTION_WINDOW_MS = 24 * 3_600_000
INSPECTION_FACTOR = 3.0
INSPECTION_COUNT_MIN = 10


@dataclass(frozen=True)
class Closing:
    """One closed alarm: who asked for it, who confirmed (same as `by` without four eyes), wall times in ms."""

    alarm_id: str
    kind: str
    severity: int
    by: str
    confirmed_by: str
    stored_ms: int
    closed_ms: int


@dataclass(frozen=True)
class Anomaly:
    """Something to look at: which rule, who, when, which alarms."""

    rule: str
    who: str
    at_ms: int
    says: str
    alarm_ids: tuple[str, ...]


def bulk_closes(closings: Sequence[Closing]) -> list[Anomaly]:
    """Five or more alarms closed by one person within a minute: battery alerts of Cometa were closed so."""
    found = []
    for who, theirs in _by_person(closings).items():
        start = 0
        while start < len(theirs):
            end = start
            while end + 1 < len(theirs) and theirs[end + 1].closed_ms - theirs[start].closed_ms <= BULK_WINDOW_MS:
                end += 1
            run = theirs[start : end + 1]
            if len(run) >= BULK_COUNT:
                seconds = (run[-1].closed_ms - run[0].closed_ms) / 1000
                says = f"{len(run)} alarms closed in {seconds:.0f} s"
                found.append(Anomaly("bulk_close", who, run[0].closed_ms, says, tuple(c.alarm_id for c in run)))
                start = end + 1
            else:
                start += 1
    return found


def fast_closes(closings: Sequence[Closing]) -> list[Anomaly]:
    """Alarms of severity 3 or more closed sooner than anybody can have looked at them."""
    return [
        Anomaly(
            "fast_close",
            closing.by,
            closing.closed_ms,
            f"{closing.kind} closed {(closing.closed_ms - closing.stored_ms) / 1000:.0f} s after it came in",
            (closing.alarm_id,),
        )
        for closing in closings
        if closing.severity >= FAST_SEVERITY_MIN and closing.closed_ms - closing.stored_ms < FAST_MS
    ]


def same_pairs(closings: Sequence[Closing]) -> list[Anomaly]:
    """Somebody's closings nearly always confirmed by the same colleague: four eyes in name only."""
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    last: dict[str, int] = {}
    for closing in closings:
        if closing.confirmed_by != closing.by:
            pairs[closing.by][closing.confirmed_by] += 1
            last[closing.by] = max(last.get(closing.by, 0), closing.closed_ms)
    found = []
    for who, partners in pairs.items():
        total = partners.total()
        partner, count = partners.most_common(1)[0]
        if total >= PAIR_COUNT and count / total >= PAIR_SHARE:
            says = f"{count} of {total} closings confirmed by {partner}"
            found.append(Anomaly("same_pair", who, last[who], says, ()))
    return found


def closes_before(closings: Sequence[Closing], inspection_ms: int) -> list[Anomaly]:
    """Many more closings in the day before an inspection than on the days before that."""
    start = inspection_ms - INSPECTION_WINDOW_MS
    late = [closing for closing in closings if start <= closing.closed_ms < inspection_ms]
    earlier = [closing for closing in closings if closing.closed_ms < start]
    if len(late) < INSPECTION_COUNT_MIN:
        return []
    first_ms = min((closing.closed_ms for closing in earlier), default=start)
    days = max(1.0, (start - first_ms) / INSPECTION_WINDOW_MS)
    usual = len(earlier) / days
    if len(late) < INSPECTION_FACTOR * max(usual, 1.0):
        return []
    says = f"{len(late)} alarms closed in the day before, {usual:.1f} on a usual day"
    return [Anomaly("before_inspection", "", start, says, tuple(closing.alarm_id for closing in late))]


def find(closings: Sequence[Closing], inspections_ms: Sequence[int] = ()) -> list[Anomaly]:
    """Everything to look at, in order of time."""
    found = bulk_closes(closings) + fast_closes(closings) + same_pairs(closings)
    for inspection_ms in inspections_ms:
        found += closes_before(closings, inspection_ms)
    return sorted(found, key=lambda anomaly: (anomaly.at_ms, anomaly.rule, anomaly.who))


def _by_person(closings: Sequence[Closing]) -> dict[str, list[Closing]]:
    people: dict[str, list[Closing]] = defaultdict(list)
    for closing in sorted(closings, key=lambda c: c.closed_ms):
        people[closing.by].append(closing)
    return people
