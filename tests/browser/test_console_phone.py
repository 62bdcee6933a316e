"""The console on a phone, for whoever is on call: nothing is cut off and no page scrolls sideways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from alarm_backend.console.page_frame import LANGUAGE_COOKIE
from alarm_backend.maintenance.schemas import WindowIn
from tests.support import contact_ban
from tests.support.browser import Backend, running_backend, signed_in, wall_ms

pytestmark = pytest.mark.needs("chromium")
WIDTH = 390
CUT_OFF = """(width) => {
  const cut = (one) => {
    const at = one.getBoundingClientRect();
    const hidden = one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== "visible";
    return at.width > 1 && (at.right > width + 0.5 || at.left < -0.5 || hidden);
  };
  return [...document.querySelectorAll("main :is(td, dd, p, h1, h2, li, button), .top :is(a, button, span)")]
    .filter((one) => one.checkVisibility() && !one.closest(".sr, .skip") && cut(one))
    .map((one) => one.outerHTML.slice(0, 90));
}"""
BOXES = """all => all.map((one) => {
  if (one.scrollWidth > one.clientWidth) throw new Error(`${one.textContent} is wider than its column`);
  const at = one.getBoundingClientRect();
  return [at.x, at.width, at.height].map(Math.round);
})"""


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with running_backend(tmp_path_factory.mktemp("phone")) as running:
        running.add_person("lead", role="supervisor", full_name="Lies Vandenbroucke-Wouters")
        running.put_order(contact_ban.order())
        running.beat()
        running.report_positions(contact_ban.approach(wall_ms()))
        for kind in ("proximity_alert", "strap_cut", "order_not_active", "device_left_behind"):
            running.raise_alarm(f"alarm-{kind}", kind)
        lead = running.services.auth.users()[0]
        running.services.alarms.take("alarm-strap_cut", lead)
        running.services.alarms.resolve("alarm-strap_cut", lead, "authorised_presence")
        window = WindowIn(scope="device", target="trk-p1", ends_ms=wall_ms() + 3_600_000, reason="new battery")
        running.services.maintenance.plan(window, lead)
        yield running


@pytest.fixture(scope="module")
def page(chromium: Browser, backend: Backend) -> Page:
    return signed_in(chromium, backend, "lead", size=(WIDTH, 844))


@pytest.mark.parametrize("language", ["nl", "en", "fr"])
@pytest.mark.parametrize("path", ["/", "/handover", "/search", "/alarms/alarm-strap_cut", "/maintenance"])
def test_nothing_is_cut_off_and_the_page_does_not_scroll_sideways(
    page: Page, backend: Backend, path: str, language: str
) -> None:
    page.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": backend.address}])
    page.goto(backend.address + path)
    expect(page.locator("html")).to_have_attribute("lang", language)
    if path == "/":
        expect(page.locator("[data-detail-of]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    assert page.evaluate(CUT_OFF, WIDTH) == []
    for table in page.locator(".table").all():
        assert table.evaluate("one => one.scrollWidth <= one.clientWidth"), "a table has more beside it"


def test_what_to_do_about_the_chosen_alarm_is_in_sight_without_scrolling(page: Page, backend: Backend) -> None:
    backend.post([backend.transition(f"more-{number}", "battery_low", level="info") for number in range(12)])
    page.goto(backend.address + "/")
    page.locator('[data-alarm-id="alarm-proximity_alert"] button').click()
    expect(page.locator('[data-detail-of="alarm-proximity_alert"]')).to_be_visible()
    act = page.locator("[data-act].main").bounding_box()
    assert act is not None
    assert act["y"] + act["height"] <= 844


def test_the_first_tap_means_the_row_under_the_finger(chromium: Browser, backend: Backend) -> None:
    page = signed_in(chromium, backend, "lead", size=(WIDTH, 844))
    expect(page.locator('[data-banner="sound"]')).to_be_visible()  # goes with the tap
    row = page.locator('[data-alarm-id="alarm-order_not_active"] .alarm')
    row.click()
    expect(row).to_have_attribute("aria-current", "true")


@pytest.mark.parametrize("language", ["nl", "en", "fr"])
def test_the_menu_stands_in_even_columns(page: Page, backend: Backend, language: str) -> None:
    page.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": backend.address}])
    page.goto(backend.address + "/handover")
    boxes = page.locator(".top nav a").evaluate_all(BOXES)
    assert len({width for _, width, _ in boxes}) == 1
    assert len({height for _, _, height in boxes}) == 1, "a word of the menu has broken over two lines"
    assert len({x for x, _, _ in boxes}) <= 4
