"""What a fleet sends in a run, planned before it starts: every frame, when, and what a receiver must make of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from firmware.wire import frame, messages, topics
from simulators.fleet.pairs import Pair, Place

PlaceAt = Callable[[float], Place]

DELAY_S = (5.0, 30.0)  # how late a late message is
REPEAT_S = (0.05, 2.0)  # when a repeated message comes again
ACCURACY_MM = (2_000, 9_000)


@dataclass(frozen=True)
class FaultRates:
    """Share of messages (0..1) that each fault strikes; at most one fault a message."""

    late: float = 0.0
    duplicate: float = 0.0
    reordered: float = 0.0
    bad_signature: float = 0.0
    garbage: float = 0.0

    @property
    def total(self) -> float:
        return self.late + self.duplicate + self.reordered + self.bad_signature + self.garbage

    def draw(self, random_: random.Random) -> str:
        """The fault of one message; "" for none."""
        left = random_.random()
        for name in ("late", "duplicate", "reordered", "bad_signature", "garbage"):
            left -= getattr(self, name)
            if left < 0:
                return name
        return ""


@dataclass(frozen=True, order=True)
class Planned:
    """One PUBLISH: due at `due_s` of the run. `truth`: good, duplicate, bad_signature or garbage."""

    due_s: float
    order: int
    device_id: str = field(compare=False)
    payload: bytes = field(compare=False)
    truth: str = field(compare=False)
    event: str = field(compare=False, default="")


def _message(boot_id: int, seq: int, time_ms: int, place: Place, accuracy_mm: int) -> dict[str, object]:
    return {
        "kind": "fix",
        "boot_id": boot_id,
        "seq": seq,
        "sent_ms": time_ms,
        "fix_time_ms": time_ms,
        "lat_e7": round(place.lat_deg * 1e7),
        "lon_e7": round(place.lon_deg * 1e7),
        "horizontal_accuracy_mm": accuracy_mm,
        "speed_mm_s": round(place.speed_m_s * 1000),
        "course_cdeg": round(place.course_deg * 100) % 36_000,
    }


class Fleet:
    """The plan of one run. `panics` protected persons call for help once, at moments spread over the run."""

    def __init__(
        self,
        made: list[Pair],
        keys: dict[str, bytes],
        *,
        seed: int,
        start_ms: int,
        duration_s: float,
        interval_s: float,
        rates: FaultRates,
        panics: int = 0,
        boot_id: int = 1,
    ) -> None:
        if not 0 <= rates.total <= 1:
            raise ValueError("the shares of all faults together are not in 0..1")
        self._random = random.Random(seed)
        self._keys = keys
        self._start_ms = start_ms
        self._rates = rates
        self._boot_id = boot_id
        self._interval_s = interval_s
        self._order = 0
        planned: list[Planned] = []
        panic_of = {number: duration_s * (number + 0.5) / panics for number in range(min(panics, len(made)))}
        for pair in made:
            for device_id, place_at in ((pair.protected_id, pair.protected), (pair.monitored_id, pair.monitored)):
                moments = self._moments(duration_s, interval_s)
                panic_s = panic_of.get(pair.number) if device_id == pair.protected_id else None
                planned += self._of_device(device_id, place_at, moments, panic_s)
        self.planned = sorted(planned)

    def _moments(self, duration_s: float, interval_s: float) -> list[float]:
        first = self._random.uniform(0, interval_s)
        return [first + n * interval_s for n in range(int((duration_s - first) / interval_s) + 1)]

    def _of_device(
        self, device_id: str, place_at: PlaceAt, moments: list[float], panic_s: float | None
    ) -> Iterator[Planned]:
        seq = 0
        for t_s in moments:
            if panic_s is not None and panic_s <= t_s:
                yield from self._send(device_id, self._fix(seq, panic_s, place_at), panic_s, "panic")
                seq += 1
                panic_s = None
            yield from self._send(device_id, self._fix(seq, t_s, place_at), t_s, "")
            seq += 1
        if panic_s is not None:
            yield from self._send(device_id, self._fix(seq, panic_s, place_at), panic_s, "panic")

    def _fix(self, seq: int, t_s: float, place_at: PlaceAt) -> dict[str, object]:
        time_ms = self._start_ms + round(t_s * 1000)
        return _message(self._boot_id, seq, time_ms, place_at(t_s), self._random.randint(*ACCURACY_MM))

    def _send(self, device_id: str, message: dict[str, object], due_s: float, event: str) -> Iterator[Planned]:
        if event:
            message = {**message, "kind": "event", "event": event, "event_time_ms": message["fix_time_ms"]}
        sealed = frame.seal(messages.encode(message), device_id, self._keys[device_id])
        fault = "" if event else self._rates.draw(self._random)  # alarms stay whole, so that their delay can be timed
        if fault == "garbage":
            yield self._plan(due_s, device_id, self._random.randbytes(self._random.randint(1, 200)), "garbage")
        elif fault == "bad_signature":
            spoilt = bytearray(sealed)
            spoilt[self._random.randrange(len(spoilt))] ^= 1 << self._random.randrange(8)
            yield self._plan(due_s, device_id, bytes(spoilt), "bad_signature")
        elif fault == "late":
            yield self._plan(due_s + self._random.uniform(*DELAY_S), device_id, sealed, "good")
        elif fault == "reordered":
            yield self._plan(due_s + self._interval_s * self._random.uniform(1.05, 1.5), device_id, sealed, "good")
        else:
            yield self._plan(due_s, device_id, sealed, "good", event)
            if fault == "duplicate":
                yield self._plan(due_s + self._random.uniform(*REPEAT_S), device_id, sealed, "duplicate")

    def _plan(self, due_s: float, device_id: str, payload: bytes, truth: str, event: str = "") -> Planned:
        self._order += 1
        return Planned(due_s, self._order, device_id, payload, truth, event)

    def counts(self) -> dict[str, int]:
        """How many messages of each truth; what a receiver must have accepted, dropped and set aside at the end."""
        found = Counter(one.truth for one in self.planned)
        return {truth: found[truth] for truth in ("good", "duplicate", "bad_signature", "garbage")}


def topic_of(planned: Planned) -> str:
    """Where it is published."""
    return topics.up(planned.device_id)
