"""Plays a track as a receiver would: one epoch after the other, with the error a receiver makes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from simulators.gnss.nmea_sentences import Reception, epoch
from simulators.gnss.tracks import Position, Track, metres_per_degree

ERROR_TIME_CONSTANT_S = 60.0  # ASSUMED: multipath and orbit errors of a walking receiver change over about a minute


@dataclass
class ReceiverError:
    """A slowly wandering position error: first-order Gauss-Markov per axis, `sigma_m` each, plus white `jitter_m`."""

    seed: int
    sigma_m: float = 2.0
    jitter_m: float = 0.5
    _north_m: float = field(default=0.0, init=False)
    _east_m: float = field(default=0.0, init=False)
    _started: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def step(self, dt_s: float) -> tuple[float, float]:
        """(north, east) error in metres, dt_s after the last one."""
        keep = math.exp(-dt_s / ERROR_TIME_CONSTANT_S) if self._started else 0.0
        fresh = self.sigma_m * math.sqrt(1.0 - keep * keep)
        self._started = True
        self._north_m = keep * self._north_m + fresh * self._random.standard_normal()
        self._east_m = keep * self._east_m + fresh * self._random.standard_normal()
        return (
            self._north_m + self.jitter_m * self._random.standard_normal(),
            self._east_m + self.jitter_m * self._random.standard_normal(),
        )


def epochs(
    track: Track,
    start_ms: int,
    interval_s: float,
    error: ReceiverError,
    reception: Reception | None = None,
) -> Iterator[tuple[int, Position, bytes]]:
    """(Unix ms, true position, NMEA bytes) of every epoch from the track's start to its end.

    `start_ms` is the moment of the track's start; epochs are `interval_s` of track time apart (> 0).
    """
    seen = reception or Reception()
    count = int(track.duration_s / interval_s)
    for number in range(count + 1):
        t_s = number * interval_s
        truth = track.at(t_s)
        north_m, east_m = error.step(interval_s)
        per_north_m, per_east_m = metres_per_degree(truth.lat_deg)
        told = Position(
            truth.lat_deg + north_m / per_north_m,
            truth.lon_deg + east_m / per_east_m,
            truth.speed_m_s,
            truth.course_deg,
        )
        time_ms = start_ms + round(t_s * 1000)
        yield time_ms, truth, epoch(time_ms, told, seen)
