"""The map of a replay as somebody opens it: nobody lies under a panel, and silence is drawn from the last sharp fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from gateway.geofence.motion import Observation
from gateway.geofence.swapped import places_of
from gateway.replay import map_page
from gateway.replay.run import replay
from tests.support.contact_orders import at, circle, order
from waakzaam import map_trimmings

pytestmark = pytest.mark.needs("chromium")
ONE = order(zones=[circle(), circle(200, "work")])
# Where panels are: she in the corner of the state, he in the corner of the legend.
HERS = [at("trk-p1", s, 2_000, -3_000) for s in range(0, 1_800, 60)]
HIS = [at("trk-m1", s, -2_000 + 4_000 * s / 1_800, -3_000 + s / 3) for s in range(0, 1_800, 60)]
HIDDEN = """() => D.tracks.filter(t => {
  const f = t.fixes[before(t.fixes, now)], [x, y] = px(X(f[2]), Y(f[1])).map(v => v / r), m = c.getBoundingClientRect();
  const under = ["state", "legend", "tools"].some(id => { const p = $(id).getBoundingClientRect();
    return x + m.left > p.left - 8 && x + m.left < p.right + 8 && y + m.top > p.top - 8 && y + m.top < p.bottom + 8; });
  return under || x < 8 || y < 8 || x > m.width - 8 || y > m.height - 8;
}).map(t => t.person)"""


def opened(chromium: Browser, tmp_path: Path, rows: list[Observation]) -> Page:
    page, path = chromium.new_page(), tmp_path / "map.html"
    trimmings = map_page.Trimmings(map_trimmings.words())
    path.write_text(map_page.render([ONE], rows, list(replay([ONE], rows)), trimmings), encoding="utf-8")
    page.goto(path.as_uri())
    page.wait_for_function("view !== null")
    return page


@pytest.mark.parametrize("mirrored", [False, True])
def test_at_the_start_nobody_lies_under_a_panel(chromium: Browser, tmp_path: Path, mirrored: bool) -> None:
    rows = [*HERS, *HIS]
    if mirrored:
        rows = [one._replace(lon=2 * 4.3517 - (one.lon or 0)) for one in rows]
    page = opened(chromium, tmp_path, rows)
    for width, height in ((1280, 720), (1024, 600), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.reload()
        assert page.evaluate(HIDDEN) == [], (width, height)
        for moment in ("t0", "t1"):
            page.evaluate(f"go({moment}); fit()")
            assert page.evaluate(HIDDEN) == [], (width, height, moment)


def drawn(page: Page) -> list[Any]:
    """Middle (degrees) and radius of the discs that say how far somebody may be."""
    return list(
        page.evaluate(
            "() => { const found = [], kept = circle;"
            " circle = (...all) => { if (String(all[5]) == '2,5') found.push(all.slice(0, 3)); kept(...all); };"
            " go(t1); circle = kept; return found; }"
        )
    )


def test_the_disc_of_a_silent_person_begins_at_the_last_fix_that_was_sharp(chromium: Browser, tmp_path: Path) -> None:
    vague = [at("trk-m1", s, 4_000, 0, accuracy_m=2_000.0) for s in range(600, 1_740, 60)]
    sharp = [at("trk-m1", s, -1_000, 0) for s in range(0, 600, 60)]
    page = opened(chromium, tmp_path, [*HERS, *sharp, *vague])
    ((lat, lon, radius_m),) = drawn(page)
    assert (lat, lon) == pytest.approx((sharp[-1].lat, sharp[-1].lon))
    silent_ms = HERS[-1].time_ms - sharp[-1].time_ms
    (_, _), (near_ms, near_m), (far_ms, far_m) = map_page.reach_of(True)
    expected_m = near_m + (far_m - near_m) * (silent_ms - near_ms) / (far_ms - near_ms)
    assert radius_m == pytest.approx(5 + (expected_m if silent_ms > near_ms else near_m * silent_ms / near_ms))
    assert drawn(opened(chromium, tmp_path, [*HERS, *vague])) == []


def test_a_position_turned_round_is_on_no_map(chromium: Browser, tmp_path: Path) -> None:
    turned = [one._replace(lat=one.lon, lon=one.lat) for one in HIS[10:]]
    page = opened(chromium, tmp_path, [*HERS, *HIS[:10], *turned])
    assert len(places_of(ONE)) == 3
    assert page.evaluate("D.tracks.find(t => t.person == 'M1').fixes.length") == 10
    assert page.evaluate("box[1] - box[0] < 20000") is True
