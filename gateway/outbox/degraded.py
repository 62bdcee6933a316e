"""When the backend is away: a list of the pairs at risk, on this machine's disk, for the police."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.contract.transitions import time_text
from gateway.geofence.alarms import severity
from gateway.geofence.case import State, fix_document
from gateway.partition import Partition, Sleeping

FILE = "at-risk.json"


def _entry(state: State) -> dict[str, Any]:
    order = state.case.order
    worst = max(state.alarms.values(), key=lambda alarm: severity(alarm.level))
    return {
        "order_id": order.order_id,
        "monitored": order.monitored.person_id,
        "protected": [party.person_id for party in order.protected],
        "level": worst.level,
        "alarms": [
            {
                "alarm_id": alarm.alarm_id,
                "kind": key.kind,
                "protected": key.protected or None,
                "zone_id": key.zone_id or None,
                "level": alarm.level,
                "raised": time_text(alarm.raised_ms),
            }
            for key, alarm in sorted(state.alarms.items())
        ],
        "last_positions": [fix_document(track.raw) for track in state.tracks.values() if track.raw is not None],
    }


def write(folder: Path, partitions: Iterable[Partition], now_ms: int) -> Path:
    """Writes the list whole; orders with a standing alarm, the worst first."""
    states = (state for partition in partitions for state in partition.states.values())
    entries = [_entry(state) for state in states if not isinstance(state, Sleeping) and state.alarms]
    entries.sort(key=lambda entry: (-severity(entry["level"]), entry["order_id"]))
    document = {"schema": "waakzaam.at_risk/1", "time": time_text(now_ms), "orders": entries}
    path = folder / FILE
    part = folder / f".{FILE}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    return path


def remove(folder: Path) -> None:
    """Takes the list away once the backend has everything again."""
    (folder / FILE).unlink(missing_ok=True)
