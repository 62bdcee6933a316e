"""The process behind what_if_process: a question on stdin, the answer on stdout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from gateway.contract import orders as contract
from gateway.contract.orders import Order
from gateway.contract.transitions import time_text
from gateway.geofence.motion import Observation
from gateway.replay.run import replay
from gateway.replay.what_if import WEEK_MS, breaches, recall, summary

DAY_MS = 86_400_000
NICE = 15
"""It must not take the processor from the alarms."""


def _over_the_past(document: dict[str, Any], first_ms: int, last_ms: int) -> Order:
    """The order as if it had been in force over the past positions, each party's tracker named after the party."""

    def party(source: dict[str, Any]) -> dict[str, Any]:
        return {**source, "device_id": None if source.get("device_id") is None else source["person_id"]}

    moved = {
        **document,
        "valid_from": time_text(first_ms - DAY_MS),
        "valid_until": time_text(last_ms + DAY_MS),
        "monitored": party(document["monitored"]),
        "protected": [party(source) for source in document.get("protected", [])],
    }
    return contract.parse({"schema": contract.SCHEMA, "orders": [moved]})[0]


def _told(order: Order, rows: Sequence[Observation], kinds: Sequence[str], weeks: float) -> dict[str, Any]:
    transitions = [t for t in replay([order], rows) if t.kind in kinds]
    return {"summary": summary(transitions, weeks), "spans": breaches(transitions, rows[-1].time_ms)}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Both orders over the same positions; `kinds` says which alarms count."""
    rows = [Observation._make([*row, "", "tracker"]) for row in question["rows"]]
    first_ms, last_ms = rows[0].time_ms, rows[-1].time_ms
    weeks = (last_ms - first_ms) / WEEK_MS
    proposed = _told(_over_the_past(question["proposed"], first_ms, last_ms), rows, question["kinds"], weeks)
    outcome: dict[str, Any] = {"proposed": proposed["summary"], "present": None, "recall": None}
    outcome["proposed"]["breaches"] = len(proposed["spans"])
    if question["present"] is not None:
        present = _told(_over_the_past(question["present"], first_ms, last_ms), rows, question["kinds"], weeks)
        outcome["present"] = {**present["summary"], "breaches": len(present["spans"])}
        outcome["recall"] = recall(present["spans"], proposed["spans"])
    return outcome


if __name__ == "__main__":
    os.nice(NICE)
    json.dump(answer(json.load(sys.stdin)), sys.stdout)
