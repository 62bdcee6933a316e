"""What trackers report of themselves, judged a second time: from the rules in words, with nothing of the gateway.

Several orders share trackers, begin and end within the case, and have agreed exceptions (which let no event rest). The
rows are doubled and shuffled. `expected` gives every transition of the kinds that follow from events alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

BEGIN_S = 1_780_000_000
LENGTH_S = 6 * 3_600
STEP_S = 60
DEVICES = ("a", "b", "c")
# After so many seconds without a repeat a condition is over; a strap only by its being closed.
QUIET_S = {"panic": 600, "case_opened": 600, "jamming": 600, "spoofing": 600, "battery_low": 21_600}
QUIET_S["battery_critical"] = 21_600
# The level on the monitored person's tracker and on a protected person's.
LEVEL = {
    "panic": ("high", "critical"),
    "strap_cut": ("critical", "high"),
    "case_opened": ("high", "warning"),
    "jamming": ("high", "high"),
    "spoofing": ("high", "high"),
    "battery_low": ("info", "info"),
    "battery_critical": ("warning", "warning"),
    "power_off": ("high", "high"),
}
WORDS = (*LEVEL, "strap_restored")


class Told(NamedTuple):
    """One transition: seconds since the begin, order, kind, word, level, protected person or None."""

    second: float
    order_id: str
    kind: str
    transition: str
    level: str
    protected: str | None


class Case(NamedTuple):
    """Orders as documents, rows of fixes.csv, and the same facts as numbers."""

    orders: list[dict[str, Any]]
    rows: list[str]
    events: list[tuple[float, str, str]]
    messages: dict[str, list[float]]
    until_s: float


def _text(second: float) -> str:
    return datetime.fromtimestamp(BEGIN_S + second, UTC).isoformat()


def case(seed: int) -> Case:
    """The case of this seed: three trackers 50 km from each other that report each minute, and their events."""
    rng = np.random.default_rng(seed)
    orders, rows, events = [], [], []
    for number in range(int(rng.integers(2, 5))):
        monitored, *protected = rng.permutation(DEVICES)[: int(rng.integers(2, 4))]
        start, end = sorted(rng.integers(-3600, LENGTH_S + 3600, 2))
        resting = sorted(rng.integers(0, LENGTH_S, 2))
        orders.append(
            {
                "order_id": f"o{number}",
                "version": 1,
                "mandate_kind": "probation",
                "valid_from": _text(int(start)),
                "valid_until": _text(int(end) + 60),
                "monitored": {"person_id": f"M{number}", "device_id": str(monitored)},
                "protected": [{"person_id": f"P-{d}", "device_id": str(d)} for d in protected],
                "proximity": {"alert_distance_m": 500, "prealert_distance_m": 1000},
                "exceptions": [
                    {
                        "exception_id": "hearing",
                        "from": _text(int(resting[0])),
                        "until": _text(int(resting[1]) + 60),
                        "reason": "hearing",
                    }
                ],
            }
        )
    messages: dict[str, list[float]] = {}
    for place, device in enumerate(DEVICES):
        seconds = [float(place + STEP_S * k) for k in range(LENGTH_S // STEP_S)]
        for second in seconds:  # Walks up and down a street, so that nobody seems to stand still.
            north = 0.004 * abs((second / 1_200 + place) % 2 - 1)
            rows.append(f"{_text(second)},{device},{50 + 0.45 * place + north:.7f},4.3500000,8,,,\n")
        at = rng.choice(LENGTH_S * 10, 14, replace=False) / 10 + 0.05
        for second in at:
            word = str(rng.choice(WORDS))
            position = f"{50 + 0.45 * place:.7f},4.3500000,500" if rng.random() < 0.2 else ",,"
            rows.append(f"{_text(float(second))},{device},{position},,,{word}\n")
            events.append((float(second), device, word))
        messages[device] = sorted([*seconds, *(float(s) for s in at)])
    rows += [rows[i] for i in rng.integers(0, len(rows), 20)]
    rng.shuffle(rows)
    return Case(orders, rows, sorted(events), messages, float(rng.integers(LENGTH_S // 2, LENGTH_S - 120)))


def _second(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() - BEGIN_S


def expected(c: Case) -> list[Told]:
    """Every transition that follows from events up to `until_s`."""
    told: list[Told] = []
    for order in c.orders:
        told += _of_order(c, order)
    return sorted(told, key=repr)


def _of_order(c: Case, order: dict[str, Any]) -> list[Told]:
    told: list[Told] = []
    valid_from, valid_until = _second(order["valid_from"]), _second(order["valid_until"])
    people = {order["monitored"]["device_id"]: None} | {p["device_id"]: p["person_id"] for p in order["protected"]}
    for device, person in people.items():
        role = 0 if person is None else 1
        for word in LEVEL:
            kind, level = ("contact_loss" if word == "power_off" else word), LEVEL[word][role]
            since: float | None = None
            last = 0.0
            moments = [(s, w) for s, d, w in c.events if d == device]
            # Instants at which something may change: events, messages, the end of quiet, the order's own begin and end.
            if word == "power_off":
                moments += [(s, "message") for s in c.messages[device]]
            moments += [(max(valid_from, 0.0), "begin"), (valid_until, "end")]
            cut = False
            first = {"begin": 0, "end": 0, "message": 1}  # A message is contact before it is what it reports.
            for second, what in sorted(moments, key=lambda m: (m[0], first.get(m[1], 2))):
                quiet = QUIET_S.get(word)
                if since is not None and quiet is not None and min(second, c.until_s) >= last + quiet:
                    told.append(Told(last + quiet, order["order_id"], kind, "cleared", level, person))
                    since = None
                if second > c.until_s:
                    continue
                in_force = valid_from <= second < valid_until
                if word == "strap_cut" and what in ("strap_cut", "strap_restored"):
                    cut = what == "strap_cut"
                begins = (what == word) or (word == "strap_cut" and what == "begin" and cut)
                ends = (what == "end") or (word == "strap_cut" and what == "strap_restored")
                ends = ends or (word == "power_off" and what == "message")
                if ends and since is not None:
                    told.append(Told(second, order["order_id"], kind, "cleared", level, person))
                    since = None
                if begins and in_force:
                    last = second
                    if since is None:
                        since = second
                        told.append(Told(second, order["order_id"], kind, "raised", level, person))
            quiet = QUIET_S.get(word)
            if since is not None and quiet is not None and c.until_s >= last + quiet:
                told.append(Told(last + quiet, order["order_id"], kind, "cleared", level, person))
    return told
