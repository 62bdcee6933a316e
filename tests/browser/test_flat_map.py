"""The console's own map: places fall where Web Mercator puts them, and hand and wheel move it as a map is moved."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from alarm_backend.console.assets import STATIC

pytestmark = pytest.mark.needs("chromium")
WIDTH, HEIGHT = 600, 400
PAGE = """<!doctype html>
<div class="map" style="position: fixed; left: 0; top: 0; width: 600px; height: 400px"></div>
<script type="module">
  import { Extent, FlatMap } from "./js/flat_map.js";
  window.said = [];
  window.map = new FlatMap(document.querySelector(".map"), {
    extent: new Extent([4, 50.5], [5, 51]), limits: new Extent([0.5, 48.4], [8.5, 52.6]),
    padding: 20, zoomMin: 6, zoomMax: 18, paint() {},
  });
  for (const name of ["press", "release", "click", "dragstart", "wheel"]) map.on(name, () => said.push(name));
</script>"""


def _served(route: Route) -> None:
    name = route.request.url.removeprefix("http://map.example/")
    if name:
        route.fulfill(path=STATIC / name)
    else:
        route.fulfill(body=PAGE, content_type="text/html")


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page(reduced_motion="reduce")
    page.route("**/*", _served)
    page.goto("http://map.example/")
    page.wait_for_function("window.map")
    yield page
    page.close()


def _look(page: Page, expression: str) -> Any:
    return page.evaluate(f"({expression})")


def _said(page: Page) -> list[str]:
    return list(page.evaluate("said.splice(0)"))


def test_places_fall_where_web_mercator_puts_them(page: Page) -> None:
    zoom, (lon, lat) = _look(page, "map.zoom"), _look(page, "map.unproject({x: 300, y: 200})")
    # EPSG:3857: northing = R ln(tan(45° + lat/2)); the world is 512 px wide at zoom 0.
    px_per_radian = 512 * 2**zoom / (2 * math.pi)

    def northing(degrees: float) -> float:
        return math.log(math.tan(math.pi / 4 + math.radians(degrees) / 2))

    for place in ((3.2247, 51.2093), (4.3517, 50.8466), (5.5797, 50.6326)):
        at = page.evaluate("place => map.project(place)", list(place))
        assert at["x"] == pytest.approx(WIDTH / 2 + math.radians(place[0] - lon) * px_per_radian, abs=1e-6)
        assert at["y"] == pytest.approx(HEIGHT / 2 - (northing(place[1]) - northing(lat)) * px_per_radian, abs=1e-6)
        assert page.evaluate("at => map.unproject(at)", at) == pytest.approx(list(place), abs=1e-9)
    west, east = _look(page, "map.project([4, 50.75])"), _look(page, "map.project([5, 50.75])")
    south, north = _look(page, "map.project([4.5, 50.5])"), _look(page, "map.project([4.5, 51])")
    assert min(west["x"], WIDTH - east["x"], north["y"], HEIGHT - south["y"]) == pytest.approx(20, abs=1e-6)


def test_a_drag_takes_the_place_along_and_a_click_moves_nothing(page: Page) -> None:
    place = _look(page, "map.unproject({x: 200, y: 150})")
    page.mouse.click(200, 150)
    assert _said(page) == ["press", "release", "click"]
    page.mouse.move(200, 150)
    page.mouse.down()
    page.mouse.move(260, 190, steps=4)
    page.mouse.up()
    said = _said(page)
    assert said.count("dragstart") == 1
    assert "click" not in said
    at = page.evaluate("place => map.project(place)", place)
    assert (at["x"], at["y"]) == pytest.approx((260, 190), abs=1e-6)


def test_the_wheel_zooms_about_the_place_under_the_pointer_and_stops_at_the_limits(page: Page) -> None:
    before, place = _look(page, "map.zoom"), _look(page, "map.unproject({x: 400, y: 120})")
    page.mouse.move(400, 120)
    page.mouse.wheel(0, -300)
    page.wait_for_function("said.includes('wheel')")
    assert _look(page, "map.zoom") == pytest.approx(before + 1)
    at = page.evaluate("place => map.project(place)", place)
    assert (at["x"], at["y"]) == pytest.approx((400, 120), abs=1e-6)
    assert _look(page, "(map.zoomTo(99), map.zoom)") == 18
    assert _look(page, "(map.zoomTo(-99), map.zoom)") == 6
    page.evaluate("map.moveTo({x: 0, y: 0, zoom: 12})")
    assert _look(page, "map.bounds().west") == pytest.approx(0.5, abs=1e-9)


def test_two_fingers_spread_the_map_about_the_middle_between_them(page: Page) -> None:
    before, place = _look(page, "map.zoom"), _look(page, "map.unproject({x: 300, y: 200})")
    page.evaluate(
        """() => {
          map.container.setPointerCapture = () => {}; // no such pointers exist outside this test
          const say = (type, pointerId, clientX) =>
            map.container.dispatchEvent(new PointerEvent(type, { pointerId, clientX, clientY: 200, bubbles: true }));
          say("pointerdown", 1, 250); say("pointerdown", 2, 350);
          for (let step = 1; step <= 50; step++) {
            say("pointermove", 1, 250 - step); say("pointermove", 2, 350 + step);
          }
          say("pointerup", 1, 200); say("pointerup", 2, 400);
        }"""
    )
    assert _look(page, "map.zoom") == pytest.approx(before + 1, abs=0.1), "the first pixels may yet be a click"
    at = page.evaluate("place => map.project(place)", place)
    assert (at["x"], at["y"]) == pytest.approx((300, 200), abs=2)


LAYER = """{
  transform: { scale: [1, 1], translate: [0, 0] },
  arcs: [[4, 50, 1, 0, 0, 1, -1, 0, 0, -1], [5, 50, 1, 0, 0, 1, -1, 0]], ranks: [3, 3],
  municipalities: [
    { nl: "Westdorp", fr: "Village-Ouest", own: "nl", people: 90000, built: 1, at: [4.1, 50.9], rings: [[[0]]] },
    { nl: "Oostdorp", fr: "Village-Est", own: "fr", people: 20000, built: 1, at: [5.9, 50.1], rings: [[[1]]] },
  ],
}"""


@pytest.mark.parametrize(
    ("language", "middle", "told"),
    [
        ("nl", (4.5, 50.5), ["Westdorp"]),
        ("fr", (4.5, 50.5), ["Village-Ouest"]),
        ("nl", (5.0, 50.5), ["Oostdorp", "Westdorp"]),
        ("en", (5.0, 50.5), ["Village-Est", "Westdorp"]),
        ("nl", (6.5, 50.5), []),
        ("nl", (4.1, 50.9), ["Westdorp"]),
    ],
)
def test_wherever_the_map_is_between_names_the_place_is_named(
    page: Page, language: str, middle: tuple[float, float], told: list[str]
) -> None:
    """Zoomed in, a name's own spot is out of view, and an unnamed empty page tells nobody where somebody is."""
    spots = page.evaluate(
        f"""async ([language, lon, lat]) => {{
          const {{ BaseLayer, decode }} = await import("./js/base_layer.js");
          const {{ worldX, worldY }} = await import("./js/flat_map.js");
          const layer = new BaseLayer(decode({LAYER}, language), () => "#888");
          map.moveTo({{ x: worldX(lon), y: worldY(lat), zoom: 15 }});
          const written = [];
          const pen = map.pen(map.ground);
          pen.fillText = (name, x, y) => written.push([name, x, y]);
          layer.paint(pen, map);
          return written;
        }}""",
        [language, *middle],
    )
    assert sorted(name for name, *_ in spots) == told
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for _, x, y in spots)
