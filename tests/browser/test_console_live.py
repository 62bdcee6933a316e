"""The operator's console in a real browser before the real backend: alarms arrive, one key acknowledges."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from alarm_backend.alarms import repository
from alarm_backend.maintenance.schemas import WindowEnd, WindowIn
from tests.support import contact_ban
from tests.support.browser import (
    PASSWORD,
    Backend,
    rfc3339,
    signed_in,
    wait_for_map,
    wall_ms,
)
from tests.support.drink_test import sealed_line

pytestmark = pytest.mark.needs("chromium")
SHOWN_WITHIN_MS = 2_000
SEEN = "peak of ketamine at 0.842 V above the decision limit"
UNSEEN = "no ketamine above the decision limit"


def test_an_alarm_arrives_without_a_reload_and_one_key_acknowledges_it(page: Page, backend: Backend) -> None:
    expect(page.locator("[data-empty]")).to_be_visible()
    page.evaluate("window.notReloaded = true")
    backend.report_positions(contact_ban.approach(wall_ms()))
    backend.raise_alarm(time=rfc3339(wall_ms()))
    row = page.locator('[data-alarm-id="alarm-1"]')
    expect(row).to_be_visible(timeout=SHOWN_WITHIN_MS)
    expect(row).to_contain_text("Te dicht bij slachtoffer")
    expect(row).to_contain_text("niet bevestigd")
    page.keyboard.press("a")
    expect(row).to_contain_text("bevestigd door an", timeout=SHOWN_WITHIN_MS)
    stored = backend.services.alarms.detail("alarm-1")
    assert stored.alarm.state == "acknowledged"
    assert stored.alarm.acknowledged_by == "an"
    assert page.evaluate("window.notReloaded")
    assert page.wrong == []  # type: ignore[attr-defined]


def _an_evening(backend: Backend) -> None:
    """Two orders: one in which he comes too close, one whose tracker went silent elsewhere; and two drink tests."""
    now = wall_ms()
    other = {"order_id": "VL-2026-0007", "monitored": "M7", "protected": "P7"}
    backend.put_order(contact_ban.order(**other))
    backend.report_positions(contact_ban.approach(now))
    elsewhere = contact_ban.approach(now - 600_000, 30, 60, **other)
    away = {"monitored": (-0.62, 0.19), "protected": (-0.41, -0.1)}
    for position in elsewhere:
        east, north = away[position["role"]]
        position |= {"lon": position["lon"] + east, "lat": position["lat"] + north}
    backend.report_positions(elsewhere)
    silent = {**other, "probability": None, "distance_m": 36_000.0, "reason": "could_have_reached"}
    backend.post(
        [
            backend.transition("alarm-0", "proximity_prealert", level="warning", time=rfc3339(now - 420_000)),
            backend.transition("alarm-2", "contact_loss", level="warning", time=rfc3339(now - 540_000), **silent),
            backend.transition("alarm-3", "battery_low", level="info", time=rfc3339(now - 3_000_000), **silent),
            backend.transition("alarm-1", time=rfc3339(now - 40_000), distance_m=840.0),
        ]
    )
    backend.services.alarms.acknowledge("alarm-0", backend.services.auth.users()[0])
    for verdict, reason, drink in (("negative", UNSEEN, "witte wijn"), ("positive", SEEN, "cola")):
        told = sealed_line(verdict, reason, drink, time=rfc3339(now))
        backend.send("POST", "/api/v1/field-tests", {"records": [told]})


def test_the_map_shows_both_people_and_the_distance_between_them(page: Page, backend: Backend, tmp_path: Path) -> None:
    _an_evening(backend)
    page.emulate_media(reduced_motion="reduce")
    wait_for_map(page)
    page.locator('[data-alarm-id="alarm-1"]').click()
    for role in ("monitored", "protected"):
        expect(page.locator(f".party.pin.{role}")).to_be_visible()
    said = page.locator(".map-distance").inner_text()
    assert re.fullmatch(r"[\d.,]+\s(m|km)", said), said
    expect(page.locator('[data-live="distance"]')).to_have_text(said)
    expect(page.locator(".chart-line")).to_be_attached()
    newest = page.locator("[data-tests] > li").first
    expect(newest).to_contain_text("piek van ketamine bij 0,842 V boven de beslissingsgrens")
    expect(newest.locator("time")).to_have_text(re.compile(r"\d\d:\d\d"))
    painted = page.locator("[data-map] .map-ground").screenshot()
    assert len(painted) > 20_000, "the map is an empty rectangle"
    if os.environ.get("WAAKZAAM_SCREENSHOT") == "1":
        target = Path(__file__).resolve().parents[2] / "docs" / "images" / "console.png"
        target.parent.mkdir(parents=True, exist_ok=True)
    else:
        target = tmp_path / "console.png"
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.screenshot(path=str(target))
    assert page.wrong == []  # type: ignore[attr-defined]


def test_a_panel_that_never_comes_holds_neither_the_tracks_nor_the_map(page: Page, backend: Backend) -> None:
    wait_for_map(page)
    page.route("**/console/alarms/*", lambda route: None)
    _an_evening(backend)
    for role in ("monitored", "protected"):
        expect(page.locator(f".party.pin.{role}")).to_be_visible()
    expect(page.locator("[data-detail-of]")).to_have_count(0)
    page.unroute_all(behavior="ignoreErrors")


def test_what_is_selected_by_itself_is_drawn_on_the_map_with_its_tracks(page: Page, backend: Backend) -> None:
    wait_for_map(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/console/" in request.url else None)
    _an_evening(backend)
    expect(page.locator("[data-detail-of] .chart-line")).to_be_attached()
    expect(page.locator(".map-distance")).to_be_visible()
    panels = [url for url in asked if "/console/alarms/" in url]
    assert "order_id=" in asked[asked.index(panels[0]) - 1], f"the tracks are not asked for with the panel: {asked}"


def test_a_cut_strap_that_names_one_person_shows_where_the_other_is(page: Page, backend: Backend) -> None:
    _an_evening(backend)
    backend.raise_alarm("alarm-strap", "strap_cut", protected=None, distance_m=None)
    wait_for_map(page)
    page.locator('[data-alarm-id="alarm-strap"]').click()
    for role in ("monitored", "protected"):
        expect(page.locator(f".party.pin.{role}")).to_be_visible()
    expect(page.locator('[data-live="distance"]')).to_have_text(re.compile(r"[\d.,]+\s(m|km)"))
    row = page.locator('[data-alarm-id="alarm-strap"]')
    expect(row.locator('[data-field="distance"]')).to_have_text(page.locator('[data-live="distance"]').inner_text())
    expect(row.locator('[data-field="closing"]')).to_contain_text("van P1")


def test_a_distance_of_long_ago_stands_in_the_row_of_a_cut_strap_with_its_age(page: Page, backend: Backend) -> None:
    backend.report_positions(contact_ban.approach(wall_ms() - 2 * 3_600_000))
    backend.raise_alarm("alarm-strap", "strap_cut", protected=None, distance_m=None)
    row = page.locator('[data-alarm-id="alarm-strap"]')
    expect(row.locator('[data-field="distance"]')).to_have_text(re.compile(r"[\d.,]+\s(m|km)"))
    expect(row.locator('[data-field="closing"]')).to_have_text(re.compile(r"van P1 · 2\su \d+ oud"))
    expect(row.locator(".alarm")).to_have_attribute("data-stale", "")


def test_a_distance_that_only_the_gateway_told_is_never_shown_as_the_distance_now(page: Page, backend: Backend) -> None:
    backend.raise_alarm(time=rfc3339(wall_ms() - 600_000))
    row = page.locator('[data-alarm-id="alarm-1"]')
    expect(row.locator('[data-field="distance"]')).to_have_text(re.compile(r"640\sm"))
    expect(row.locator('[data-field="closing"]')).to_have_text(re.compile(r"10\smin oud"))
    row.click()
    expect(page.locator('[data-live="distance-label"]')).to_have_text(re.compile(r"laatst bekend, 10\smin oud"))


@pytest.mark.parametrize("language", ["nl", "en", "fr"])
def test_on_a_phone_the_legend_leaves_the_maps_keys_free(chromium: Browser, backend: Backend, language: str) -> None:
    page = signed_in(chromium, backend, size=(390, 844))
    page.click(f'button[name="language"][value="{language}"]')
    wait_for_map(page)
    legend, keys = page.locator("[data-legend]").bounding_box(), page.locator("[data-map-keys]").bounding_box()
    assert legend is not None
    assert keys is not None
    assert legend["x"] + legend["width"] <= keys["x"] or legend["y"] >= keys["y"] + keys["height"]
    assert legend["height"] < 120, "the legend leaves the map to see"


def test_an_alarm_of_another_operator_changes_here_too(page: Page, chromium: Browser, backend: Backend) -> None:
    backend.add_person("jan", full_name="Jan Maes")
    other = signed_in(chromium, backend, "jan")
    backend.raise_alarm()
    expect(other.locator('[data-alarm-id="alarm-1"]')).to_be_visible()
    other.keyboard.press("t")
    expect(page.locator('[data-alarm-id="alarm-1"]')).to_contain_text("in behandeling door jan")
    other.context.close()


def test_the_queue_is_ordered_by_risk_and_new_danger_comes_on_top(page: Page, backend: Backend) -> None:
    backend.raise_alarm("flat", "battery_low", level="info", distance_m=None, probability=None, protected=None)
    backend.raise_alarm("silent", "contact_loss", level="warning", distance_m=None, probability=None)
    backend.raise_alarm("near", "proximity_alert")
    expect(page.locator("[data-alarm-id]")).to_have_count(3)
    order = page.locator("[data-rows] > li").evaluate_all("rows => rows.map(row => row.dataset.alarmId)")
    assert order == ["near", "silent", "flat"]


def test_in_a_flood_nothing_blinks_and_only_the_selected_row_has_a_red_ground(page: Page, backend: Backend) -> None:
    backend.post([backend.transition(f"flood-{number}") for number in range(15)])
    expect(page.locator('[data-banner="flood"]')).to_be_visible()
    expect(page.locator("[data-alarm-id]")).to_have_count(15)
    page.evaluate("document.querySelector('.queue').dataset.beat = 'off'")
    seen = page.locator(".alarm").evaluate_all(
        """rows => rows.map(row => {
          const icon = row.querySelector(".severity");
          return [row.ariaCurrent, getComputedStyle(row).backgroundColor, getComputedStyle(icon).opacity];
        })"""
    )
    assert {opacity for _, _, opacity in seen} == {"1"}
    chosen = {ground for current, ground, _ in seen if current == "true"}
    others = {ground for current, ground, _ in seen if current != "true"}
    assert len(chosen) == len(others) == 1
    assert chosen != others


def test_who_was_called_is_never_cut_off_and_the_bar_keeps_to_one_line(page: Page, backend: Backend) -> None:
    backend.raise_alarm()
    state = page.locator('[data-alarm-id="alarm-1"] [data-field="state"]')
    expect(state).to_be_visible()
    for width in (1440, 1024):
        page.set_viewport_size({"width": width, "height": 800})
        fits = state.evaluate(
            "node => { node.textContent = 'niet bevestigd · verantwoordelijke van wacht opgeroepen · toestand voorbij';"
            "const row = node.closest('.row').getBoundingClientRect(), own = node.getBoundingClientRect();"
            "return node.scrollWidth <= node.clientWidth && own.bottom <= row.bottom; }"
        )
        assert fits, width
        bar = page.locator("header.top").bounding_box()
        assert bar is not None
        assert bar["height"] <= 47, width


@pytest.mark.parametrize("language", ["nl", "en", "fr"])
@pytest.mark.parametrize("width", [1440, 1280, 1024])
def test_chips_in_trouble_cover_nothing_of_the_bar_and_banners_stand_below_it(
    chromium: Browser, backend: Backend, language: str, width: int
) -> None:
    backend.add_person("lead", role="supervisor", full_name="Lies Wouters")
    page = signed_in(chromium, backend, "lead", size=(width, 800))
    page.click(f'button[name="language"][value="{language}"]')
    expect(page.locator('[data-banner="sound"]')).to_be_visible()
    page.locator(".top [data-chip]").evaluate_all(
        """all => all.forEach((one) => {
          one.dataset.health = "bad";
          one.append("muette depuis 59 min, 120 en attente".slice(one.dataset.chip === "gateway" ? 0 : 20));
        })"""
    )
    page.wait_for_function(
        """() => {
          const boxes = [...document.querySelector("header.top").children].map((one) => one.getBoundingClientRect());
          const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom && b.top < a.bottom;
          const bar = document.querySelector("header.top").getBoundingClientRect();
          return boxes.every((a, i) => boxes.every((b, j) => i === j || !meet(a, b)) && a.right <= innerWidth)
            && document.querySelector(".banner").getBoundingClientRect().top >= bar.bottom;
        }""",
        timeout=5_000,
    )


def test_the_end_of_the_chain_is_named_with_how_often_it_was_called_never_as_a_number_of_people(
    page: Page, backend: Backend
) -> None:
    backend.raise_alarm()
    with backend.services.database.writing() as connection:
        repository.change(connection, "alarm-1", {"escalation_level": 21})
    page.reload()
    state = page.locator('[data-alarm-id="alarm-1"] [data-field="state"]')
    expect(state).to_have_text("niet bevestigd · verantwoordelijke van wacht 19× opgeroepen")


def test_a_drink_test_appears_with_its_verdict_and_light(page: Page, backend: Backend) -> None:
    backend.send("POST", "/api/v1/field-tests", {"records": [sealed_line("positive", "above_decision_limit")]})
    test = page.locator(".drink-test")
    expect(test).to_contain_text("GEVONDEN", timeout=SHOWN_WITHIN_MS)
    expect(test.locator(".lamp")).to_have_attribute("data-led", "positive")


def test_nobody_sees_the_queue_without_signing_in(chromium: Browser, backend: Backend) -> None:
    stranger = chromium.new_context().new_page()
    stranger.goto(backend.address + "/")
    expect(stranger).to_have_url(backend.address + "/login")
    stranger.fill("#username", "an")
    stranger.fill("#password", "wrong")
    stranger.click("main button.main")
    expect(stranger.locator("[role=alert]")).to_be_visible()
    expect(stranger.locator("#username")).to_have_value("an")
    expect(stranger.locator("#password")).to_be_focused()
    expect(stranger.locator("#password")).to_have_value("")
    stranger.context.close()


def test_the_page_runs_no_inline_script(page: Page, backend: Backend) -> None:
    policy = page.request.get(backend.address + "/").headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_a_step_pressed_before_the_panel_has_followed_is_logged_with_neither_alarm(
    page: Page, backend: Backend
) -> None:
    backend.raise_alarm("first")
    expect(page.locator('[data-detail-of="first"]')).to_be_visible()
    backend.raise_alarm("second")
    expect(page.locator('[data-alarm-id="second"]')).to_be_visible()
    held: list[Route] = []
    posts: list[str] = []
    page.route("**/console/alarms/second", lambda route: held.append(route))  # noqa: PLW0108 (Playwright marks what it is given; a method takes no mark)
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    page.locator('[data-alarm-id="second"]').click()
    expect(page.locator('[data-alarm-id="second"] .alarm')).to_have_attribute("aria-current", "true")
    expect(page.locator('[data-detail-of="first"]')).to_be_visible()  # what the operator still reads
    page.keyboard.press("1")
    while held:
        held.pop().continue_()
    page.unroute_all(behavior="wait")
    expect(page.locator('[data-detail-of="second"]')).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator('[data-step="call_protected"]')).to_have_attribute("data-outcome", "done")
    assert [url.split("/alarms/")[1].split("/")[0] for url in posts] == ["second"]


def test_closing_a_severe_alarm_takes_a_cause_and_a_second_person(
    page: Page, chromium: Browser, backend: Backend
) -> None:
    backend.add_person("lead", role="supervisor", full_name="Lies Wouters")
    backend.raise_alarm()
    row = page.locator('[data-alarm-id="alarm-1"]')
    expect(row).to_be_visible()
    page.keyboard.press("t")
    expect(row).to_contain_text("in behandeling door an")
    page.keyboard.press("r")
    page.locator("#cause").select_option("contact_prevented")
    page.locator('[data-act-form="resolve"] button.main').click()
    expect(row).to_contain_text("wacht op tweede paar ogen")
    expect(page.locator('[data-act="confirm_close"]')).to_have_count(0)
    second = signed_in(chromium, backend, "lead")
    second.locator('[data-alarm-id="alarm-1"] button').click()
    second.locator('[data-act="confirm_close"]').click()
    expect(row).to_have_count(0)
    assert backend.services.alarms.detail("alarm-1").alarm.cause == "contact_prevented"
    second.context.close()


def test_a_refused_act_is_said_and_changes_nothing(page: Page, chromium: Browser, backend: Backend) -> None:
    backend.add_person("jan", full_name="Jan Maes")
    backend.raise_alarm()
    backend.services.alarms.take("alarm-1", backend.services.auth.users()[1])
    row = page.locator('[data-alarm-id="alarm-1"]')
    expect(row).to_contain_text("in behandeling door jan")
    page.keyboard.press("t")
    said = "Niet uitgevoerd: jan heeft het alarm; een supervisor kan het overnemen"
    expect(page.locator('[data-banner="act"]')).to_have_text(said)
    assert backend.services.alarms.detail("alarm-1").alarm.taken_by == "jan"


def test_replay_shows_the_past_and_cannot_be_taken_for_now(page: Page, backend: Backend) -> None:
    backend.report_positions(contact_ban.approach(wall_ms()))
    backend.raise_alarm()
    wait_for_map(page)
    expect(page.locator(".map-distance")).to_be_visible()
    now = page.locator(".map-distance").inner_text()
    page.keyboard.press("h")
    expect(page.locator("[data-replay-time]")).to_contain_text("VERLEDEN")
    expect(page.locator(".map-distance")).not_to_have_text(now)
    expect(page.locator('[data-live="distance"]')).to_have_text(now)
    page.keyboard.press("Escape")
    expect(page.locator("[data-replay]")).to_be_hidden()
    expect(page.locator(".map-distance")).to_have_text(now)


def test_a_replay_of_nothing_says_that_there_is_nothing(page: Page, backend: Backend) -> None:
    backend.raise_alarm()
    expect(page.locator('[data-alarm-id="alarm-1"]')).to_be_visible()
    page.keyboard.press("h")
    expect(page.locator('[data-banner="replay"]')).to_contain_text("geen posities van het laatste uur")
    expect(page.locator("[data-replay]")).to_be_hidden()


def test_positions_of_long_ago_never_give_a_closing_speed_of_now(page: Page, backend: Backend) -> None:
    _an_evening(backend)
    row = page.locator('[data-alarm-id="alarm-2"]')
    expect(row.locator(".closing")).to_have_attribute("data-trend", "stale")
    expect(row.locator(".closing")).to_contain_text("oud")
    row.locator("button").click()
    expect(page.locator('[data-live="closing"]')).to_have_text("–")
    expect(page.locator('[data-live="distance-label"]')).to_contain_text("laatst bekend")


def test_distances_in_the_browser_agree_with_geographiclib(page: Page, backend: Backend) -> None:
    from geographiclib.geodesic import Geodesic

    source = page.locator("script[type=module]").get_attribute("src") or ""
    module = source.replace("console.js", "geodesy.js")
    pairs = [((50.8466, 4.3517), (50.8470, 4.3520)), ((50.85, 4.35), (50.90, 4.40)), ((49.6, 5.6), (49.61, 5.68))]
    for (lat_a, lon_a), (lat_b, lon_b) in pairs:
        true_m = Geodesic.WGS84.Inverse(lat_a, lon_a, lat_b, lon_b)["s12"]
        said_m = page.evaluate(
            "async ([module, a, b]) => (await import(module)).distance(a, b)",
            [module, {"lat": lat_a, "lon": lon_a}, {"lat": lat_b, "lon": lon_b}],
        )
        assert said_m == pytest.approx(true_m, abs=0.001)
    ring = page.evaluate("async (module) => (await import(module)).circle(4.35, 50.85, 1000, 8)", module)
    for lon, lat in ring:
        assert Geodesic.WGS84.Inverse(50.85, 4.35, lat, lon)["s12"] == pytest.approx(1000, abs=0.5)


def test_search_narrows_while_typing_and_leads_to_the_alarms_own_page(page: Page, backend: Backend) -> None:
    _an_evening(backend)
    page.goto(backend.address + "/search")
    expect(page.locator("#found tbody tr")).to_have_count(4)
    page.evaluate("window.notReloaded = true")
    page.locator("#person").press_sequentially("M7")
    expect(page.locator("#found tbody tr")).to_have_count(2)
    assert page.evaluate("window.notReloaded")
    assert "person=M7" in page.url
    page.locator("#found a").first.click()
    expect(page.locator("h1")).to_contain_text("VL-2026-0007")
    expect(page.locator("td.hash").first).to_have_text(re.compile("^[0-9a-f]{16}$"))


@pytest.mark.parametrize("gone", ["line", "session"])
def test_a_search_without_an_answer_never_shows_what_was_found_before(page: Page, backend: Backend, gone: str) -> None:
    _an_evening(backend)
    page.goto(backend.address + "/search")
    expect(page.locator("#found tbody tr")).to_have_count(4)
    if gone == "line":
        page.route("**/search?**", lambda route: route.abort())
    else:
        page.context.clear_cookies()
    page.locator("#person").press_sequentially("M7")
    expect(page.locator("#found [role=alert]")).to_contain_text("Niet gezocht")
    expect(page.locator("#found tbody tr")).to_have_count(0)


def test_a_search_that_finds_nothing_says_what_to_do(page: Page, backend: Backend) -> None:
    page.goto(backend.address + "/search?person=nobody")
    expect(page.locator("#found [role=status]")).to_contain_text("Laat een veld weg")
    expect(page.locator("#found table")).to_have_count(0)


def test_an_evaluator_sees_drink_tests_and_no_alarm(chromium: Browser, backend: Backend) -> None:
    backend.add_person("eva", role="evaluator", full_name="Eva Claes", password=PASSWORD)
    backend.send("POST", "/api/v1/field-tests", {"records": [sealed_line("inconclusive", "ph out of range")]})
    evaluator = signed_in(chromium, backend, "eva", password=PASSWORD)
    expect(evaluator).to_have_url(backend.address + "/field-tests")
    expect(evaluator.locator("tbody tr")).to_contain_text("onduidelijk")
    for path in ("/search", "/handover", "/orders", "/console/situation", "/alarms/alarm-1"):
        assert evaluator.request.get(backend.address + path).status == 403
    evaluator.context.close()


def test_what_is_worked_on_is_said_at_once_and_its_alarms_stand_aside(page: Page, backend: Backend) -> None:
    for name in ("els", "bart"):
        backend.add_person(name, role="supervisor")
    els, bart = (user for user in backend.services.auth.users() if user.role == "supervisor")
    line, unseen = page.locator('[data-chip="working"]'), page.locator('[data-count="unacknowledged"] b')
    expect(line).to_be_hidden()
    backend.raise_alarm("loud", "proximity_alert")
    backend.raise_alarm("flat", "battery_low", level="info", distance_m=None, probability=None)
    expect(unseen).to_have_text("2")
    wanted = WindowIn(scope="device", target="trk-p1", ends_ms=wall_ms() + 3_600_000, reason="new battery")
    window = backend.services.maintenance.plan(wanted, els)
    expect(line).to_be_hidden()
    backend.services.maintenance.approve(window.window_id, bart)
    expect(line).to_contain_text("trk-p1 in onderhoud tot")
    flat = page.locator('[data-alarm-id="flat"]')
    expect(flat).to_contain_text("In onderhoud tot")
    expect(unseen).to_have_text("1")
    expect(page.locator("[data-rows] > li").last).to_have_attribute("data-alarm-id", "flat")
    loud = page.locator('[data-alarm-id="loud"]')
    low, high = flat.bounding_box(), loud.bounding_box()
    assert low is not None
    assert high is not None
    assert low["height"] < high["height"]
    backend.services.maintenance.end(window.window_id, WindowEnd(), els)
    expect(line).to_be_hidden()
    expect(flat).not_to_contain_text("In onderhoud tot")
    expect(unseen).to_have_text("2")
    assert page.wrong == []  # type: ignore[attr-defined]
