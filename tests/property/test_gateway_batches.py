"""The batch core decides exactly as the scalar core does."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.batch_partition import BatchPartition
from gateway.geofence.motion import Observation
from gateway.geofence.resting import Batch
from gateway.partition import Partition
from waakzaam.benches import _lives


def _batch_of_days(seed: int, orders: int) -> tuple[_lives.World, Batch]:
    """A working day of some pairs, in time order, every fix at an instant of its own."""
    rng = np.random.default_rng(seed)
    w = _lives.world(rng, orders, home_median_m=5_000)
    rows = []
    for number in range(orders):
        for role in (0, 1):
            visit = (12 * 3600.0, w.anchors[number, 1, 0]) if role == 0 and number % 3 == 0 else None
            t, east, north, accuracy = _lives.reported(rng, _lives.day(rng, w.anchors[number, role], 120.0, visit))
            lat, lon = w.degrees(east, north)
            nan = np.full(len(t), np.nan)
            who = (np.full(len(t), number), np.full(len(t), role))
            rows.append(np.stack((*who, t * 1000, lat, lon, accuracy, nan, nan)))
    table = np.concatenate(rows, axis=1)
    table = table[:, np.argsort(table[2], kind="stable")]
    times = _lives.BEGIN_MS + np.round(table[2]).astype(np.int64)
    times = np.maximum.accumulate(times + np.arange(len(times)) % 7)
    _, first = np.unique(times, return_index=True)
    table, times = table[:, first], times[first]
    return w, Batch(table[0].astype(np.int64), table[1].astype(np.int64), times, *table[3:])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_fixes_in_batches_give_the_same_transitions_as_one_by_one(seed: int) -> None:
    orders = 12
    w, fixes = _batch_of_days(seed, orders)
    scalar = Partition()
    lines = [t.to_line() for t in scalar.load([w.order(i) for i in range(orders)], _lives.BEGIN_MS)]
    for i in range(len(fixes.order)):
        device = "mp"[fixes.role[i]] + f"-{fixes.order[i]}"
        accuracy, lat, lon = float(fixes.accuracy_m[i]), float(fixes.lat[i]), float(fixes.lon[i])
        one = Observation(device, int(fixes.time_ms[i]), lat, lon, accuracy, None, None, "")
        lines += [t.to_line() for t in scalar.feed([one], int(fixes.time_ms[i]))]
    batches = BatchPartition(orders, 3, w.order, _lives.BEGIN_MS)
    again = [t.to_line() for t in batches.start()]
    for start in range(0, len(fixes.order), 500):
        again += [t.to_line() for t in batches.feed(fixes.part(np.arange(start, min(start + 500, len(fixes.order)))))]
    again += [t.to_line() for t in batches.advance(int(fixes.time_ms[-1]))]
    assert sorted(again) == sorted(lines), f"seed {seed}"
    assert len(lines) > 10
    assert batches.resting.asleep.any()
