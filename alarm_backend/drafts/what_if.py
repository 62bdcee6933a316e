"""The port through which a draft's figures come: what the order would have done over the past positions.

The backend may not import the decision core (ARCHITECTURE, invariant 2), so the composition root hands in something
that runs it. What this module adds is what only the backend knows: the positions and how alarms were closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from alarm_backend.store.tables import alarms, positions

DAY_MS = 86_400_000
PERIOD_DAYS = 28
"""How far back the figures look. ASSUMED: four weeks show a weekly rhythm four times."""
POSITIONS_MAX = 60_000
POSITIONS_MIN = 100
SPAN_MIN_MS = DAY_MS
"""Fewer positions or a shorter span give no figures at all: a week told from an hour would be made up. ASSUMED."""
CLOSED_MIN = 5
"""Alarms of a kind that operators closed, below which their nuisance share is not stated. ASSUMED."""
KINDS = ("proximity_alert", "proximity_prealert", "zone_entry", "zone_buffer")
"""Only these follow from positions; tampering, panic and silence do not depend on distances and zones."""
NUISANCE_CAUSES = ("accidental_proximity", "authorised_presence", "device_fault", "position_error", "duplicate", "test")


class WhatIfUnavailable(Exception):
    """There are no figures: `code` for the catalogue, `values` for its places."""

    def __init__(self, code: str, **values: object) -> None:
        self.code = code
        self.values = {name: str(value) for name, value in values.items()}
        super().__init__(f"{code} {self.values}")


@dataclass(frozen=True)
class Question:
    """Both orders as documents (present None for a new one) and past positions as (person, ms, lat, lon, accuracy,

    speed, course) in time order; the person stands for the tracker, which may have been replaced since."""

    present: dict[str, Any] | None
    proposed: dict[str, Any]
    rows: list[tuple[str, int, float, float, float | None, float | None, float | None]]


Port = Callable[[Question], Mapping[str, Any]]
"""Gives `present`, `proposed` (alarms by kind, operator minutes, breaches) and `recall`; raises WhatIfUnavailable."""


def no_port(_question: Question) -> Mapping[str, Any]:
    """What a backend does that nobody gave a decision core."""
    raise WhatIfUnavailable("no_core")


def past_rows(connection: Connection, order_id: str, now_ms: int) -> list[Any]:
    """The newest positions of this order within the period, oldest first. Raises WhatIfUnavailable when too few.

    Positions of the same people under another order are not used: they were collected for another purpose.
    """
    columns = ("person_id", "fix_ms", "lat", "lon", "horizontal_accuracy_m", "speed_m_s", "course_deg")
    query = (
        select(*(positions.c[name] for name in columns))
        .where(positions.c.order_id == order_id, positions.c.fix_ms >= now_ms - PERIOD_DAYS * DAY_MS)
        .order_by(positions.c.fix_ms.desc())
        .limit(POSITIONS_MAX)
    )
    rows = [tuple(row) for row in reversed(connection.execute(query).all())]
    span_ms = rows[-1][1] - rows[0][1] if rows else 0
    if len(rows) < POSITIONS_MIN or span_ms < SPAN_MIN_MS:
        hours = f"{span_ms / 3_600_000:.1f}"
        raise WhatIfUnavailable(
            "too_few", n=len(rows), hours=hours, n_min=POSITIONS_MIN, hours_min=SPAN_MIN_MS // 3_600_000
        )
    return rows


def nuisance(connection: Connection, order_id: str, since_ms: int, per_week: Mapping[str, float]) -> dict[str, Any]:
    """Nuisance alarms a week in the proposal, from the causes with which operators closed this order's alarms.

    Kinds with fewer than CLOSED_MIN closed alarms are named in `unknown` and not counted in.
    """
    query = (
        select(alarms.c.kind, alarms.c.cause, func.count())
        .where(
            alarms.c.order_id == order_id,
            alarms.c.raised_ms >= since_ms,
            alarms.c.state == "resolved",
            alarms.c.kind.in_(KINDS),
        )
        .group_by(alarms.c.kind, alarms.c.cause)
    )
    closed: dict[str, int] = {}
    bothered: dict[str, int] = {}
    for kind, cause, count in connection.execute(query):
        closed[kind] = closed.get(kind, 0) + count
        if cause in NUISANCE_CAUSES:
            bothered[kind] = bothered.get(kind, 0) + count
    known = [kind for kind in per_week if closed.get(kind, 0) >= CLOSED_MIN]
    return {
        "per_week": round(sum(per_week[k] * bothered.get(k, 0) / closed[k] for k in known), 2) if known else None,
        "closed": sum(closed.values()),
        "unknown": sorted(kind for kind in per_week if kind not in known),
    }


def figures(connection: Connection, question: Question, answer: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """What is shown and kept: the answer of the core, n, period, and the nuisance estimate."""
    first, last = question.rows[0][1], question.rows[-1][1]
    people = sorted({row[0] for row in question.rows})
    order_id = str(question.proposed["order_id"])
    by_kind = answer["proposed"]["by_kind_per_week"]
    return {
        "available": True,
        "n": len(question.rows),
        "by_person": {person: sum(row[0] == person for row in question.rows) for person in people},
        "from_ms": first,
        "until_ms": last,
        "cut": len(question.rows) == POSITIONS_MAX,
        "present": answer["present"],
        "proposed": answer["proposed"],
        "recall": answer["recall"],
        "nuisance": nuisance(connection, order_id, now_ms - PERIOD_DAYS * DAY_MS, by_kind),
        "made_ms": now_ms,
    }
