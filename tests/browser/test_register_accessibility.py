"""axe-core finds nothing on the pages of case managers, administrators and evaluators, in any language and theme."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from alarm_backend.auth.schemas import User
from alarm_backend.console.libraries import FOLDER
from alarm_backend.console.page_frame import LANGUAGE_COOKIE, THEME_COOKIE
from alarm_backend.devices.schemas import DeviceIn, HookupIn
from alarm_backend.drafts.schemas import DraftNew
from alarm_backend.feedback.schemas import FeedbackIn
from alarm_backend.maintenance.schemas import WindowIn
from alarm_backend.stock.schemas import LotIn, MoveIn, RecallIn, VenueIn
from alarm_backend.stock.service import day_of
from tests.support import contact_ban
from tests.support.browser import Backend, running_backend, signed_in, wait_for_map, wall_ms
from waakzaam.rigs.chromium import AXE

pytestmark = pytest.mark.needs("chromium")
PHONE = 390


def _fill(running: Backend, ann: User, admin: User) -> str:
    """Something on every page; the draft's id."""
    services = running.services
    running.put_order(contact_ban.order())
    for device in ("trk-m1", "trk-p1"):
        services.devices.register(device, DeviceIn(model="T1", key_fingerprint="ab" * 16), ann)
    worn = {"device_id": "trk-m1", "order_id": contact_ban.ORDER_ID, "person_id": "M1"}
    services.devices.hook_up(HookupIn(**worn, strap_number="S1", battery_percent=90), ann)  # type: ignore[arg-type]
    for code in ("club-1", "fest-1"):
        services.stock.put_venue(code, VenueIn(name=code, kind="venue", municipality="Gent"), admin)
    for lot in ("B-1", "B-2"):
        services.stock.add_lot(lot, LotIn(item="bracelet", received=50), admin)
    today = day_of(wall_ms())
    window = WindowIn(scope="broker", ends_ms=wall_ms() + 3_600_000, reason="a new version")
    services.maintenance.plan(window, admin)
    again = services.maintenance.plan(window, admin)
    services.maintenance.approve(again.window_id, ann)
    moved = MoveIn(lot_id="B-1", venue_code="club-1", what="distributed", number=20, day=today)
    services.stock.move("move-0001", moved, admin)
    services.stock.recall("B-2", RecallIn(reason="weak"), admin)
    for number in range(6):
        answer = FeedbackIn(venue_code="club-1", audience="user", scores={"easy": 4}, again="yes")
        services.feedback.take(answer, str(number))
    wrong: dict[str, Any] = contact_ban.order()
    wrong["zones"].append({"zone_id": "", "shape": {"type": "Circle", "center": [4.4, 50.9], "radius_m": -1}})
    wrong["zones"][0]["schedule"] = [{"days": ["mon"], "from": "08:00", "until": "18:00"}]
    wrong["exceptions"] = [{"exception_id": "e1", "reason": "x", "from": "x", "until": "y"}]
    return services.drafts.begin(DraftNew(order_id=contact_ban.ORDER_ID, document=wrong), ann).draft_id


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Backend, str]]:
    with running_backend(tmp_path_factory.mktemp("registers")) as running:
        for name, role in (("ann", "supervisor"), ("adm", "administrator")):
            running.add_person(name, role=role)
        users = {user.username: user for user in running.services.auth.users()}
        yield running, _fill(running, users["ann"], users["adm"])


@pytest.fixture(scope="module")
def sessions(chromium: Browser, place: tuple[Backend, str]) -> dict[str, Page]:
    # axe is injected past the page's own policy, which forbids just that.
    pages = {name: signed_in(chromium, place[0], name, bypass_csp=True) for name in ("ann", "adm")}
    for page in pages.values():
        page.emulate_media(reduced_motion="reduce")
        page.add_init_script(path=str(FOLDER / "axe.js"))
    return pages


def _pages(draft_id: str) -> dict[str, tuple[str, ...]]:
    ann: tuple[str, ...] = (
        "/orders/drafts",
        f"/orders/drafts/{draft_id}",
        f"/orders/{contact_ban.ORDER_ID}/versions",
        "/devices",
    )
    ann += ("/devices/trk-m1", "/indicators", "/orders", "/maintenance")
    return {"ann": ann, "adm": ("/stock", "/experience?venue=club-1", "/experience?done=true")}


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("language", ["nl", "en", "fr"])
def test_no_register_page_has_an_accessibility_violation(
    sessions: dict[str, Page], place: tuple[Backend, str], language: str, theme: str
) -> None:
    backend, draft_id = place
    found: dict[str, Any] = {}
    for name, paths in _pages(draft_id).items():
        page = sessions[name]
        cookies = ((LANGUAGE_COOKIE, language), (THEME_COOKIE, theme))
        page.context.add_cookies([{"name": n, "value": v, "url": backend.address} for n, v in cookies])
        for path in paths:
            page.goto(backend.address + path)
            expect(page.locator("html")).to_have_attribute("lang", language)
            if draft_id in path:
                expect(page.locator("[data-fault]:not([hidden])").first).to_be_attached()
                if language == "nl":
                    wait_for_map(page)
                page.locator("details[data-zone]").evaluate_all("all => all.forEach(one => one.open = true)")
            if violations := page.evaluate(AXE):
                found[path] = violations
    assert found == {}, json.dumps(found, indent=1)


def test_every_register_page_fits_a_phone(sessions: dict[str, Page], place: tuple[Backend, str]) -> None:
    backend, draft_id = place
    backend.raise_alarm("alarm-of-a-phone", monitored="M1-" + "long-" * 12)
    wide = {}
    for page in sessions.values():  # whatever another test left: the longest words
        page.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": "fr", "url": backend.address}])
    with_alarms = ("/", "/search", "/handover", "/field-tests", "/alarms/alarm-of-a-phone")
    for name, paths in {**_pages(draft_id), "ann": (*_pages(draft_id)["ann"], *with_alarms)}.items():
        page = sessions[name]
        page.set_viewport_size({"width": PHONE, "height": 844})
        for path in paths:
            page.goto(backend.address + path)
            if (width := page.evaluate("document.documentElement.scrollWidth")) > PHONE:
                wide[path] = width
        page.set_viewport_size({"width": 1440, "height": 900})
    assert wide == {}


def test_who_is_hooked_up_is_read_in_full_and_fields_of_a_row_stand_level(
    sessions: dict[str, Page], place: tuple[Backend, str]
) -> None:
    backend, page = place[0], sessions["ann"]
    page.goto(backend.address + "/devices")
    party = page.locator("#party")
    told = party.locator("option").first.inner_text()
    room = party.evaluate(
        """(select, told) => {
          const pen = document.createElement("canvas").getContext("2d");
          pen.font = getComputedStyle(select).font;
          return select.clientWidth - pen.measureText(told).width;
        }""",
        told,
    )
    assert room > 40, f"{told!r} is cut off"
    page.goto(backend.address + "/maintenance")
    tops = {round(page.locator(name).bounding_box()["y"]) for name in ("#starts", "#ends")}  # type: ignore[index]
    assert len(tops) == 1
