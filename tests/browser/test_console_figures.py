"""What is said of a distance is the same in row, panel and map, and nothing unknown reads as safe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support import contact_ban
from tests.support.browser import Backend, running_backend, signed_in, wait_for_map, wall_ms

pytestmark = pytest.mark.needs("chromium")
OTHER: dict[str, Any] = {"order_id": "VL-2026-0007", "monitored": "M7", "protected": "P7"}


def _row(page: Page, alarm_id: str, field: str) -> str:
    return page.locator(f'[data-alarm-id="{alarm_id}"] [data-field="{field}"]').inner_text()


def test_an_alarm_that_names_one_person_draws_the_line_to_the_other(page: Page, backend: Backend) -> None:
    backend.report_positions(contact_ban.approach(wall_ms()))
    backend.raise_alarm("panic", "panic", monitored=None, distance_m=None, probability=None)
    wait_for_map(page)
    expect(page.locator(".map-distance")).to_be_visible()
    expect(page.locator('[data-live="distance"]')).to_have_text(page.locator(".map-distance").inner_text())
    assert _row(page, "panic", "distance") == page.locator(".map-distance").inner_text()
    expect(page.locator('[data-live="distance-label"]')).to_have_text("M1 – P1: afstand nu")


def test_a_person_whose_place_is_unknown_has_no_line(page: Page, backend: Backend) -> None:
    hers = [position for position in contact_ban.approach(wall_ms()) if position["role"] == "protected"]
    backend.report_positions(hers)
    backend.raise_alarm("panic", "panic", monitored=None, distance_m=None, probability=None)
    wait_for_map(page)
    expect(page.locator(".party.pin.protected")).to_be_visible()
    expect(page.locator(".map-distance")).to_have_count(0)
    expect(page.locator('[data-live="distance"]')).to_have_text("onbekend")


def test_a_row_that_names_one_person_begins_where_all_rows_begin(page: Page, backend: Backend) -> None:
    backend.raise_alarm("near")
    backend.raise_alarm("panic", "panic", monitored=None)
    expect(page.locator("[data-alarm-id]")).to_have_count(2)
    starts = [
        page.locator(f'[data-alarm-id="{alarm}"] [data-field="{field}"]').evaluate("n => n.getBoundingClientRect().x")
        for alarm, field in (("near", "monitored"), ("panic", "protected"))
    ]
    assert starts[0] == starts[1]


def test_a_distance_grows_old_on_the_map_when_it_does_in_the_row(page: Page, backend: Backend) -> None:
    backend.report_positions(contact_ban.approach(wall_ms() - 80_000))
    backend.raise_alarm()
    wait_for_map(page)
    label = page.locator(".map-distance")
    expect(label).to_be_visible()
    expect(label).not_to_have_attribute("data-stale", "")
    expect(page.locator('[data-alarm-id="alarm-1"] .alarm')).to_have_attribute("data-stale", "", timeout=20_000)
    expect(label).to_have_attribute("data-stale", "", timeout=500)
    expect(label).to_contain_text("oud")
    both = page.evaluate(
        """() => [document.querySelector('[data-alarm-id] [data-field="closing"]').textContent,
                  document.querySelector(".map-distance").textContent.split(" · ")[1]]"""
    )
    assert both[0] == both[1]


def _two_apart(page: Page, backend: Backend) -> list[Route]:
    """The first alarm on the screen; the second chosen, its panel held back: the routes to let go."""
    backend.put_order(contact_ban.order(**OTHER))
    now = wall_ms()
    backend.report_positions(contact_ban.approach(now))
    elsewhere = contact_ban.approach(now, **OTHER)
    for position in elsewhere:
        if position["role"] == "monitored":
            position["lon"] += 0.2
    backend.report_positions(elsewhere)
    backend.raise_alarm("first")
    wait_for_map(page)
    expect(page.locator('[data-detail-of="first"]')).to_be_visible()
    expect(page.locator(".map-distance")).to_be_visible()
    held: list[Route] = []
    page.route("**/console/alarms/second", lambda route: held.append(route))  # noqa: PLW0108 (Playwright marks what it is given; a method takes no mark)
    backend.raise_alarm("second", **OTHER)
    expect(page.locator('[data-alarm-id="second"] [data-field="distance"]')).to_have_text(re.compile(r"km"))
    return held


def test_a_panel_keeps_its_own_figures_until_the_next_one_is_there(page: Page, backend: Backend) -> None:
    held = _two_apart(page, backend)
    page.locator('[data-alarm-id="second"] button').click()
    expect(page.locator('[data-alarm-id="second"] .alarm')).to_have_attribute("aria-current", "true")
    expect(page.locator(".map-distance")).to_have_text(_row(page, "second", "distance"))
    assert page.locator('[data-live="distance"]').inner_text() == _row(page, "first", "distance")
    while held:
        held.pop().continue_()
    page.unroute_all(behavior="wait")
    expect(page.locator('[data-detail-of="second"]')).to_be_visible()
    expect(page.locator('[data-live="distance"]')).to_have_text(_row(page, "second", "distance"))


def test_the_distance_to_a_zone_is_never_taken_for_the_one_to_a_person(page: Page, backend: Backend) -> None:
    backend.report_positions(contact_ban.approach(wall_ms()))
    backend.raise_alarm("zone", "zone_entry", protected=None, zone_id="home", distance_m=0.0)
    expect(page.locator('[data-alarm-id="zone"] [data-field="closing"]')).to_contain_text("tot zone")
    expect(page.locator('[data-live="distance-label"]')).to_contain_text("M1 – P1")


def test_an_empty_queue_is_good_news_only_while_the_gateway_is_heard_and_the_line_is_up(
    chromium: Browser, tmp_path: Path
) -> None:
    with running_backend(tmp_path) as backend:
        backend.add_person("an")
        page = signed_in(chromium, backend)
        empty = page.locator("[data-empty]")
        expect(page.locator('[data-chip="stream"]')).to_have_attribute("data-health", "good")
        expect(empty).to_contain_text("Geen open alarmen bekend")
        expect(empty).to_contain_text("De gateway is niet gehoord")
        expect(empty).to_have_attribute("data-sure", "false")
        backend.beat()
        expect(empty).to_have_attribute("data-sure", "true")
        expect(empty).to_contain_text("De verbinding is live")
        page.route("**/events", lambda route: route.abort())
        page.reload()
        expect(empty).to_contain_text("Er is geen verbinding")
        expect(empty).to_have_attribute("data-sure", "false")


def test_people_legend_and_keys_stand_below_whatever_banners_cover(page: Page, backend: Backend) -> None:
    backend.report_positions(contact_ban.approach(wall_ms()))
    backend.raise_alarm()
    wait_for_map(page)
    expect(page.locator(".map-distance")).to_be_visible()
    page.evaluate(
        """() => { for (const words of ["one", "two", "three"]) {
          const at = document.createElement("p");
          at.className = "banner bad";
          at.textContent = words.repeat(60);
          document.querySelector("[data-banners]").append(at);
        } }"""
    )
    page.wait_for_function(
        """() => {
          const low = document.querySelector("[data-banners]").getBoundingClientRect().bottom;
          const marks = document.querySelectorAll(".legend, .map-keys, .party.pin, .map-distance");
          return low > 150 && [...marks].every((one) => one.getBoundingClientRect().top >= low);
        }""",
        timeout=5_000,
    )


def test_sound_that_would_not_come_is_said_and_muting_is_one_persons(page: Page, backend: Backend) -> None:
    banner, button = page.locator('[data-banner="sound"]'), page.locator("[data-sound]")
    expect(banner).to_contain_text("Er is nog geen geluid")
    expect(page.locator("[data-empty]")).to_contain_text("maar zonder geluid")
    page.keyboard.press("Shift")
    expect(button).to_have_attribute("data-state", "on")
    expect(banner).to_have_count(0)
    expect(page.locator("[data-empty]")).to_contain_text("hier met geluid")
    page.keyboard.press("m")
    expect(button).to_have_attribute("data-state", "off")
    backend.raise_alarm()
    expect(banner).to_contain_text("Het geluid staat uit")
    page.reload()
    expect(button).to_have_attribute("data-state", "off")
    backend.add_person("jan", full_name="Jan Maes")
    page.goto(f"{backend.address}/sign-in/{backend.services.auth.new_login_link('jan', 'test')}")
    expect(page.locator("[data-alarm-id]")).to_be_visible()
    expect(button).not_to_have_attribute("data-state", "off")


def test_minutes_are_never_written_like_a_time_of_day(page: Page, backend: Backend) -> None:
    source = page.locator("script[type=module]").get_attribute("src") or ""
    said = page.evaluate(
        """async (module) => {
          const { age } = await import(module);
          return [59, 61, 599, 600, 3599, 3660].map((s) => age(s * 1000));
        }""",
        source.replace("console.js", "texts.js"),
    )
    assert said == ["59\u202fs", "1:01\u202fmin", "9:59\u202fmin", "10\u202fmin", "59\u202fmin", "1\u202fu 1"]
