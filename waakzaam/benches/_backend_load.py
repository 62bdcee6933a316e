"""Loads for the backend's benchmark: transitions over HTTP, consoles on the event stream, a long history."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from sqlalchemy import insert

from alarm_backend.alarms.lifecycle import CAUSES
from alarm_backend.alarms.risk import SEVERITY_OF_KIND, risk
from alarm_backend.store.database import Database
from alarm_backend.store.tables import alarms
from alarm_backend.time_text import to_text
from gateway.contract import transitions as contract

KINDS = contract.KINDS
DAY_MS = 86_400_000
ORDERS = 500


def percentile(values: list[float], percent: float) -> float:
    """NaN, which misses every target, when nothing was measured."""
    return float(np.percentile(values, percent)) if values else float("nan")


def transition(number: int, chance: random.Random, now_ms: int) -> dict[str, Any]:
    """A transition as the gateway sends it, of one of the orders."""
    order = chance.randrange(ORDERS)
    alarm_id = f"a-{number:016x}"
    return {
        "idempotency_key": f"{alarm_id}:raised",
        "fix_received_ms": now_ms,
        "time": to_text(now_ms),
        "alarm_id": alarm_id,
        "order_id": f"VL-2026-{order:04d}",
        "kind": chance.choice(KINDS),
        "transition": "raised",
        "level": chance.choice(["info", "warning", "high", "critical"]),
        "monitored": f"M{order}",
        "protected": f"P{order}",
        "zone_id": None,
        "distance_m": round(chance.uniform(10, 5000), 1),
        "probability": round(chance.random(), 3),
        "reason": "within the alert distance",
        "evidence": {"fixes": [[50.85, 4.35, 8.0], [50.86, 4.36, 9.0]], "rule": "1"},
    }


@dataclass
class Ingested:
    """What a load of transitions met."""

    stored: int = 0
    duplicates: int = 0
    other: int = 0
    seconds: float = 0.0
    request_ms: list[float] = field(default_factory=list)


def ingest(url: str, token: str, *, seed: int, seconds: float, batch: int, posters: int, repeats: float) -> Ingested:
    """Post batches as fast as they are answered from `posters` connections; a share of the items are repeats."""
    outcome = Ingested()
    lock = threading.Lock()
    end = time.monotonic() + seconds

    def post(poster: int) -> None:
        chance = random.Random(seed * 1000 + poster)
        number = (seed * 64 + batch) * 64 + poster << 32
        sent: list[dict[str, Any]] = []
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
            while time.monotonic() < end:
                items = []
                for _ in range(batch):
                    if sent and chance.random() < repeats:
                        items.append(chance.choice(sent))
                    else:
                        number += 1
                        items.append(transition(number, chance, time.time_ns() // 1_000_000))
                        sent.append(items[-1])
                start = time.perf_counter()
                answer = client.post("/api/v1/transitions", json={"transitions": items})
                took_ms = 1000 * (time.perf_counter() - start)
                statuses = [result["status"] for result in answer.json()["results"]]
                with lock:
                    outcome.request_ms.append(took_ms)
                    outcome.stored += statuses.count("stored")
                    outcome.duplicates += statuses.count("duplicate")
                    outcome.other += batch - statuses.count("stored") - statuses.count("duplicate")

    start = time.monotonic()
    with ThreadPoolExecutor(posters) as pool:
        list(pool.map(post, range(posters)))
    outcome.seconds = time.monotonic() - start
    return outcome


def fill_history(database: Database, count: int, open_count: int, seed: int, now_ms: int) -> None:
    """`count` alarms over five years of 2,000 orders, the newest `open_count` of them open."""
    chance = random.Random(seed)
    chunk: list[dict[str, Any]] = []
    for number in range(count):
        order = chance.randrange(2000)
        kind = KINDS[number % len(KINDS)]
        severity = SEVERITY_OF_KIND[kind]
        is_open = number >= count - open_count
        raised_ms = now_ms - round((count - number) * 5 * 365 * DAY_MS / count)
        distance_m, probability = chance.uniform(0, 5000), chance.random()
        chunk.append(
            {
                "alarm_id": f"h-{number:08d}",
                "order_id": f"VL-{order:06d}",
                "kind": kind,
                "level": "warning",
                "severity": severity,
                "risk": risk(severity, "active" if is_open else "cleared", probability, distance_m),
                "state": ("raised", "acknowledged", "in_progress")[number % 3] if is_open else "resolved",
                "condition": "active" if is_open else "cleared",
                "monitored": f"M{order}",
                "protected": f"P{order}",
                "distance_m": distance_m,
                "probability": probability,
                "reason": "within the alert distance",
                "raised_ms": raised_ms,
                "updated_ms": raised_ms,
                "stored_ms": raised_ms,
                "changed_ms": raised_ms,
                "cause": None if is_open else chance.choice(CAUSES),
                "incident_id": f"i-{number // 3}",
                "escalation_level": 0,
                "escalation_due_ms": now_ms + 10 * DAY_MS if is_open and number % 3 == 0 else None,
            }
        )
        if len(chunk) == 20_000 or number == count - 1:
            _add(database, chunk)
            chunk = []


def _add(database: Database, rows: list[dict[str, Any]]) -> None:
    """Alarms by the fastest way there is: PostgreSQL takes a million in a tenth of the time by COPY."""
    with database.writing() as connection:
        if database.dialect == "sqlite":
            connection.execute(insert(alarms), rows)
            return
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY alarms ({', '.join(rows[0])}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(tuple(row.values()))
