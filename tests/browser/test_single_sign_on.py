"""Somebody signs in with the work account in a real browser, at a real and certified OpenID provider, and out again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from alarm_backend.auth.oidc_settings import OidcSettings
from alarm_backend.settings import Settings
from alarm_backend.store import migrate
from alarm_backend.store.database import Database
from alarm_backend.store.tables import sessions
from tests.support.backend import TOKEN, LiveBackend, served
from tests.support.oidc import running_provider
from waakzaam.demo.processes import free_port

pytestmark = pytest.mark.needs("chromium", "oidc")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveBackend]:
    """A backend beside its provider."""
    folder: Path = tmp_path_factory.mktemp("single-sign-on")
    port, provider_port = free_port(), free_port()
    oidc = OidcSettings(
        issuer=f"http://127.0.0.1:{provider_port}",
        client_id="waakzaam",
        client_secret="a secret of this test, shared with nobody else",
        public_url=f"http://127.0.0.1:{port}",
        roles=(("vcet-lead", "supervisor"), ("vcet-operator", "operator")),
        create_accounts=True,
    )
    settings = Settings(
        database_url=f"sqlite:///{folder / 'b.db'}",
        data_folder=folder,
        gateway_token=TOKEN,
        oidc=oidc,
        event_ping_ms=500,
    )
    database = Database(settings.database_url)
    migrate.upgrade(database)
    database.close()
    with running_provider(oidc, provider_port), served(settings, port) as backend:
        yield backend


@pytest.fixture
def page(chromium: Browser, place: LiveBackend) -> Page:
    page = chromium.new_context(locale="nl-BE", viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(15_000)
    page.goto(place.url + "/")
    return page


def _sign_in(page: Page, who: str) -> None:
    """Press the button here, then type name and password and agree at the provider."""
    page.get_by_role("link", name="Aanmelden met je dienstaccount").click()
    page.locator("input[name=login]").fill(who)
    page.locator("input[name=password]").fill("anything")
    page.locator("button[type=submit]").click()
    page.get_by_role("button", name="Continue").click()


def test_the_button_leads_to_the_provider_and_back_to_the_console_and_out_at_both(
    page: Page, place: LiveBackend
) -> None:
    expect(page).to_have_url(place.url + "/login")
    _sign_in(page, "an+vcet-lead")
    expect(page).to_have_url(place.url + "/")
    expect(page.locator(".person")).to_contain_text("an")
    expect(page.locator('[data-chip="stream"]')).to_have_attribute("data-health", "good")
    assert {user.username: user.role for user in place.services.auth.users()} == {"an": "supervisor"}
    page.get_by_role("button", name="Afmelden").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(page).to_have_url(place.url + "/login")
    page.goto(place.url + "/")
    expect(page).to_have_url(place.url + "/login")
    page.get_by_role("link", name="Aanmelden met je dienstaccount").click()
    expect(page.locator("input[name=login]")).to_be_visible()  # the provider asks again: its session has ended too


def test_somebody_without_a_role_reads_why_and_gets_in_nowhere(page: Page, place: LiveBackend) -> None:
    _sign_in(page, "piet+cleaners")
    expect(page.locator(".failure")).to_contain_text("of je hebt hier geen rol. Vraag de beheerder.")
    page.goto(place.url + "/handover")
    expect(page).to_have_url(place.url + "/login")
    assert "piet" not in {user.username for user in place.services.auth.users()}


def test_a_session_that_ended_is_said_in_the_open_console_with_the_way_back(page: Page, place: LiveBackend) -> None:
    _sign_in(page, "kim+vcet-operator")
    expect(page.locator('[data-chip="stream"]')).to_have_attribute("data-health", "good")
    with place.services.database.writing() as connection:
        connection.execute(update(sessions).values(expires_ms=1))
    banner = page.locator('[data-banner="session"]')
    expect(banner).to_contain_text("Uw sessie is beëindigd", timeout=15_000)
    banner.get_by_role("link").click()
    expect(page).to_have_url(place.url + "/login")
