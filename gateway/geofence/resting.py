"""Orders at rest, many at once: nothing stands, both persons far from everything, so a fix only moves an array entry.

Most fixes of most orders are like that. What the scalar core does with such a fix (`step._is_quiet`, `tracks.rest`) is
done here for a whole batch with the same arithmetic; every other fix wakes its order, which then goes through `step`.
An order rests here when it has one protected person with a tracker and nothing in its state but the two tracks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.contract.orders import Order
from gateway.geofence import ellipsoid, motion
from gateway.geofence.case import MONITORED, State, case_of
from gateway.geofence.motion import Observation
from gateway.geofence.probability import R68_PER_SD
from gateway.geofence.rules import Rules
from gateway.geofence.tracks import INTERVAL_LEARNING, RECENT_MAX, USUAL_GAP_MIN_S, USUAL_MEMORY_S, Track

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NEVER = np.int64(2**62)
SOURCE = "tracker"


@dataclass(frozen=True)
class Batch:
    """Fixes of one instant of processing, at most one per order. Unknown accuracy, speed and course are NaN.

    `order` is the order's number, `role` 0 for the monitored person's tracker and 1 for the protected one's.
    """

    order: Ints
    role: Ints
    time_ms: Ints
    lat: Floats
    lon: Floats
    accuracy_m: Floats
    speed_m_s: Floats
    course_deg: Floats

    def part(self, mask: NDArray[Any]) -> Batch:
        names = ("order", "role", "time_ms", "lat", "lon", "accuracy_m", "speed_m_s", "course_deg")
        return Batch(*(getattr(self, name)[mask] for name in names))


class Resting:
    """The arrays: first index the order, second the role (monitored, protected)."""

    def __init__(self, count: int, zones_max: int, rules: Rules) -> None:
        self.rules = rules
        self.asleep = np.zeros(count, dtype=bool)
        self.due_ms = np.full(count, NEVER)
        self.prealert_m = np.full(count, np.inf)
        self.zone_at = np.zeros((count, zones_max, 3))
        self.zone_reach_m = np.full((count, zones_max), -np.inf)
        self.boundary_ms = np.full(count, NEVER)
        self.started_ms = np.zeros(count, dtype=np.int64)
        pair = (count, 2)
        # What is read together lies together: with a million orders the processor waits for each place in memory.
        self.at = np.zeros((*pair, 3))
        self.still_at = np.zeros((*pair, 3))
        self.still = np.zeros((*pair, 2))
        self.still_since_ms = np.zeros(pair, dtype=np.int64)
        self.contact_ms = np.zeros(pair, dtype=np.int64)
        self.interval_ms = np.full(pair, rules.interval_assumed_ms)
        self.usual_m_s = np.zeros(pair)
        self.noise = np.ones(pair)
        self.ring_time = np.zeros((*pair, RECENT_MAX), dtype=np.int64)
        self.ring = np.full((*pair, RECENT_MAX, 5), np.nan)
        self.fixes = np.zeros(pair, dtype=np.int64)
        self.last_ms = np.zeros(2 * count, dtype=np.int64)
        self.last_sd_m = np.zeros(2 * count)
        # The same memory by one number, 2 * order + role: found sooner than by two.
        self._at, self._still_at, self._still = (a.reshape(2 * count, -1) for a in (self.at, self.still_at, self.still))
        self._usual, self._interval = self.usual_m_s.reshape(-1), self.interval_ms.reshape(-1)
        self._contact, self._still_since = self.contact_ms.reshape(-1), self.still_since_ms.reshape(-1)
        self._fixes, self._ring_time = self.fixes.reshape(-1), self.ring_time.reshape(-1)
        self._ring = self.ring.reshape(2 * count * RECENT_MAX, 5)
        self._active: dict[int, frozenset[str]] = {}
        self._closed: dict[int, dict[Any, tuple[int, int]]] = {}
        self._common: frozenset[str] = frozenset()

    def bytes_per_tracker(self) -> float:
        """Memory of the arrays for one tracker."""
        arrays = [value for value in vars(self).values() if isinstance(value, np.ndarray) and value.base is None]
        return sum(array.nbytes for array in arrays) / (2 * len(self.asleep))

    # ---- fixes ------------------------------------------------------------------------------------------------------
    def take(self, batch: Batch, now_ms: Ints) -> NDArray[np.bool_]:
        """Takes in the fixes that change nothing but arrays; False marks those that the scalar core must see."""
        rules, order, role = self.rules, batch.order, batch.role
        mine = 2 * order + role
        hers = mine + 1 - 2 * role
        lat_lon = ellipsoid.vectors(batch.lat, batch.lon)
        sd = self._sd_m(batch.accuracy_m)
        last_ms = self.last_ms[mine]
        moved_m = ellipsoid.vector_distances(lat_lon, self._at[mine].T)
        gap_s = (batch.time_ms - last_ms) / 1000
        pace_m_s = np.maximum(self._usual[mine], (moved_m - 2 * sd) / np.maximum(gap_s, USUAL_GAP_MIN_S))
        slack_m = moved_m + 6 * sd
        age_ms = np.maximum(0, batch.time_ms - self.last_ms[hers])
        wander_m = rules.quiet_wander_m_s * age_ms / 1000 + 6 * self.last_sd_m[hers]
        both_m = self._margin_m(pace_m_s + self._usual[hers])
        quiet = self.asleep[order] & (self.due_ms[order] > now_ms) & (batch.time_ms > last_ms)
        # A straight line is never longer than the way over the ground: who is far by it is far.
        quiet &= ellipsoid.farther(lat_lon, self._at[hers].T, self.prealert_m[order] + slack_m + both_m + wander_m)
        slack_m += self._margin_m(pace_m_s)
        bound = np.flatnonzero(quiet & (role == 0))  # zones are for the monitored person
        zone_at, reach_m, here = self.zone_at[order[bound]], self.zone_reach_m[order[bound]], lat_lon[:, bound]
        for zone in range(reach_m.shape[1]):
            quiet[bound] &= ellipsoid.farther(here, zone_at[:, zone].T, reach_m[:, zone] + slack_m[bound])
        if quiet.all():
            self._move(batch, lat_lon, sd, moved_m, last_ms, now_ms)
        else:
            self._move(batch.part(quiet), lat_lon[:, quiet], sd[quiet], moved_m[quiet], last_ms[quiet], now_ms[quiet])
        result: NDArray[np.bool_] = quiet
        return result

    def _sd_m(self, accuracy_m: Floats) -> Floats:
        """What `motion.fix_sd_m` says of these accuracies."""
        rules = self.rules
        stated = np.maximum(accuracy_m, rules.accuracy_floor_m)
        return np.where(np.isnan(accuracy_m), rules.accuracy_missing_m, stated) / R68_PER_SD

    def _margin_m(self, pace_m_s: Floats) -> Floats:
        """What `tracks.quiet_margin_m` says, for all of a batch."""
        rules = self.rules
        horizon_s = rules.contact_horizon_ms / 1000
        return np.minimum(rules.quiet_margin_m, rules.quiet_margin_still_m + pace_m_s * horizon_s)

    def _move(self, batch: Batch, at: Floats, sd: Floats, moved_m: Floats, last_ms: Ints, now_ms: Ints) -> None:
        """What `tracks.rest` does, for all of a batch."""
        mine = 2 * batch.order + batch.role
        gap_ms = (batch.time_ms - last_ms).astype(np.float64)
        interval = self._interval[mine]
        fixes = self._fixes[mine]
        learning = np.where(fixes == 1, 1.0, INTERVAL_LEARNING)
        self._interval[mine] = interval + learning * (np.minimum(gap_ms, 4 * interval) - interval)
        gap_s = gap_ms / 1000
        self._usual[mine] = np.maximum(
            (moved_m - 2 * sd) / np.maximum(gap_s, USUAL_GAP_MIN_S),
            self._usual[mine] * np.exp(-gap_s / USUAL_MEMORY_S),
        )
        far_m = self.rules.still_radius_m + 2 * sd
        away = np.flatnonzero(~ellipsoid.within(at, self._still_at[mine].T, far_m))
        if len(away):
            moved = mine[away]
            self._still_at[moved] = at[:, away].T
            self._still[moved] = np.stack((batch.lat[away], batch.lon[away]), axis=1)
            self._still_since[moved] = batch.time_ms[away]
        self._contact[mine] = np.maximum(now_ms, self._contact[mine])
        self._at[mine] = at.T
        self.last_ms[mine] = batch.time_ms
        self.last_sd_m[mine] = sd
        place = RECENT_MAX * mine + fixes % RECENT_MAX
        self._ring_time[place] = batch.time_ms
        columns = (batch.lat, batch.lon, batch.accuracy_m, batch.speed_m_s, batch.course_deg)
        self._ring[place] = np.stack(columns, axis=1)
        self._fixes[mine] = fixes + 1
        self._refresh_due(batch.order)

    def _refresh_due(self, order: Ints) -> None:
        """The earliest instant at which silence, stillness or a change of rules could matter; never too late."""
        rules = self.rules
        overdue = np.maximum(rules.overdue_min_ms, rules.overdue_intervals * self.interval_ms[order] - 1)
        silent = np.min(self.contact_ms[order] + overdue.astype(np.int64), axis=1)
        still = self.still_since_ms[order, 0] + rules.left_behind_still_ms
        self.due_ms[order] = np.minimum(np.minimum(silent, still), self.boundary_ms[order])

    def due(self, now_ms: int) -> Ints:
        """The orders at rest that time alone may have something to say about."""
        return np.flatnonzero(self.asleep & (self.due_ms <= now_ms)).astype(np.int64)

    # ---- falling asleep and waking ----------------------------------------------------------------------------------
    def lay_down(self, number: int, state: State) -> bool:
        """Takes an order's state into the arrays when it can rest; False when it cannot."""
        case = state.case
        roles = [case.device_of.get(MONITORED), *(d for p, d in case.device_of.items() if p != MONITORED)]
        if len(roles) != 2 or roles[0] is None or len(case.zones) > self.zone_reach_m.shape[1]:
            return False
        tracks = [state.tracks[device] for device in roles if device is not None]
        if state.alarms or state.pending or "order" not in state.active or not all(map(_can_rest, tracks)):
            return False
        proximity = case.order.proximity
        self.prealert_m[number] = -np.inf if proximity is None else proximity.prealert_distance_m
        self.zone_reach_m[number] = -np.inf
        for zone, prepared in enumerate(case.zones):
            self.zone_at[number, zone] = prepared.centre
            self.zone_reach_m[number, zone] = prepared.reach_m
        self.boundary_ms[number] = NEVER if state.boundary_ms is None else state.boundary_ms
        self.started_ms[number] = state.started_ms
        for role, track in enumerate(tracks):
            self._lay_track(number, role, track)
        self._active[number] = state.active
        if state.closed:
            self._closed[number] = state.closed
        self.asleep[number] = True
        self._refresh_due(np.array([number]))
        return True

    def _lay_track(self, number: int, role: int, track: Track) -> None:
        for place, one in enumerate(track.recent):
            self.ring_time[number, role, place] = one.time_ms
            values = (one.lat, one.lon, one.accuracy_m, one.speed_m_s, one.course_deg)
            self.ring[number, role, place] = [np.nan if value is None else value for value in values]
        self.fixes[number, role] = len(track.recent)
        last = track.recent[-1]
        self.last_ms[2 * number + role] = last.time_ms
        self.last_sd_m[2 * number + role] = motion.fix_sd_m(last, self.rules)
        self.at[number, role] = ellipsoid.vector(last.lat or 0.0, last.lon or 0.0)
        self.still[number, role] = track.still_lat, track.still_lon
        self.still_at[number, role] = ellipsoid.vector(track.still_lat, track.still_lon)
        self.still_since_ms[number, role] = track.still_since_ms
        self.contact_ms[number, role] = track.contact_ms or 0
        self.interval_ms[number, role], self.usual_m_s[number, role] = track.interval_ms, track.usual_m_s
        self.noise[number, role] = track.noise

    def wake(self, number: int, order_of: Callable[[int], Order]) -> State:
        """The order's state as the scalar core would have it."""
        case = case_of(order_of(number), self.rules)
        roles = [case.device_of[MONITORED], *(d for p, d in case.device_of.items() if p != MONITORED)]
        tracks = {device: self._track(number, role, device) for role, device in enumerate(roles)}
        boundary_ms = int(self.boundary_ms[number])
        self.asleep[number] = False
        return State(
            case,
            int(self.contact_ms[number].max()),
            int(self.started_ms[number]),
            tracks,
            {},
            frozenset(),
            self._active.pop(number, self._common),
            None if boundary_ms == NEVER else boundary_ms,
            self._closed.pop(number, {}),
            int(self.due_ms[number]),
        )

    def _track(self, number: int, role: int, device: str) -> Track:
        count = int(self.fixes[number, role])
        recent = []
        for k in range(max(0, count - RECENT_MAX), count):
            place = k % RECENT_MAX
            values = [None if np.isnan(v) else float(v) for v in self.ring[number, role, place]]
            lat, lon, accuracy, speed, course = values
            time_ms = int(self.ring_time[number, role, place])
            recent.append(Observation(device, time_ms, lat, lon, accuracy, speed, course, "", SOURCE))
        return Track(
            device,
            contact_ms=int(self.contact_ms[number, role]),
            here=motion.start(recent[-1], self.rules),
            raw=recent[-1],
            recent=tuple(recent),
            interval_ms=float(self.interval_ms[number, role]),
            noise=float(self.noise[number, role]),
            usual_m_s=float(self.usual_m_s[number, role]),
            still_lat=float(self.still[number, role, 0]),
            still_lon=float(self.still[number, role, 1]),
            still_since_ms=int(self.still_since_ms[number, role]),
        )


def _can_rest(track: Track) -> bool:
    """Whether a track is nothing but its last fixes."""
    plain = all(one.source == SOURCE and one.event == "" for one in track.recent)
    whole = track.doubt is None and track.lost_ms is None and track.strap_open_ms is None
    return track.resting and bool(track.recent) and plain and whole


def rounds(batch: Batch) -> Sequence[NDArray[np.int64]]:
    """Splits a batch, ordered by time, into parts with each order at most once, in time order within an order."""
    by_order = np.argsort(batch.order, kind="stable")
    sorted_orders = batch.order[by_order]
    begins = np.flatnonzero(np.concatenate(([True], sorted_orders[1:] != sorted_orders[:-1])))
    lengths = np.diff(np.concatenate((begins, [len(sorted_orders)])))
    rank = np.arange(len(sorted_orders)) - np.repeat(begins, lengths)
    return [by_order[rank == k].astype(np.int64) for k in range(int(lengths.max(initial=0)))]
