"""Figures on speed: the core in batches, its cost at 1,000 and 1,000,000 orders, memory, and PostGIS beside it.

Rates are per second of CPU of the one process that does the work, so that a busy machine does not change them.
"""

from __future__ import annotations

import math
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from gateway.batch_partition import BatchPartition
from gateway.contract.orders import Zone
from gateway.contract.shapes import Area
from gateway.geofence import areas, bounds, ellipsoid, resting
from gateway.geofence.probability import R68_PER_SD
from gateway.geofence.resting import BLOCK, Batch
from gateway.geofence.tracks import RECENT_MAX
from waakzaam import machine
from waakzaam.benches import _lives
from waakzaam.benches.report import Figure, at_least, at_most

BATCH = 40_000
AT_REST_INTERVAL_MS = 3_600_000.0  # a tracker that reports so rarely is not missed while the cost at rest is measured
ROUNDS = 5
PASSES = 5  # of the core in a round: one would be over in 20 ms, and tell what else the machine did just then
CHORD_SHORT_M = 0.1  # by less than this a chord is shorter than the way over the ground, to 40 km
Floats = NDArray[np.float64]
Ring = tuple[tuple[float, float], ...]


def _minute(rng: np.random.Generator, w: _lives.World, minute: int, orders: NDArray[np.int64]) -> Batch:
    """One report of both persons of these orders within one minute; each is at home, at work or in town."""
    order = np.repeat(orders, 2)
    role = np.tile(np.array([0, 1]), len(orders))
    place = (order * 7 + role * 3) % 3
    at = w.anchors[order, role, place] + rng.normal(0, 8, (len(order), 2))
    lat, lon = w.degrees(at[:, 0], at[:, 1])
    time_ms = _lives.BEGIN_MS + minute * 60_000 + np.arange(len(order)) * 60_000 // len(order)
    nan = np.full(len(order), np.nan)
    return Batch(order, role, time_ms, lat, lon, np.full(len(order), 10.0), nan, nan)


def core(seed: int, orders: int, minutes: int) -> list[Figure]:
    """Fixes a second through the whole decision core: filter, probability, alarms, silence; one process."""
    rng = np.random.default_rng(seed)
    w = _lives.world(rng, orders)
    partition = BatchPartition(orders, 3, w.order, _lives.BEGIN_MS)
    partition.start()
    best, awake = 0.0, 0
    for minute in range(minutes):
        batch = _minute(rng, w, minute, np.arange(orders))
        begin = time.process_time()
        for start in range(0, 2 * orders, BATCH):
            part = batch.part(np.arange(start, min(start + BATCH, 2 * orders)))
            partition.feed(part)
            partition.advance(int(part.time_ms[-1]))
        if minute >= 3:  # The first reports of an order are dealt with one by one.
            best = max(best, 2 * orders / (time.process_time() - begin))
            awake = len(partition.awake)
    share = awake / orders
    return [
        at_least(
            f"core, batches of {BATCH}: {orders} orders, 1 pair and 3 zones each, best minute",
            best,
            300_000,
            "fixes/CPU s",
            orders_awake_share=round(share, 4),
            load_average=os.getloadavg()[0],
        )
    ]


def _filled(w: _lives.World) -> BatchPartition:
    """All orders at rest, put into the arrays at once, as after a checkpoint."""
    count = len(w.alert_m)
    partition = BatchPartition(count, 3, w.order, _lives.BEGIN_MS)
    r, order = partition.resting, np.arange(count)
    r.both[:-1, resting.PREALERT_M] = 2 * w.alert_m
    for place in range(3):
        r.zones[:, 0, place], r.zones[:, 1, place] = w.degrees(*w.anchors[:, 1, place].T)
        r.zones[:, 2, place] = w.zone_radius_m + w.zone_buffer_m
    for role in (0, 1):
        lat, lon = w.degrees(*w.anchors[order, role, (order * 7 + role * 3) % 3].T)
        begin_ms, accuracy_m = np.full(count, float(_lives.BEGIN_MS)), np.full(count, 10.0)
        interval_ms = np.full(count, AT_REST_INTERVAL_MS)
        known = (lat, lon, begin_ms, accuracy_m / R68_PER_SD, 0 * lat, interval_ms, begin_ms, 0 * lat + 1)
        r.tracker[2 * order + role, : resting.OWN] = np.stack((*known, lat, lon, begin_ms), axis=1)
        r.ring[RECENT_MAX * (2 * order + role), :4] = np.stack((begin_ms, lat, lon, accuracy_m), axis=1)
    r.asleep[:] = True
    r.refresh_due(order)
    return partition


def scale(seed: int, many: int, rounds: int) -> list[Figure]:
    """Cost of a fix at rest at 1,000 and at many orders, in equal batches of 2,000 fixes; memory per tracker.

    Both take turns, so that what else the machine does weighs on both; the ratio is the median over the rounds.
    """
    sides = []
    for count in (1_000, many):
        rng = np.random.default_rng(seed)
        w = _lives.world(rng, count, 60_000.0)
        sides.append((count, rng, w, _filled(w).resting))
    took: list[list[float]] = [[], []]
    quiet: list[list[NDArray[np.bool_]]] = [[], []]
    for minute in range(1, rounds + 1):
        for side, (count, rng, w, arrays) in enumerate(sides):
            batch = _minute(rng, w, minute, rng.choice(count, 1_000, replace=False))
            parts = [batch.part(np.arange(role, 2_000, 2)) for role in (0, 1)]
            begin = time.process_time()
            quiet[side] += [arrays.take(part, part.time_ms) for part in parts]
            took[side].append((time.process_time() - begin) / 2_000)
    few_us, many_us = (float(np.median(side)) * 1e6 for side in took)
    few_rest, many_rest = (round(float(np.mean(side)), 4) for side in quiet)
    ratio = float(np.median(np.array(took[1]) / np.array(took[0])))
    return [
        Figure("cost of a fix at rest, 1,000 orders", few_us, "us", detail={"at_rest_share": few_rest}),
        Figure(f"cost of a fix at rest, {many:,} orders", many_us, "us", detail={"at_rest_share": many_rest}),
        at_most(f"cost per fix, {many:,} orders over 1,000 orders", ratio, 1.3, "ratio"),
        at_most("memory per tracker at rest (arrays)", sides[1][3].bytes_per_tracker() / 1024, 1.5, "KB"),
    ]


def _run(command: list[str], folder: Path) -> None:
    # Not captured: the server would keep a pipe open after pg_ctl has ended.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, timeout=120)


@contextmanager
def _postgis(folder: Path) -> Iterator[psycopg.Connection[Any]]:
    """A PostgreSQL of its own with PostGIS, on a socket in `folder`."""
    programs = machine.find_postgres()
    if programs is None:
        raise FileNotFoundError("PostgreSQL")
    as_owner: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]
    owner = pwd.getpwuid(os.stat(folder).st_uid).pw_name
    data = folder / "data"
    control = [*as_owner, str(programs / "pg_ctl"), "-D", str(data), "-w"]
    options = f"-c listen_addresses='' -k {folder} -c fsync=off -c shared_buffers=256MB -c jit=off"
    options += " -c max_parallel_workers_per_gather=0"
    _run([*as_owner, str(programs / "initdb"), "-D", str(data), "-A", "trust"], folder)
    _run([*control, "-l", str(folder / "log"), "-o", options, "start"], folder)
    try:
        with psycopg.connect(host=str(folder), user=owner, dbname="postgres", autocommit=True) as db:
            db.execute("CREATE EXTENSION postgis")
            yield db
    finally:
        _run([*control, "-m", "immediate", "stop"], folder)


def _questions(rng: np.random.Generator, w: _lives.World, count: int) -> tuple[Batch, Batch]:
    """Fixes of monitored persons and where the protected one was; every other one is near her or in a zone."""
    orders = rng.integers(0, len(w.alert_m), count)
    role = np.zeros(count, dtype=np.int64)
    mine = w.anchors[orders, 0, rng.integers(0, 3, count)] + rng.normal(0, 500, (count, 2))
    hers = w.anchors[orders, 1, rng.integers(0, 3, count)] + rng.normal(0, 100, (count, 2))
    near = rng.random(count) < 0.5
    mine[near] = hers[near] + rng.normal(0, 500, (int(near.sum()), 2))
    nan, times = np.full(count, np.nan), np.full(count, _lives.BEGIN_MS)
    made = [Batch(orders, role, times, *w.degrees(a[:, 0], a[:, 1]), nan, nan, nan) for a in (mine, hers)]
    return made[0], made[1]


class _Ground:
    """What is asked about: alert distance and three zones of each order, told by what tells them in the core.

    Distances as for orders at rest (`bounds`), areas edge by edge as `areas.Edges` does.
    """

    def __init__(self, w: _lives.World, rings: list[Ring]) -> None:
        prepared = [areas.prepare(Zone("z", Area(((ring,),)), 0, ())) for ring in rings]
        self.alert_m = w.alert_m
        columns = np.array([(zone.lat, zone.lon, zone.reach_m + CHORD_SHORT_M) for zone in prepared])
        self.zones = columns.reshape(-1, 3, 3).transpose(0, 2, 1).copy()
        cores = [zone.core for zone in prepared if isinstance(zone.core, areas.Edges)]
        edges = np.array([(core.lon_a, core.lat_a, core.lon_b, core.lat_b) for core in cores])
        self.edges = edges.transpose(1, 2, 0).copy()

    def answers(self, mine: Batch, hers: Batch) -> NDArray[np.bool_]:
        """Within the alert distance of her, and inside each of the three zones: shape (n, 4).

        What the bound leaves open of each question is worked out once for all.
        """
        answers = np.zeros((4, len(mine.lat)), dtype=bool)
        found = [self._reached(mine, hers, begin) for begin in range(0, len(mine.lat), BLOCK)]
        near, *inside = (np.concatenate(parts) for parts in zip(*found, strict=True))
        lat, lon = mine.lat[near], mine.lon[near]
        here, there = (lat, lon, bounds.cosines(lat)), (hers.lat[near], hers.lon[near])
        answers[0, near] = bounds.within(here, there, self.alert_m[mine.order[near]])
        for place, near in enumerate(inside):
            answers[1 + place, near] = self._inside(3 * mine.order[near] + place, mine.lat[near], mine.lon[near])
        return answers.T

    def _reached(self, mine: Batch, hers: Batch, begin: int) -> list[NDArray[np.int64]]:
        """The fixes of a block that may be within the alert distance, or in each of the zones."""
        block = slice(begin, begin + BLOCK)
        order, lat, lon = mine.order[block], mine.lat[block], mine.lon[block]
        cosine = bounds.cosines(lat)
        here, share = (lat, lon, cosine), bounds.east_shares(cosine)
        zones = self.zones.take(order, axis=0)
        found = [bounds.reached(here, share, (hers.lat[block], hers.lon[block]), self.alert_m.take(order))]
        found += [bounds.reached(here, share, (zones[:, 0, k], zones[:, 1, k]), zones[:, 2, k]) for k in range(3)]
        return [begin + near for near in found]

    def _inside(self, zone: NDArray[np.int64], lat: Floats, lon: Floats) -> NDArray[np.bool_]:
        lon_a, lat_a, lon_b, lat_b = self.edges.take(zone, axis=2)
        spans = (lat_a > lat) != (lat_b > lat)
        spans &= areas.pass_east(lon_a, lat_a, lon_b, lat_b, lat, lon)
        inside: NDArray[np.bool_] = np.logical_xor.reduce(spans, axis=0)
        return inside


def postgis(seed: int, orders: int, count: int, core_rate: float) -> list[Figure]:
    """The same questions put to PostGIS and to the core's geometry, answers compared one by one, then CPU time.

    Bare geometry is like against like: both have every point ready and write nothing. They take turns, and what counts
    is the median over the rounds of one over the other, since a slow spell of the machine weighs on both. PostGIS is
    asked in the form that costs it least, each question once, and without parallel workers: their CPU would not be that
    of the process that is measured. Then fixes as they arrive: PostGIS keeps each tracker's last position and asks with
    it, in batches of 2,000; beside it stands the whole core, which does more (filter, probabilities, alarms), so that
    ratio has no target. Neither of them flushes to a disk.
    """
    name = "PostGIS ST_DWithin(geography) + ST_Covers, indexed, batched"
    rng = np.random.default_rng(seed)
    w = _lives.world(rng, orders)
    rings = [_octagon(*w.degrees(*w.anchors[n, 1, place])) for n in range(orders) for place in range(3)]
    ground = _Ground(w, rings)
    mine, hers = _questions(rng, w, count)
    arriving = [_arriving(rng, w, 1_000) for _ in range(max(2, count // 10_000))]
    our_s, their_s = [], []
    with tempfile.TemporaryDirectory(prefix="wz-pg-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        try:
            with _postgis(Path(folder)) as db:
                _fill(db, w, rings, mine, hers)
                for _ in range(ROUNDS + 1):
                    begin = time.process_time()
                    for _ in range(PASSES):
                        ours = ground.answers(mine, hers)
                    our_s.append((time.process_time() - begin) / PASSES)
                    theirs, took_s = _ask(db)
                    their_s.append(took_s)
                kept, kept_rate = _their_answers_arriving(db, arriving)
        except (OSError, psycopg.Error, subprocess.SubprocessError, LookupError) as error:
            reason = f"cannot be measured here: {error}; as root: apt-get install postgresql-postgis"
            return [Figure(name, None, "fixes/s", reason, False)]
    our_rate, their_rate = (count / float(np.median(took[1:])) for took in (our_s, their_s))  # the first round warms up
    times = [theirs_s / ours_s for theirs_s, ours_s in zip(their_s[1:], our_s[1:], strict=True)]
    differing = int(np.count_nonzero((ours != theirs).any(axis=1)))
    for (one, other), answer in zip(arriving, kept, strict=True):
        again = ground.answers(one, other)
        differing += int(np.count_nonzero((again != answer).any(axis=1)))
    peer = f"bare geometry, {name} (peer), {orders} orders, {count} fixes, median of {ROUNDS}"
    return [
        Figure(peer, their_rate, "fixes/CPU s", detail={"rounds_s": [round(s, 3) for s in their_s[1:]]}),
        Figure(
            "bare geometry, the core's, same fixes and questions",
            our_rate,
            "fixes/CPU s",
            detail={"rounds_s": [round(s, 4) for s in our_s[1:]]},
        ),
        at_least(
            f"bare geometry, the core over PostGIS, median of {ROUNDS} rounds",
            float(np.median(times)),
            30,
            "times",
            rounds=[round(t, 1) for t in times],
        ),
        Figure(f"fixes as they arrive, last positions kept: {name} (peer)", kept_rate, "fixes/CPU s"),
        Figure("fixes as they arrive: the whole core over PostGIS's plain answers", core_rate / kept_rate, "times"),
        at_most("fixes on which answers differ", differing, 0, "", positive=int(theirs.any(axis=1).sum())),
    ]


def _arriving(rng: np.random.Generator, w: _lives.World, pairs: int) -> tuple[Batch, Batch]:
    """A batch as it arrives: a fix of either person of some pairs."""
    mine, hers = _questions(rng, w, pairs)
    _, first = np.unique(mine.order, return_index=True)
    return mine.part(first), hers.part(first)


def _their_answers_arriving(
    db: psycopg.Connection[Any], batches: list[tuple[Batch, Batch]]
) -> tuple[list[NDArray[np.bool_]], float]:
    """Each batch in a transaction: in, last positions kept, questions asked; on the tables of `_fill`."""
    db.execute(
        "CREATE UNLOGGED TABLE positions (order_no int, role int, at geography(Point), PRIMARY KEY (order_no, role))"
        " WITH (fillfactor = 50)"
    )
    db.execute("CREATE UNLOGGED TABLE arrived (order_no int, role int, lat float8, lon float8)")
    row = db.execute("SELECT pg_backend_pid()").fetchone()
    pid = int(row[0]) if row is not None else 0
    begin, fixes, found = machine.cpu_s(pid), 0, []
    for both in batches:
        with db.transaction():
            db.execute("TRUNCATE arrived")
            with db.cursor().copy("COPY arrived FROM STDIN") as copy:
                for role, one in enumerate(both):
                    for order, lat, lon in zip(one.order.tolist(), one.lat.tolist(), one.lon.tolist(), strict=True):
                        copy.write_row((order, role, lat, lon))
            db.execute(
                "INSERT INTO positions SELECT order_no, role, ST_MakePoint(lon, lat)::geography FROM arrived"
                " ON CONFLICT (order_no, role) DO UPDATE SET at = excluded.at"
            )
            rows = db.execute(
                "SELECT m.order_no, bool_or(ST_DWithin(m.at, p.at, z.alert_m)),"
                " bool_or(z.place = 0 AND ST_Covers(z.area, m.at)),"
                " bool_or(z.place = 1 AND ST_Covers(z.area, m.at)),"
                " bool_or(z.place = 2 AND ST_Covers(z.area, m.at))"
                " FROM arrived a JOIN positions m ON m.order_no = a.order_no AND m.role = 0"
                " JOIN positions p ON p.order_no = a.order_no AND p.role = 1 JOIN zones z ON z.order_no = a.order_no"
                " WHERE a.role = 0 GROUP BY m.order_no ORDER BY m.order_no"
            ).fetchall()
        fixes += sum(len(one.order) for one in both)
        found.append(np.array([row[1:] for row in rows], dtype=bool))
    return found, fixes / max(machine.cpu_s(pid) - begin, 0.01)


def _octagon(lat: Any, lon: Any) -> Ring:
    turns = np.arange(8) * np.pi / 4
    points = [ellipsoid.moved(float(lat), float(lon), 300 * math.sin(t), 300 * math.cos(t)) for t in turns]
    ring = tuple((x, y) for y, x in points)
    return (*ring, ring[0])


def _fill(db: psycopg.Connection[Any], w: _lives.World, polygons: list[Ring], mine: Batch, hers: Batch) -> None:
    """Zones and fixes in tables, indexed and analysed, every point ready."""
    db.execute(
        "CREATE TABLE zones (order_no int, place int, alert_m float8, area geography(Polygon),"
        " PRIMARY KEY (order_no, place))"
    )
    with db.cursor().copy("COPY zones FROM STDIN") as copy:
        for k, ring in enumerate(polygons):
            text = ",".join(f"{x!r} {y!r}" for x, y in ring)
            copy.write_row((k // 3, k % 3, float(w.alert_m[k // 3]), f"SRID=4326;POLYGON(({text}))"))
    db.execute("CREATE INDEX ON zones USING gist (area)")
    db.execute("CREATE TABLE fixes (id int PRIMARY KEY, order_no int, mine geography(Point), hers geography(Point))")
    with db.cursor().copy("COPY fixes FROM STDIN") as copy:
        for i in range(len(mine.lat)):
            spots = [f"SRID=4326;POINT({float(b.lon[i])!r} {float(b.lat[i])!r})" for b in (mine, hers)]
            copy.write_row((i, int(mine.order[i]), *spots))
    db.execute("VACUUM ANALYZE zones")
    db.execute("VACUUM ANALYZE fixes")


def _ask(db: psycopg.Connection[Any]) -> tuple[NDArray[np.bool_], float]:
    """PostGIS's answers, shape (n, 4), and the CPU seconds of its process."""
    row = db.execute("SELECT pg_backend_pid()").fetchone()
    pid = int(row[0]) if row is not None else 0
    begin = machine.cpu_s(pid)
    rows = db.execute(
        "SELECT f.id, ST_DWithin(f.mine, f.hers, a.alert_m), ST_Covers(a.area, f.mine), ST_Covers(b.area, f.mine),"
        " ST_Covers(c.area, f.mine) FROM fixes f JOIN zones a ON a.order_no = f.order_no AND a.place = 0"
        " JOIN zones b ON b.order_no = f.order_no AND b.place = 1"
        " JOIN zones c ON c.order_no = f.order_no AND c.place = 2"
    ).fetchall()
    took_s = max(machine.cpu_s(pid) - begin, 0.01)
    answers = np.zeros((len(rows), 4), dtype=bool)
    answers[[row[0] for row in rows]] = [row[1:] for row in rows]
    return answers, took_s
