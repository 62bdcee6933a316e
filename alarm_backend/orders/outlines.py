"""Zones as GeoJSON for a map: circles become polygons on the ellipsoid."""

from __future__ import annotations

import math
from typing import Any

from gateway.contract.orders import Zone
from gateway.contract.shapes import Circle

WGS84_A_M = 6_378_137.0
WGS84_E2 = 6.694379990141316e-3
CORNERS = 72
"""A polygon of 72 corners lies within 0.1 % of the radius of its circle."""


def circle_ring(lon_deg: float, lat_deg: float, radius_m: float, corners: int = CORNERS) -> list[list[float]]:
    """A closed counter-clockwise ring of (lon, lat) degrees around a centre; radius in metres, up to some 100 km.

    Local radii of curvature of WGS 84 (as the geofence core measures distances), so below 85° of latitude only.
    """
    sin_lat = math.sin(math.radians(lat_deg))
    w2 = 1 - WGS84_E2 * sin_lat * sin_lat
    north_m = WGS84_A_M * (1 - WGS84_E2) / (w2 * math.sqrt(w2))
    east_m = WGS84_A_M / math.sqrt(w2) * math.cos(math.radians(lat_deg))
    ring = []
    for corner in range(corners):
        angle = 2 * math.pi * corner / corners
        lon = lon_deg + math.degrees(radius_m * math.cos(angle) / east_m)
        lat = lat_deg + math.degrees(radius_m * math.sin(angle) / north_m)
        ring.append([round(lon, 7), round(lat, 7)])
    return [*ring, ring[0]]


def geometry(zone: Zone) -> dict[str, Any]:
    """The GeoJSON geometry of a zone, without its buffer."""
    if isinstance(zone.shape, Circle):
        ring = circle_ring(zone.shape.lon, zone.shape.lat, zone.shape.radius_m)
        return {"type": "Polygon", "coordinates": [ring]}
    polygons = [[[list(point) for point in ring] for ring in polygon] for polygon in zone.shape.polygons]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def feature(order_id: str, zone: Zone) -> dict[str, Any]:
    """A GeoJSON feature of one zone; a circle keeps its centre and radius as properties."""
    properties: dict[str, Any] = {
        "order_id": order_id,
        "zone_id": zone.zone_id,
        "buffer_m": zone.buffer_m,
        "scheduled": bool(zone.schedule),
    }
    if isinstance(zone.shape, Circle):
        properties |= {"center": [zone.shape.lon, zone.shape.lat], "radius_m": zone.shape.radius_m}
    return {"type": "Feature", "properties": properties, "geometry": geometry(zone)}
