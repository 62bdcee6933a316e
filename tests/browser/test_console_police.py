"""Telling the police from the console: by telephone with two keys, or by a message that is seen until it arrives."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from alarm_backend.auth.schemas import User
from alarm_backend.police.schemas import HandoverIn
from tests.support.browser import Backend

pytestmark = pytest.mark.needs("chromium")


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
    for name, value in (("police_url", "http://127.0.0.1:1/cap"), ("police_secret", "s" * 32)):
        object.__setattr__(backend.services.settings, name, value)
    backend.raise_alarm()
    an = User(username="an", full_name="An", role="operator")
    banners = page.locator('[data-banner^="police:"]')
    for count in (1, 2):
        backend.services.police.hand_over("alarm-1", HandoverIn(), an)
        backend.services.police.deliver()
        expect(banners).to_have_count(count)
    backend.services.police.hand_over("alarm-1", HandoverIn(), an)  # waits: says nothing of those before
    expect(banners.first).to_contain_text("alarm-1 komt niet aan. Bel nu 101.")
    assert banners.count() >= 2
    page.reload()
    expect(banners.nth(1)).to_be_visible()
