"""Telling the police from the console: by telephone with two keys, or by a message that is seen until it arrives."""

from __future__ import annotations

from datetime import datetime

import pytest
from playwright.sync_api import Page, expect

from alarm_backend.auth.schemas import User
from alarm_backend.console.page_frame import ZONE
from alarm_backend.police import repository
from alarm_backend.police.schemas import HandoverIn
from tests.support.browser import Backend, wall_ms

pytestmark = pytest.mark.needs("chromium")
AN = User(username="an", full_name="An", role="operator")


def _with_police(backend: Backend, secret: str | None = "s" * 32) -> None:
    """An endpoint that nobody answers at; without its secret the courier tries nothing."""
    for name, value in (("police_url", "http://127.0.0.1:1/cap"), ("police_secret", secret)):
        object.__setattr__(backend.services.settings, name, value)


def test_the_police_are_told_with_two_keys_and_a_step_with_one(page: Page, backend: Backend) -> None:
    backend.raise_alarm()
    row = page.locator('[data-alarm-id="alarm-1"]')
    expect(row).to_be_visible()
    page.keyboard.press("p")
    expect(page.locator('[data-act-form="police"]')).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator('[data-step="notify_police"]')).to_have_attribute("data-outcome", "done")
    page.keyboard.press("1")
    expect(page.locator('[data-step="call_protected"]')).to_have_attribute("data-outcome", "done")
    actions = [line.action for line in backend.services.alarms.detail("alarm-1").audit]
    assert "alarm.step_notify_police" in actions
    assert "alarm.step_call_protected" in actions


def test_a_message_that_does_not_reach_the_police_stays_in_sight_beside_later_ones_and_after_a_reload(
    page: Page, backend: Backend
) -> None:
    _with_police(backend)
    backend.raise_alarm()
    banners = page.locator('[data-banner^="police:"]')
    for count in (1, 2):
        backend.services.police.hand_over("alarm-1", HandoverIn(), AN)
        backend.services.police.deliver()
        expect(banners).to_have_count(count)
    backend.services.police.hand_over("alarm-1", HandoverIn(), AN)  # waits: says nothing of those before
    expect(banners.first).to_contain_text("komt niet aan (Te dicht bij slachtoffer, M1 → P1). Bel nu 101.")
    assert banners.count() >= 2
    page.reload()
    expect(banners.nth(1)).to_be_visible()


def test_the_panel_says_when_a_message_is_tried_again(page: Page, backend: Backend) -> None:
    _with_police(backend, secret=None)
    backend.raise_alarm()
    message = backend.services.police.hand_over("alarm-1", HandoverIn(), AN)
    due_ms = wall_ms() + 3_600_000
    with backend.services.database.writing() as connection:
        repository.change(connection, message.identifier, {"state": "failing", "attempts": 9, "next_try_ms": due_ms})
    _with_police(backend)
    page.reload()
    said = page.locator('[data-police="failing"]')
    due = datetime.fromtimestamp(due_ms / 1000, ZONE).strftime("%H:%M:%S")
    expect(said).to_contain_text(f"9 pogingen · volgende poging {due}")
    said.locator("[data-next-try-ms]").evaluate("(at, ms) => { at.dataset.nextTryMs = ms; }", wall_ms() - 5_000)
    expect(said).to_contain_text("nog zonder antwoord")


def test_a_message_that_nobody_sends_any_more_is_never_shown_as_one_about_to_leave(
    page: Page, backend: Backend
) -> None:
    _with_police(backend, secret=None)
    backend.raise_alarm()
    backend.services.police.hand_over("alarm-1", HandoverIn(), AN)
    page.reload()
    expect(page.locator('[data-police="given_up"]')).to_contain_text("wordt niet meer verzonden")
    expect(page.locator('[data-banner^="police:"]')).to_contain_text("Bel nu 101")
