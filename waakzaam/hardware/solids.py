"""Solids built of flat layers: a polygon and its height. Volume, and binary STL."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

Shape = BaseGeometry  # a polygon or several
Triangle = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Layer:
    """What is solid between two heights, mm."""

    bottom: float
    top: float
    shape: Shape


def volume_mm3(layers: list[Layer]) -> float:
    """Volume of a solid, mm3."""
    return sum(layer.shape.area * (layer.top - layer.bottom) for layer in layers)


def _flat(shape: Shape, z: float, up: bool) -> Iterator[Triangle]:
    for part in shapely.get_parts(shape):
        if part.geom_type != "Polygon" or part.area < 1e-9:
            continue
        for piece in shapely.get_parts(shapely.constrained_delaunay_triangles(part)):
            a, b, c = (tuple(map(float, point)) for point in list(piece.exterior.coords)[:3])
            if ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0) != up:
                b, c = c, b
            yield (a[0], a[1], z), (b[0], b[1], z), (c[0], c[1], z)


def _walls(shape: Shape, bottom: float, top: float) -> Iterator[Triangle]:
    for part in shapely.get_parts(shape):
        upright = shapely.geometry.polygon.orient(part)  # outside anticlockwise, holes clockwise: walls face out
        for ring in (upright.exterior, *upright.interiors):
            points = [tuple(map(float, point)) for point in ring.coords]
            for (x1, y1), (x2, y2) in pairwise(points):
                yield (x1, y1, bottom), (x2, y2, bottom), (x2, y2, top)
                yield (x1, y1, bottom), (x2, y2, top), (x1, y1, top)


def triangles(layers: list[Layer]) -> list[Triangle]:
    """The surface, outward; layers stand on each other without gaps between the lowest and the highest."""
    out: list[Triangle] = []
    below: Shape = Polygon()
    for number, layer in enumerate(layers):
        above = layers[number + 1].shape if number + 1 < len(layers) else Polygon()
        out += _flat(layer.shape.difference(below), layer.bottom, up=False)
        out += _flat(layer.shape.difference(above), layer.top, up=True)
        out += _walls(layer.shape, layer.bottom, layer.top)
        below = layer.shape
    return out


def enclosed_mm3(surface: list[Triangle]) -> float:
    """Volume inside a surface by the divergence theorem, mm3; equals `volume_mm3` only when the surface is closed."""
    points: NDArray[np.float64] = np.asarray(surface, dtype=np.float64)
    return float(np.einsum("ij,ij->i", points[:, 0], np.cross(points[:, 1], points[:, 2])).sum() / 6.0)


def stl(layers: list[Layer], name: str) -> bytes:
    """The solid as binary STL, millimetres."""
    surface = triangles(layers)
    out = [f"Waakzaam {name}, mm".encode().ljust(80, b" "), struct.pack("<I", len(surface))]
    for one in surface:
        a, b, c = (np.asarray(point) for point in one)
        normal = np.cross(b - a, c - a)
        length = float(np.linalg.norm(normal)) or 1.0
        out.append(struct.pack("<12fH", *(normal / length), *a, *b, *c, 0))
    return b"".join(out)
