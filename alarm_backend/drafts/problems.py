"""Everything that is wrong with a drafted order, each with its place; pure.

The gateway's own parser is the judge. It stops at the first fault, so what it complains of is taken out or replaced
by something valid, and it is asked again, until it is content.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alarm_backend.errors import InvalidRequest
from alarm_backend.operations.retention_rules import DAYS_MAX, Rules, of_order
from gateway.contract import orders as contract
from gateway.contract.errors import OrdersInvalid

PROBLEMS_MAX = 50
PREFIX = "orders[0]"
LISTS = ("protected", "zones", "exceptions")
FILLERS: dict[str, Any] = {
    "order_id": "X",
    "version": 1,
    "mandate_kind": "investigation",
    "timezone": "Europe/Brussels",
    "valid_from": "2000-01-01T00:00:00Z",
    "valid_until": "2100-01-01T00:00:00Z",
    "monitored": {"person_id": "nobody-0"},
    "proximity": None,
    "protected": [],
    "zones": [],
    "exceptions": [],
    "victim_contact": {},
}
CODES = (
    (r"^missing$|is ''|, is null$", "missing"),
    (r"is not an identifier", "identifier"),
    (r"must be a number|must be a whole number", "number"),
    (r"^(?P<value>\S+) is outside (?P<low>\S+) to (?P<high>\S+)$", "outside"),
    (r"is below alert_distance_m", "prealert_below_alert"),
    (r"is not after", "not_after"),
    (r"is not an RFC 3339 time|must be a time", "time"),
    (r"is not a time zone", "timezone"),
    (r"is not a time of day|24:00 is the end", "time_of_day"),
    (r"not a simple polygon|not a valid multipolygon", "crosses_itself"),
    (r"has no area", "no_area"),
    (r"is not closed", "not_closed"),
    (r"must have \d+ to \d+ entries", "too_few"),
    (r"is there twice", "twice"),
    (r"is not in this order", "unknown_name"),
)


@dataclass(frozen=True)
class Problem:
    """What is wrong at `path` (`zones[1].shape.radius_m`): a code for the catalogue, its values, the parser's words."""

    path: str
    code: str
    values: Mapping[str, str]
    reason: str


def code_of(reason: str) -> tuple[str, dict[str, str]]:
    """The catalogue's code of a reason and the values in it; "other" for one that has no code."""
    for pattern, code in CODES:
        if found := re.search(pattern, reason):
            return code, found.groupdict()
    return "other", {}


def _problem(path: str, reason: str) -> Problem:
    code, values = code_of(reason)
    return Problem(path, code, values, reason)


def find(document: Any, order_id: str) -> list[Problem]:
    """The problems of one order's document; [] means that the gateway would take it. Never raises."""
    if not isinstance(document, dict):
        return [_problem("", "must be an object")]
    trial: dict[str, Any] = copy.deepcopy(document) | {"version": 1}
    found: list[Problem] = []
    if document.get("order_id") != order_id:
        found.append(Problem("order_id", "other_order", {}, f"is not {order_id}"))
        trial["order_id"] = order_id
    places = {name: list(range(len(trial[name]))) for name in LISTS if isinstance(trial.get(name), list)}
    while len(found) < PROBLEMS_MAX:
        try:
            contract.parse({"schema": contract.SCHEMA, "orders": [trial]})
            break
        except OrdersInvalid as error:
            path = error.path.removeprefix(PREFIX).lstrip(".")
            found.append(_problem(_as_drafted(path, places), error.reason))
            if not _take_out(trial, path, places):
                break
    return found + _policy(document)


def _as_drafted(path: str, places: dict[str, list[int]]) -> str:
    """The path with the number that the entry has in the draft, where others were taken out before it."""
    entry = re.match(r"(\w+)\[(\d+)\]", path)
    if entry is None or entry[1] not in places or int(entry[2]) >= len(places[entry[1]]):
        return path
    return f"{entry[1]}[{places[entry[1]][int(entry[2])]}]{path[entry.end() :]}"


def _take_out(trial: dict[str, Any], path: str, places: dict[str, list[int]]) -> bool:
    """Take the faulty part out of the trial; False when there is nothing left to take."""
    entry = re.match(r"(\w+)\[(\d+)\]", path)
    if entry is not None and entry[1] in places and int(entry[2]) < len(trial[entry[1]]):
        del trial[entry[1]][int(entry[2])]
        del places[entry[1]][int(entry[2])]
        return True
    name, _, member = path.partition(".")
    if name == "victim_contact" and member in trial[name]:
        del trial[name][member]
        return True
    if name not in FILLERS or trial.get(name) == FILLERS[name]:
        return False
    trial[name] = copy.deepcopy(FILLERS[name])
    if name in places:
        places[name] = []
    return True


def _policy(document: dict[str, Any]) -> list[Problem]:
    """What the backend alone reads from an order: how long to keep positions and closed alarms."""
    days = document.get("retention_days")
    try:
        of_order(Rules(), document)
    except InvalidRequest:
        values = {"value": str(days)[:20], "low": "0", "high": str(DAYS_MAX)}
    else:
        return []
    return [Problem("retention_days", "outside", values, "is not a number of days")]
