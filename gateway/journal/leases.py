"""Who works on which partition: leases in PostgreSQL, by PostgreSQL's clock.

A lease has a token that grows each time it changes hands; every write of a worker is made under its token. So no clock
of a worker matters, and a worker that was paused can do no harm when it wakes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import psycopg

from gateway.journal.postgres import faults


class Lease(NamedTuple):
    """A partition that is ours, and how far its stream was worked off by whoever had it before."""

    partition: int
    token: int
    stream_epoch: str
    stream_seq: int


class Leases:
    """The leases of one worker."""

    def __init__(self, db: psycopg.Connection[Any], owner: str, lease_s: float) -> None:
        self.owner, self.lease_s = owner, lease_s
        self._db = db

    def fair_share(self) -> int:
        """Shows that this worker is there, and returns how many partitions each of those present should have."""
        with faults(), self._db.transaction():
            self._db.execute(
                "INSERT INTO gateway.worker VALUES (%s, clock_timestamp())"
                " ON CONFLICT (name) DO UPDATE SET seen = excluded.seen",
                (self.owner,),
            )
            row = self._db.execute(
                "SELECT (SELECT count(*) FROM gateway.lease), (SELECT count(*) FROM gateway.worker"
                " WHERE seen > clock_timestamp() - make_interval(secs => %s))",
                (self.lease_s,),
            ).fetchone()
        partitions, workers = row or (0, 1)
        return -(-int(partitions) // max(1, int(workers)))

    def renew(self, held: Iterable[tuple[int, int]]) -> set[int]:
        """Prolongs these (partition, token); returns the partitions that are still ours."""
        pairs = list(held)
        with faults():
            rows = self._db.execute(
                "UPDATE gateway.lease AS l SET until = clock_timestamp() + make_interval(secs => %s)"
                " FROM unnest(%s::int[], %s::bigint[]) AS mine (partition, token)"
                " WHERE l.partition = mine.partition AND l.token = mine.token RETURNING l.partition",
                (self.lease_s, [p for p, _ in pairs], [t for _, t in pairs]),
            ).fetchall()
        return {int(row[0]) for row in rows}

    def acquire(self, at_most: int) -> list[Lease]:
        """Takes up to so many partitions that nobody holds or whose lease has run out."""
        if at_most <= 0:
            return []
        with faults():
            rows = self._db.execute(
                "UPDATE gateway.lease SET owner = %s, token = token + 1,"
                " until = clock_timestamp() + make_interval(secs => %s) WHERE partition IN (SELECT partition"
                " FROM gateway.lease WHERE owner IS NULL OR until < clock_timestamp() ORDER BY partition LIMIT %s"
                " FOR UPDATE SKIP LOCKED) RETURNING partition, token, stream_epoch, stream_seq",
                (self.owner, self.lease_s, at_most),
            ).fetchall()
        return [Lease(*row) for row in rows]

    def begin_stream(self, lease: Lease, epoch: str) -> int:
        """Notes which stream the sequence counts in; returns where to go on. A stream made anew counts from nothing."""
        if lease.stream_epoch == epoch:
            return lease.stream_seq
        with faults():
            self._db.execute(
                "UPDATE gateway.lease SET stream_epoch = %s, stream_seq = 0 WHERE partition = %s AND token = %s",
                (epoch, lease.partition, lease.token),
            )
        return 0

    def release(self, lease: Lease) -> None:
        """Gives a partition back, for another worker to take at once."""
        with faults():
            self._db.execute(
                "UPDATE gateway.lease SET owner = NULL, until = '-infinity' WHERE partition = %s AND token = %s",
                (lease.partition, lease.token),
            )

    def leave(self) -> None:
        """This worker ends; the others share out what it had."""
        with faults():
            self._db.execute("DELETE FROM gateway.worker WHERE name = %s", (self.owner,))
