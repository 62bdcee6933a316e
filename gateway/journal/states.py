"""States of orders as text and back, so that a restart goes on where the last checkpoint stood."""

from __future__ import annotations

import json
from typing import Any

from gateway.contract.orders import Order, Party
from gateway.errors import GatewayError
from gateway.geofence.alarms import Alarm, Key
from gateway.geofence.case import Case, State, next_boundary_ms, reordered, rules_in_force
from gateway.geofence.motion import Estimate, Observation
from gateway.geofence.tracks import Doubt, Point, Track

FORMAT = 1


class CheckpointUnusable(GatewayError):
    """A stored state cannot be read back: by another version, or damaged."""

    def __init__(self, order_id: str, reason: str) -> None:
        self.order_id = order_id
        self.reason = reason
        super().__init__(f"stored state of order {order_id}: {reason}")


def freeze(state: State) -> str:
    """The state without its order, as one line of JSON; while alarms stand, with who takes part in it."""
    order = state.case.order
    parties = [(party.person_id, party.device_id) for party in (order.monitored, *order.protected)]
    return json.dumps(
        {
            "format": FORMAT,
            "parties": parties if state.alarms else None,
            "now_ms": state.now_ms,
            "started_ms": state.started_ms,
            "tracks": list(state.tracks.values()),
            "alarms": [[*key, *alarm] for key, alarm in state.alarms.items()],
            "pending": sorted(state.pending),
            "active": sorted(state.active),
            "boundary_ms": state.boundary_ms,
            "closed": [[*key, *span] for key, span in state.closed.items()],
            "deadline_ms": state.deadline_ms,
        },
        separators=(",", ":"),
    )


def bare_order(text: str, order_id: str, version: int) -> Order | None:
    """What is left of an order that is no longer there: enough to end its alarms; None when none stand.

    Raises CheckpointUnusable when they stand and nobody knows whose they are.
    """
    try:
        document = json.loads(text)
        if not document["alarms"]:
            return None
        monitored, *protected = (Party(*one) for one in document["parties"])
        until_ms = document["now_ms"]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise CheckpointUnusable(order_id, f"{type(error).__name__}: {error}") from None
    return Order(order_id, version, "withdrawn", "UTC", until_ms, until_ms, monitored, tuple(protected), None, ())


def _track(values: list[Any]) -> Track:
    track = Track(*values)
    here: Any = track.here
    before: Any = track.before
    raw: Any = track.raw
    doubt: Any = track.doubt
    return track._replace(
        here=None if here is None else Estimate(*here),
        before=None if before is None else Estimate(*before),
        raw=None if raw is None else Observation(*raw),
        recent=tuple(Observation(*one) for one in track.recent),
        history=tuple(Point(*one) for one in track.history),
        doubt=None
        if doubt is None
        else Doubt(doubt[0], Estimate(*doubt[1]), Estimate(*doubt[2]), Observation(*doubt[3]), doubt[4], doubt[5]),
    )


def thaw(text: str, case: Case, changed: bool = False) -> State:
    """The state of this order from its text; raises CheckpointUnusable.

    When the order was `changed` since it was stored, its rules are redone from then on: a new zone must not wait until
    some other rule begins or ends. A change that kept the version shows where other rules are in force than were.
    """
    state = _state(text, case)
    if not changed and (state.boundary_ms is None or state.boundary_ms > state.now_ms):
        in_force = rules_in_force(case, state.now_ms), next_boundary_ms(case, state.now_ms)
        changed = in_force != (state.active, state.boundary_ms)
    return reordered(state, case, state.now_ms) if changed else state


def _state(text: str, case: Case) -> State:
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise CheckpointUnusable(case.order.order_id, f"format {document['format']} is not {FORMAT}")
        tracks = {track.device_id: track for track in map(_track, document["tracks"])}
        return State(
            case,
            document["now_ms"],
            document["started_ms"],
            {device: tracks.get(device, Track(device)) for device in case.person_of},
            {Key(*row[:3]): Alarm(*row[3:]) for row in document["alarms"]},
            frozenset(Key(*row) for row in document["pending"]),
            frozenset(document["active"]),
            document["boundary_ms"],
            {Key(*row[:3]): (row[3], row[4]) for row in document["closed"]},
            document["deadline_ms"],
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise CheckpointUnusable(case.order.order_id, f"{type(error).__name__}: {error}") from None
