"""Orders at rest, many at once: nothing stands, both persons far from everything, so a fix only moves an array entry.

Most fixes of most orders are like that. What the scalar core does with such a fix (`step._is_quiet`, `tracks.rest`) is
done here for a whole batch with the same arithmetic; every other fix wakes its order, which then goes through `step`.
An order rests here when it has one protected person with a tracker and nothing in its state but the two tracks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.contract.orders import Order
from gateway.geofence import bounds, ellipsoid, motion
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

    def part(self, mask: NDArray[Any] | slice) -> Batch:
        names = ("order", "role", "time_ms", "lat", "lon", "accuracy_m", "speed_m_s", "course_deg")
        return Batch(*(getattr(self, name)[mask] for name in names))


# What is kept of each tracker. Both rows of an order lie together, three lines of the processor's cache with nothing
# else in them, so that a fix waits for the memory once. The last column is the order's own: role 0, role 1.
LAT, LON, LAST_MS, SD_M, USUAL_M_S, INTERVAL_MS, CONTACT_MS, FIXES = range(8)
STILL_LAT, STILL_LON, STILL_SINCE_MS, OWN = range(8, 12)
ROW = 12
PREALERT_M, UNTIL_MS = OWN, ROW + OWN  # in a row of both
LINE_BYTES = 64
BLOCK = 8_192  # so many fixes at once stay near the processor


class Resting:
    """The arrays: `tracker[2 * order + role]` (role 0 the monitored person's), `both[order]`, which is both of these in
    one row, each tracker's last fixes and each order's zones.

    Times are Unix milliseconds, whole numbers that float64 holds exactly. The last row belongs to no order: what is not
    for the arrays is written there. UNTIL_MS of an order that is not at rest lies before all times.
    """

    def __init__(self, count: int, zones_max: int, rules: Rules) -> None:
        self.rules = rules
        self.asleep = np.zeros(count, dtype=bool)
        self.due_ms = np.full(count + 1, -NEVER)
        self.boundary_ms = np.full(count + 1, NEVER)
        self.started_ms = np.zeros(count, dtype=np.int64)
        self.both = _lined_up(count + 1, 2 * ROW)
        self.both[:, UNTIL_MS] = -NEVER
        self.tracker = self.both.reshape(-1, ROW)
        self.noise = np.ones(2 * count)
        self.zones = np.zeros((count, 3, zones_max))
        self.zones[:, 2] = -np.inf
        self.ring = np.full(((2 * count + 2) * RECENT_MAX, 6), np.nan)
        self._active: dict[int, frozenset[str]] = {}
        self._closed: dict[int, dict[Any, tuple[int, int]]] = {}
        self._common: frozenset[str] = frozenset()

    def bytes_per_tracker(self) -> float:
        """Memory of the arrays for one tracker."""
        arrays = [value for value in vars(self).values() if isinstance(value, np.ndarray)]
        return (sum(array.nbytes for array in arrays) - self.tracker.nbytes) / (2 * len(self.asleep))

    # ---- fixes ------------------------------------------------------------------------------------------------------
    def take(self, batch: Batch, now_ms: Ints) -> NDArray[np.bool_]:
        """Takes in the fixes that change nothing but arrays; False marks those that the scalar core must see."""
        quiet = np.empty(len(batch.order), dtype=bool)
        for begin in range(0, len(quiet), BLOCK):
            block = slice(begin, begin + BLOCK)
            quiet[block] = self._take(batch.part(block), now_ms[block])
        return quiet

    def _take(self, batch: Batch, now_ms: Ints) -> NDArray[np.bool_]:
        """`take` for a block. Distances are bounds (`bounds`): what they leave open the scalar core decides."""
        rules, order = self.rules, batch.order
        both = self.both.take(order, axis=0)
        row = 2 * np.arange(len(order)) + batch.role
        mine, hers = (both.reshape(-1, ROW).take(rows, axis=0) for rows in (row, row ^ 1))
        time_ms, sd, cosine = batch.time_ms.astype(np.float64), self._sd_m(batch.accuracy_m), bounds.cosines(batch.lat)
        here, share = (batch.lat, batch.lon, cosine), bounds.east_shares(cosine)
        moved_m = np.sqrt(bounds.most2_m2(*here, mine[:, LAT], mine[:, LON]))
        gap_s = (time_ms - mine[:, LAST_MS]) / 1000
        leap_m_s = (moved_m - 2 * sd) / np.maximum(gap_s, USUAL_GAP_MIN_S)
        pace_m_s = np.maximum(mine[:, USUAL_M_S], leap_m_s)
        moved_m += 6 * sd  # from here on: how far beyond everything he has to be
        silent_ms = self._silent_ms(hers)
        due_ms = np.minimum(np.minimum(self._silent_ms(mine), silent_ms), both[:, UNTIL_MS])
        quiet: NDArray[np.bool_] = (due_ms > now_ms) & (gap_s > 0)
        far_m = np.maximum(0.0, time_ms - hers[:, LAST_MS])
        far_m *= rules.quiet_wander_m_s / 1000
        far_m += 6 * hers[:, SD_M]
        far_m += moved_m
        far_m += self._margin_m(pace_m_s + hers[:, USUAL_M_S])
        far_m += both[:, PREALERT_M]
        quiet[bounds.reached(here, share, (hers[:, LAT], hers[:, LON]), far_m)] = False
        moved_m += self._margin_m(pace_m_s)
        bound = slice(None) if not batch.role.any() else np.flatnonzero(batch.role == 0)  # zones are for the monitored
        zones, slack_m = self.zones.take(order[bound], axis=0), moved_m[bound]
        his, share = (batch.lat[bound], batch.lon[bound], cosine[bound]), share[bound]
        clear = quiet[bound]
        for zone in range(zones.shape[2]):
            centre = zones[:, 0, zone], zones[:, 1, zone]
            clear[bounds.reached(his, share, centre, zones[:, 2, zone] + slack_m)] = False
        quiet[bound] = clear
        place = np.where(quiet, order, len(self.asleep))
        usual_m_s = mine[:, USUAL_M_S] * np.exp(np.maximum(gap_s, 0.0) / -USUAL_MEMORY_S)
        self._leapt(batch, np.flatnonzero(quiet & (leap_m_s > usual_m_s)), mine, (gap_s, sd), usual_m_s)
        moved_on = self._stood(batch, mine, here, sd, time_ms)
        mine[:, CONTACT_MS] = np.maximum(now_ms, mine[:, CONTACT_MS])
        self._noted(batch, place, mine, (time_ms, sd, usual_m_s))
        until_ms = both[:, UNTIL_MS]
        if len(moved_on):
            self._refresh_until(place[moved_on])
            until_ms[moved_on] = self.both[place[moved_on], UNTIL_MS]
        self.due_ms[place] = np.minimum(np.minimum(self._silent_ms(mine), silent_ms), until_ms)
        return quiet

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

    # What `tracks.rest` does, in three parts.
    def _leapt(
        self, batch: Batch, index: Ints, mine: Floats, gap_and_sd: tuple[Floats, Floats], usual_m_s: Floats
    ) -> None:
        """The usual pace of those that may have gone faster."""
        gap_s, sd = (a[index] for a in gap_and_sd)
        before = ellipsoid.vectors(mine[index, LAT], mine[index, LON])
        moved_m = ellipsoid.vector_distances(ellipsoid.vectors(batch.lat[index], batch.lon[index]), before)
        usual_m_s[index] = np.maximum((moved_m - 2 * sd) / np.maximum(gap_s, USUAL_GAP_MIN_S), usual_m_s[index])

    def _stood(
        self, batch: Batch, mine: Floats, here: tuple[Floats, Floats, Floats], sd: Floats, time_ms: Floats
    ) -> Ints:
        """Where each stands still and since when; `mine` is changed. Which monitored persons have moved on."""
        far_m = self.rules.still_radius_m + 2 * sd
        away = np.flatnonzero(~bounds.within(here, (mine[:, STILL_LAT], mine[:, STILL_LON]), far_m))
        mine[away, STILL_LAT], mine[away, STILL_LON] = batch.lat[away], batch.lon[away]
        mine[away, STILL_SINCE_MS] = time_ms[away]
        moved_on: Ints = away[batch.role[away] == 0]
        return moved_on

    def _noted(self, batch: Batch, place: Ints, mine: Floats, what: tuple[Floats, Floats, Floats]) -> None:
        """The fix itself and the learned interval; `mine` is changed and stored."""
        time_ms, sd, usual_m_s = what
        fixes, interval = mine[:, FIXES], mine[:, INTERVAL_MS]
        kept = np.empty((len(fixes), self.ring.shape[1]))
        kept[:, 0], kept[:, 1], kept[:, 2] = time_ms, batch.lat, batch.lon
        kept[:, 3], kept[:, 4], kept[:, 5] = batch.accuracy_m, batch.speed_m_s, batch.course_deg
        row = 2 * place + batch.role
        _put(self.ring, RECENT_MAX * row + fixes.astype(np.int64) % RECENT_MAX, kept)
        gap_ms = np.minimum(time_ms - mine[:, LAST_MS], 4 * interval)
        interval += np.where(fixes == 1, 1.0, INTERVAL_LEARNING) * (gap_ms - interval)
        mine[:, LAT], mine[:, LON], mine[:, LAST_MS], mine[:, SD_M] = batch.lat, batch.lon, time_ms, sd
        mine[:, USUAL_M_S] = usual_m_s
        fixes += 1
        _put(self.tracker, row, mine)

    def _silent_ms(self, tracker: Floats) -> Floats:
        """When silence of these trackers could begin to matter; never too late."""
        rules = self.rules
        wait_ms = tracker[:, INTERVAL_MS] * rules.overdue_intervals
        wait_ms -= 1
        np.maximum(rules.overdue_min_ms, wait_ms, out=wait_ms)
        np.floor(wait_ms, out=wait_ms)
        wait_ms += tracker[:, CONTACT_MS]
        return wait_ms

    def _refresh_until(self, orders: Ints) -> None:
        """The earliest instant at which stillness or a change of rules could matter; never too late."""
        still_ms = self.both[orders, STILL_SINCE_MS] + self.rules.left_behind_still_ms
        self.both[orders, UNTIL_MS] = np.minimum(still_ms, self.boundary_ms[orders])

    def refresh_due(self, orders: Ints) -> None:
        """The earliest instant at which time alone could have something to say; never too late."""
        self._refresh_until(orders)
        silent_ms = (self._silent_ms(self.tracker[2 * orders + role]) for role in (0, 1))
        self.due_ms[orders] = np.minimum(np.minimum(*silent_ms), self.both[orders, UNTIL_MS])

    def due(self, now_ms: int) -> Ints:
        """The orders at rest that time alone may have something to say about."""
        return np.flatnonzero(self.asleep & (self.due_ms[:-1] <= now_ms)).astype(np.int64)

    # ---- falling asleep and waking ----------------------------------------------------------------------------------
    def lay_down(self, number: int, state: State) -> bool:
        """Takes an order's state into the arrays when it can rest; False when it cannot."""
        case = state.case
        roles = [case.device_of.get(MONITORED), *(d for p, d in case.device_of.items() if p != MONITORED)]
        if len(roles) != 2 or roles[0] is None or len(case.zones) > self.zones.shape[2]:
            return False
        tracks = [state.tracks[device] for device in roles if device is not None]
        if state.alarms or state.pending or "order" not in state.active or not all(map(_can_rest, tracks)):
            return False
        proximity = case.order.proximity
        self.both[number, PREALERT_M] = -np.inf if proximity is None else proximity.prealert_distance_m
        self.zones[number, 2] = -np.inf
        for zone, prepared in enumerate(case.zones):
            self.zones[number, :, zone] = prepared.lat, ellipsoid.wrapped(prepared.lon), prepared.reach_m
        self.boundary_ms[number] = NEVER if state.boundary_ms is None else state.boundary_ms
        self.started_ms[number] = state.started_ms
        for role, track in enumerate(tracks):
            self._lay_track(number, role, track)
        self._active[number] = state.active
        if state.closed:
            self._closed[number] = state.closed
        self.asleep[number] = True
        self.refresh_due(np.array([number]))
        return True

    def _lay_track(self, number: int, role: int, track: Track) -> None:
        row = 2 * number + role
        for place, one in enumerate(track.recent):
            values = (one.time_ms, one.lat, one.lon, one.accuracy_m, one.speed_m_s, one.course_deg)
            self.ring[RECENT_MAX * row + place] = [np.nan if value is None else value for value in values]
        last = track.recent[-1]
        self.tracker[row, :OWN] = (
            *(last.lat, last.lon, last.time_ms, motion.fix_sd_m(last, self.rules), track.usual_m_s, track.interval_ms),
            *(track.contact_ms or 0, len(track.recent)),
            *(track.still_lat, track.still_lon, track.still_since_ms),
        )
        self.noise[row] = track.noise

    def leave(self, number: int) -> None:
        """From now on every fix of this order is for the scalar core."""
        self.asleep[number], self.both[number, UNTIL_MS] = False, -NEVER

    def wake(self, number: int, order_of: Callable[[int], Order]) -> State:
        """The order's state as the scalar core would have it."""
        case = case_of(order_of(number), self.rules)
        roles = [case.device_of[MONITORED], *(d for p, d in case.device_of.items() if p != MONITORED)]
        tracks = {device: self._track(number, role, device) for role, device in enumerate(roles)}
        boundary_ms, due_ms = int(self.boundary_ms[number]), int(self.due_ms[number])
        self.leave(number)
        return State(
            case,
            int(self.tracker[2 * number : 2 * number + 2, CONTACT_MS].max()),
            int(self.started_ms[number]),
            tracks,
            {},
            frozenset(),
            self._active.pop(number, self._common),
            None if boundary_ms == NEVER else boundary_ms,
            self._closed.pop(number, {}),
            due_ms,
        )

    def _track(self, number: int, role: int, device: str) -> Track:
        row = 2 * number + role
        known = self.tracker[row].tolist()
        recent = []
        for k in range(max(0, int(known[FIXES]) - RECENT_MAX), int(known[FIXES])):
            time_ms, *values = self.ring[RECENT_MAX * row + k % RECENT_MAX].tolist()
            lat, lon, accuracy, speed, course = [None if math.isnan(value) else value for value in values]
            recent.append(Observation(device, int(time_ms), lat, lon, accuracy, speed, course, "", SOURCE))
        return Track(
            device,
            contact_ms=int(known[CONTACT_MS]),
            here=motion.start(recent[-1], self.rules),
            raw=recent[-1],
            recent=tuple(recent),
            interval_ms=known[INTERVAL_MS],
            noise=float(self.noise[row]),
            usual_m_s=known[USUAL_M_S],
            still_lat=known[STILL_LAT],
            still_lon=known[STILL_LON],
            still_since_ms=int(known[STILL_SINCE_MS]),
        )


def _lined_up(count: int, width: int) -> Floats:
    """Zeros of this shape that begin where a line of the processor's cache begins."""
    spare = LINE_BYTES // 8
    memory = np.zeros(count * width + spare)
    begin = -memory.ctypes.data % LINE_BYTES // 8
    return memory[begin : begin + count * width].reshape(count, width)


def _put(table: Floats, place: Ints, rows: Floats) -> None:
    """`table[place] = rows`, each row moved as one item: in a third of the time."""
    item = f"V{8 * table.shape[1]}"
    np.put(table.view(item), place, rows.view(item))


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
