"""Places and values of an order's document in words, as the form beside it says them (draft_review.js does the same).

Nothing is cut short: who signs must see every corner that moved.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from alarm_backend.console import catalogue
from alarm_backend.console.page_frame import ZONE

GROUPS = {
    "monitored": "role.monitored",
    "protected": "role.protected",
    "zones": "draft.part.zones",
    "exceptions": "draft.part.exceptions",
    "victim_contact": "draft.part.contact",
}
UNSAID = {"proximity", "shape"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")


def place_name(language: str, path: str) -> str:
    """A place in an order's document in the words of the form (as `placeName` in draft_review.js)."""
    first, *rest = [part for part in re.findall(r"[^.\[\]]+", path) if part not in UNSAID] or [path]
    group = "kind" if first == "victim_contact" else "draft"
    said = [str(int(part) + 1) if part.isdigit() else catalogue.word(language, group, part) for part in rest]
    begin = catalogue.text(language, GROUPS[first]) if first in GROUPS else catalogue.word(language, "draft", first)
    return " · ".join([begin, *said])


def value_text(language: str, value: Any) -> str:
    """A value in words: shapes by their numbers, hours by their days, times as Belgian time; a dash for nothing."""
    if isinstance(value, dict):
        return _object(language, value)
    if isinstance(value, list):
        return "; ".join(_window(language, one) for one in value) or "–"
    if isinstance(value, str) and INSTANT.fullmatch(value):
        return datetime.fromisoformat(value).astimezone(ZONE).strftime("%d-%m-%Y %H:%M")
    return "–" if value is None else str(value)


def _object(language: str, value: dict[str, Any]) -> str:
    if value.get("type") == "Circle":
        lon, lat = value["center"]
        return f"{catalogue.text(language, 'draft.circle')} · {value['radius_m']} m · {lat} {lon}"
    if value.get("type") == "Polygon":
        outer, *holes = [", ".join(f"{lat} {lon}" for lon, lat in ring[:-1]) for ring in value["coordinates"]]
        said = [f"{catalogue.text(language, 'draft.polygon')} ({len(value['coordinates'][0]) - 1})", outer]
        for number, hole in enumerate(holes, start=1):
            said.append(f"{catalogue.text(language, 'draft.hole_corners', number=number)}: {hole}")
        return " · ".join(said)
    said = [f"{catalogue.word(language, 'draft', key)}: {value_text(language, one)}" for key, one in value.items()]
    return ", ".join(said)


def _window(language: str, one: Any) -> str:
    if isinstance(one, dict) and {"days", "from", "until"} <= one.keys():
        days = " ".join(catalogue.word(language, "day", str(day)) for day in one["days"])
        return f"{days} {one['from']}–{one['until']}"
    return value_text(language, one)
