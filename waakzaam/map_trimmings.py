"""What a replay's map gets from the rest of the product: its texts in three languages and an offline base layer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import shapely

from alarm_backend.console import base_layer, catalogue
from gateway.contract.orders import Order
from gateway.geofence.motion import Observation
from gateway.replay.map_page import Box, Trimmings, box_of
from waakzaam import machine

TOPOLOGY = machine.ROOT / "data/basemap/belgium_municipalities.topojson"
PREFIXES = ("kind.", "why.", "transition.", "track_map.")
# The view is wider than what happens in it by its own size, and never narrower than about 10 km.
MARGIN_DEG = 0.05


def _around(box: Box) -> list[dict[str, Any]]:
    """The municipalities that touch the view, cut to it; none where the map of Belgium does not reach."""
    west, south, east, north = box
    wide, high = max(east - west, MARGIN_DEG), max(north - south, MARGIN_DEG)
    view = shapely.box(west - wide, south - high, east + wide, north + high)
    layer = base_layer.build(json.loads(TOPOLOGY.read_text(encoding="utf-8")))
    arcs = base_layer.decode_arcs(json.loads(TOPOLOGY.read_text(encoding="utf-8")))
    found = []
    for one in layer["municipalities"]:
        rings = []
        for polygon in one["rings"]:
            outline = shapely.Polygon(base_layer.ring_points(polygon[0], arcs)).buffer(0)
            cut = outline.intersection(view)
            parts = [part for part in getattr(cut, "geoms", [cut]) if isinstance(part, shapely.Polygon)]
            rings += [
                [[round(x, 5), round(y, 5)] for x, y in part.exterior.coords] for part in parts if not part.is_empty
            ]
        if rings:
            found.append({"nl": one["nl"], "fr": one["fr"], "built": one["built"], "at": one["at"], "rings": rings})
    return found


def words() -> dict[str, dict[str, str]]:
    """The texts of the map by language."""
    return {
        language: {key: entry[language] for key, entry in catalogue.texts().items() if key.startswith(PREFIXES)}
        for language in catalogue.LANGUAGES
    }


def trimmings(
    orders: Sequence[Order],
    observations: Sequence[Observation],
    present: Sequence[Order] = (),
    changes: Sequence[tuple[str, float, float]] = (),
) -> Trimmings:
    """Texts and base layer for the map of these orders and positions; of a what-if, what it is compared with."""
    return Trimmings(words(), _around(box_of(orders, observations)), present, changes)
