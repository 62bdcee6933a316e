"""Makes the map's offline base layer: Belgium's municipalities as quantised arcs, each border stored once.

The browser decodes it (static/base_layer.js). Compared with GeoJSON each border is sent once instead of twice and as
small integer steps, which makes the compressed page about a third lighter.
"""

from __future__ import annotations

import json
import math
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

from shapely.geometry import LineString, Polygon

KM_PER_DEGREE = 111.32
# Inhabitants per km2 above which a municipality is tinted as built-up; the steps are cartographic taste, ASSUMED.
DENSITY_STEPS_PER_KM2 = (250, 600, 1500, 4000)

FLANDERS = "02000"

GRID_STEPS_OFF_MAX = 1.0
"""A corner that lies within one step of the source's own grid (27 m by 22 m) of the line without it is left out."""
CORNERS_MIN = 4
"""A closed arc keeps at least a triangle."""

Ring = list[tuple[float, float]]


class BaseLayerInvalid(Exception):
    """The source of the base layer is not the topology it should be."""

    def __init__(self, source: Path, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


def decode_arcs(topology: dict[str, Any]) -> list[Ring]:
    """Longitude and latitude in degrees of every arc of a quantised topology."""
    (kx, ky), (dx, dy) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs: list[Ring] = []
    for arc in topology["arcs"]:
        x = y = 0
        points: Ring = []
        for step_x, step_y in arc:
            x += step_x
            y += step_y
            points.append((x * kx + dx, y * ky + dy))
        arcs.append(points)
    return arcs


def thinned(steps: list[list[int]]) -> list[list[int]]:
    """The steps of an arc without the corners that its grid cannot tell from a straight line; both ends stay."""
    x = y = 0
    corners = []
    for step_x, step_y in steps:
        x, y = x + step_x, y + step_y
        corners.append((x, y))
    kept = [
        (int(x), int(y)) for x, y in LineString(corners).simplify(GRID_STEPS_OFF_MAX, preserve_topology=False).coords
    ]
    if corners[0] == corners[-1] and len(kept) < CORNERS_MIN:
        kept = corners
    return [[x - px, y - py] for (px, py), (x, y) in pairwise([(0, 0), *kept])]


def ring_points(indices: list[int], arcs: list[Ring]) -> Ring:
    """The closed ring that a list of arcs makes; a negative index is that arc backwards (~i)."""
    points: Ring = []
    for index in indices:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        points.extend(arc[1:] if points else arc)
    return points


def _polygons(geometry: dict[str, Any]) -> list[list[list[int]]]:
    """The polygons of a geometry, each a list of rings of arc indices."""
    if geometry["type"] == "Polygon":
        return [geometry["arcs"]]
    if geometry["type"] == "MultiPolygon":
        return list(geometry["arcs"])
    return []


def _area_km2(ring: Ring) -> float:
    """Area of a ring in km2, on a plane tangent at its mean latitude (error below 1 % at municipal size)."""
    mean_lat = sum(lat for _, lat in ring) / len(ring)
    twice = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring))
    return abs(twice) / 2 * KM_PER_DEGREE**2 * math.cos(math.radians(mean_lat))


def _border_rank(users: list[dict[str, Any]]) -> int:
    """0 municipal, 1 provincial, 2 regional, 3 national: what the border between two municipalities also is."""
    if len(users) < 2:
        return 3
    first, second = users[0], users[1]
    if first["reg_nis"] != second["reg_nis"]:
        return 2
    return 1 if first.get("prov_nis") != second.get("prov_nis") else 0


def build(topology: dict[str, Any]) -> dict[str, Any]:
    """The base layer: transform, arcs, each arc's rank, and per municipality names, label point and density step."""
    arcs = decode_arcs(topology)
    users: list[list[dict[str, Any]]] = [[] for _ in arcs]
    municipalities = []
    for geometry in topology["objects"]["municipalities"]["geometries"]:
        facts = geometry["properties"]
        polygons = _polygons(geometry)
        outlines = [ring_points(rings[0], arcs) for rings in polygons]
        for index in {i if i >= 0 else ~i for rings in polygons for ring in rings for i in ring}:
            users[index].append(facts)
        area_km2 = sum(_area_km2(outline) for outline in outlines)
        label = Polygon(max(outlines, key=_area_km2)).representative_point()
        density = facts["population"] / area_km2
        municipalities.append(
            {
                "nl": facts["name_nl"],
                "fr": facts["name_fr"],
                # For who reads neither: the name that stands on the signs there, in Brussels the French one.
                "own": "nl" if facts["reg_nis"] == FLANDERS else "fr",
                "people": facts["population"],
                "built": sum(density >= step for step in DENSITY_STEPS_PER_KM2),
                "at": [round(label.x, 4), round(label.y, 4)],
                "rings": polygons,
            }
        )
    return {
        "transform": topology["transform"],
        "arcs": [[n for step in thinned(arc) for n in step] for arc in topology["arcs"]],
        "ranks": [_border_rank(found) for found in users],
        "municipalities": municipalities,
    }


def write(source: Path, target: Path) -> None:
    """Build the base layer of `source` into `target`; raises BaseLayerInvalid."""
    try:
        layer = build(json.loads(source.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BaseLayerInvalid(source, "is not there") from None
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BaseLayerInvalid(source, f"is not a municipal topology: {error!r}") from error
    draft = target.with_suffix(".part")
    draft.write_text(json.dumps(layer, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
    os.replace(draft, target)
