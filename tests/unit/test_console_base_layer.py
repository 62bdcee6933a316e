"""The map's offline base layer keeps the borders it was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from geographiclib.geodesic import Geodesic
from geographiclib.polygonarea import PolygonArea
from shapely.geometry import LineString

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


def _drawn(layer: dict[str, Any]) -> list[base_layer.Ring]:
    """The arcs as a browser draws them."""
    steps = [list(zip(arc[::2], arc[1::2], strict=True)) for arc in layer["arcs"]]
    return base_layer.decode_arcs({"transform": layer["transform"], "arcs": steps})


def test_the_municipalities_together_are_as_large_as_belgium(layer: dict[str, Any]) -> None:
    arcs = _drawn(layer)
    area_m2 = 0.0
    for municipality in layer["municipalities"]:
        for rings in municipality["rings"]:
            for number, indices in enumerate(rings):
                outline = PolygonArea(Geodesic.WGS84)
                for lon, lat in base_layer.ring_points(indices, arcs):
                    outline.AddPoint(lat, lon)
                area_m2 += abs(outline.Compute(False, True)[2]) * (1 if number == 0 else -1)
    assert area_m2 / 1e6 == pytest.approx(BELGIUM_KM2, rel=0.005)


def test_a_thinner_border_keeps_its_ends_and_stays_within_a_step_of_the_sources_grid(
    layer: dict[str, Any], topology: dict[str, Any]
) -> None:
    grid_m = max(topology["transform"]["scale"]) * 111_320
    kept = given = 0
    for thin, whole in zip(_drawn(layer), base_layer.decode_arcs(topology), strict=True):
        assert (thin[0], thin[-1]) == (whole[0], whole[-1]), "a border that moved at its end leaves a gap"
        off_m = LineString(whole).hausdorff_distance(LineString(thin)) * 111_320  # a degree of longitude is shorter
        assert off_m <= 1.5 * grid_m
        kept, given = kept + len(thin), given + len(whole)
    assert kept < 0.75 * given


def test_every_municipality_has_both_names_and_a_label_inside_belgium(layer: dict[str, Any]) -> None:
    assert len(layer["municipalities"]) == 581
    assert all(m["nl"] and m["fr"] for m in layer["municipalities"])
    own = {m["nl"]: m[m["own"]] for m in layer["municipalities"]}
    assert (own["Gent"], own["Luik"], own["Elsene"]) == ("Gent", "Liège", "Ixelles")
    assert all(2.5 < m["at"][0] < 6.5 and 49.4 < m["at"][1] < 51.6 for m in layer["municipalities"])


def test_a_border_with_a_neighbouring_country_ranks_highest(layer: dict[str, Any]) -> None:
    assert set(layer["ranks"]) == {0, 1, 2, 3}


def test_a_source_that_is_no_topology_is_refused_by_name(tmp_path: Path) -> None:
    source = tmp_path / "broken.topojson"
    source.write_text('{"arcs": []}')
    with pytest.raises(base_layer.BaseLayerInvalid, match=r"broken\.topojson"):
        base_layer.write(source, tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()
