"""Two people at two desks: who has an alarm, and what the other one may do about it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Backend, signed_in

pytestmark = pytest.mark.needs("chromium")


def test_a_panel_offers_a_colleague_only_what_he_may_do_and_a_key_says_why_not(page: Page, backend: Backend) -> None:
    backend.add_person("jan", full_name="Jan Maes")
    backend.raise_alarm()
    jan = next(user for user in backend.services.auth.users() if user.username == "jan")
    backend.services.alarms.take("alarm-1", jan)
    expect(page.locator("[data-detail-state]")).to_have_text("in behandeling door jan")
    expect(page.locator("[data-held]")).to_contain_text("een supervisor kan het overnemen")
    assert page.locator("[data-act]").evaluate_all("all => all.map((one) => one.dataset.act)") == ["police"]
    for key in ("r", "s"):
        page.keyboard.press(key)
        expect(page.locator('[data-banner="act"]')).to_contain_text("Niet uitgevoerd: jan heeft het alarm")
        expect(page.locator(".act-form:visible")).to_have_count(0)
    assert page.wrong == []  # type: ignore[attr-defined]


def test_a_supervisor_takes_over_and_the_first_one_sees_it(page: Page, chromium: Browser, backend: Backend) -> None:
    backend.add_person("lead", role="supervisor", full_name="Lies Wouters")
    backend.raise_alarm()
    expect(page.locator("[data-detail-of]")).to_be_visible()
    page.keyboard.press("t")
    expect(page.locator('[data-act="resolve"]')).to_be_visible()
    lead = signed_in(chromium, backend, "lead")
    over = lead.locator('[data-act="take"].main')
    expect(over).to_contain_text("Overnemen van an")
    over.click()
    expect(page.locator("[data-detail-state]")).to_have_text("in behandeling door lead")
    expect(page.locator('[data-act="resolve"]')).to_have_count(0)


def test_a_shelved_alarm_says_until_when(page: Page, backend: Backend) -> None:
    backend.raise_alarm("flat", "battery_low", level="info", distance_m=None, probability=None)
    backend.services.alarms.shelve("flat", backend.services.auth.users()[0], 30, "charging now")
    expect(page.locator('[data-alarm-id="flat"] [data-field="state"]')).to_contain_text("uitgesteld tot ")
    expect(page.locator("[data-detail-of] .stand")).to_contain_text("uitgesteld tot ")
