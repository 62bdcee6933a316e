"""The map's offline base layer keeps the borders it was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from geographiclib.geodesic import Geodesic
from geographiclib.polygonarea import PolygonArea

from alarm_backend.console import base_layer
from alarm_backend.console.vendor import BASE_LAYER_SOURCE

BELGIUM_KM2 = 30_689  # Statbel, land and inland waters


@pytest.fixture(scope="module")
def topology() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(BASE_LAYER_SOURCE.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def layer(topology: dict[str, Any]) -> dict[str, Any]:
    return base_layer.build(topology)


def test_the_municipalities_together_are_as_large_as_belgium(layer: dict[str, Any], topology: dict[str, Any]) -> None:
    arcs = base_layer.decode_arcs(topology)
    area_m2 = 0.0
    for municipality in layer["municipalities"]:
        for rings in municipality["rings"]:
            for number, indices in enumerate(rings):
                outline = PolygonArea(Geodesic.WGS84)
                for lon, lat in base_layer.ring_points(indices, arcs):
                    outline.AddPoint(lat, lon)
                area_m2 += abs(outline.Compute(False, True)[2]) * (1 if number == 0 else -1)
    assert area_m2 / 1e6 == pytest.approx(BELGIUM_KM2, rel=0.005)


def test_every_municipality_has_both_names_and_a_label_inside_belgium(layer: dict[str, Any]) -> None:
    assert len(layer["municipalities"]) == 581
    assert all(m["nl"] and m["fr"] for m in layer["municipalities"])
    assert all(2.5 < m["at"][0] < 6.5 and 49.4 < m["at"][1] < 51.6 for m in layer["municipalities"])


def test_a_border_with_a_neighbouring_country_ranks_highest(layer: dict[str, Any]) -> None:
    assert set(layer["ranks"]) == {0, 1, 2, 3}


def test_a_source_that_is_no_topology_is_refused_by_name(tmp_path: Path) -> None:
    source = tmp_path / "broken.topojson"
    source.write_text('{"arcs": []}')
    with pytest.raises(base_layer.BaseLayerInvalid, match=r"broken\.topojson"):
        base_layer.write(source, tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()
