"""What changed in an order is said in words and in full: who signs sees it."""

from __future__ import annotations

import pytest

from alarm_backend.console.order_words import value_text

SQUARE = [[4.3, 50.8], [4.4, 50.8], [4.4, 50.9], [4.3, 50.9], [4.3, 50.8]]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        ("2026-07-01T06:00:00Z", "01-07-2026 08:00"),
        ("M1", "M1"),
        ({"type": "Circle", "center": [4.35, 50.85], "radius_m": 300}, "cirkel · 300 m · 50.85 4.35"),
        ({"type": "Polygon", "coordinates": [SQUARE]}, "veelhoek (4) · 50.8 4.3, 50.8 4.4, 50.9 4.4, 50.9 4.3"),
        ([{"days": ["mon", "fri"], "from": "08:00", "until": "18:00"}], "ma vr 08:00–18:00"),
        ([], "–"),
    ],
)
def test_a_value_is_said_as_the_form_says_it(value: object, said: str) -> None:
    assert value_text("nl", value) == said


@pytest.mark.parametrize("kind", ["Polygon", "MultiPolygon"])
def test_the_last_corner_of_a_large_zone_is_seen_to_have_moved(kind: str) -> None:
    ring = [[4.0 + step / 100, 50.0] for step in range(90)] + [[4.0, 51.0], [4.0, 50.0]]
    moved = [*ring[:-2], [4.0, 51.1], ring[-1]]
    before, after = ([one] if kind == "Polygon" else [[one]] for one in (ring, moved))
    said = [value_text("nl", {"type": kind, "coordinates": rings}) for rings in (before, after)]
    assert said[0] != said[1]
