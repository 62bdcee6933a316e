"""axe-core finds nothing on any page of the console, in three languages and both themes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from alarm_backend.console.libraries import FOLDER
from alarm_backend.console.page_frame import LANGUAGE_COOKIE, THEME_COOKIE
from tests.support import contact_ban
from tests.support.browser import (
    Backend,
    rfc3339,
    running_backend,
    signed_in,
    wait_for_map,
    wall_ms,
)
from tests.support.drink_test import sealed_line
from waakzaam.rigs.chromium import AXE, PAGES

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with running_backend(tmp_path_factory.mktemp("accessibility")) as running:
        running.add_person("an")
        running.put_order(contact_ban.order())
        running.beat()
        now = wall_ms()
        running.report_positions(contact_ban.approach(now))
        for number, kind in enumerate(("proximity_alert", "strap_cut", "contact_loss", "battery_low"), 1):
            running.raise_alarm(f"alarm-{number}", kind, time=rfc3339(now - number * 60_000))
        for verdict in ("positive", "inconclusive", "invalid", "negative"):
            running.send("POST", "/api/v1/field-tests", {"records": [sealed_line(verdict, "a reason")]})
        yield running


@pytest.fixture(scope="module")
def page(chromium: Browser, backend: Backend) -> Page:
    return _quiet_page(chromium, backend)


def _quiet_page(browser: Browser, backend: Backend) -> Page:
    # axe is injected past the page's own policy, which forbids just that.
    page = signed_in(browser, backend, bypass_csp=True, reduced_motion="reduce")
    page.add_init_script(path=str(FOLDER / "axe.js"))
    return page


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("language", ["nl", "en", "fr"])
def test_no_page_has_an_accessibility_violation(page: Page, backend: Backend, language: str, theme: str) -> None:
    page.context.add_cookies(
        [
            {"name": LANGUAGE_COOKIE, "value": language, "url": backend.address},
            {"name": THEME_COOKIE, "value": theme, "url": backend.address},
        ]
    )
    found: dict[str, Any] = {}
    for path in PAGES:
        page.goto(backend.address + path)
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        # The map of the orders page differs by language in its labels only, which are not in the document.
        if path == "/" or (path == "/orders" and language == "nl"):
            wait_for_map(page)
        if path == "/":
            expect(page.locator("[data-detail-of]")).to_be_visible()
        violations = page.evaluate(AXE)
        if violations:
            found[path] = violations
    assert found == {}, json.dumps(found, indent=1)


def test_the_forms_of_the_panel_have_no_violation_either(page: Page, backend: Backend) -> None:
    page.goto(backend.address + "/")
    page.locator('[data-alarm-id="alarm-4"] button').click()
    expect(page.locator('[data-detail-of="alarm-4"]')).to_be_visible()
    page.keyboard.press("s")
    expect(page.locator('[data-act-form="shelve"]')).to_be_visible()
    assert page.evaluate(AXE) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("dialog[open]")).to_be_visible()
    assert page.evaluate(AXE) == []
    page.keyboard.press("?")


def test_the_wearers_page_fits_a_phone(page: Page, backend: Backend, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(backend.address + "/wearer")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.evaluate(
        "[...document.querySelectorAll('a, button')].filter(e => e.getBoundingClientRect().height < 40).length"
    )
    assert small == 0, "a thumb needs 40 px"
    page.screenshot(path=str(tmp_path / "wearer.png"), full_page=True)
