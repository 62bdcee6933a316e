"""The chart of the last hour's distance: nothing is drawn outside it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, Route

from alarm_backend.console import catalogue
from alarm_backend.console.assets import STATIC

pytestmark = pytest.mark.needs("chromium")


def test_a_position_ahead_of_the_desks_clock_stays_inside_the_chart(chromium: Browser) -> None:
    texts = json.dumps(catalogue.for_browser("nl", ("",)))
    body = f'<!doctype html><script type="application/json" id="texts">{texts}</script><div id="chart"></div>'

    def served(route: Route) -> None:
        name = route.request.url.removeprefix("http://chart.example/")
        if name:
            route.fulfill(path=STATIC / name)
        else:
            route.fulfill(body=body, content_type="text/html; charset=utf-8")

    page = chromium.new_page(locale="nl-BE")
    page.route("**/*", served)
    page.goto("http://chart.example/")
    right = page.evaluate(
        """async () => {
          const { drawChart } = await import("/js/distance_chart.js");
          const series = [0, 60, 120, 180].map((s) => ({ ms: 1.78e12 + 1000 * s, m: 500 + s }));
          drawChart(document.querySelector("#chart"), series, { alertM: 1000, prealertM: 2000 }, 1.78e12 + 90e3, 3.6e6);
          const box = document.querySelector(".chart-line").getBBox();
          return box.x + box.width;
        }"""
    )
    page.close()
    assert right <= 340
