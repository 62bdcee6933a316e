"""The console's line to the backend, cut, frozen, restarted, measured: no event is missed and silence shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support import contact_ban
from tests.support.browser import (
    Backend,
    rfc3339,
    running_backend,
    signed_in,
    wait_for_map,
    wall_ms,
)
from waakzaam.rigs.cut_line import line_to

pytestmark = pytest.mark.needs("chromium")
PAGE_BYTES_MAX = 600_000
FIRST_PAINT_MS_MAX = 1_000
BURST = 60


def test_a_cut_line_misses_no_event_and_needs_no_reload(chromium: Browser, backend: Backend) -> None:
    with line_to(backend.port) as line:
        page = signed_in(chromium, backend, address=line.address)
        stream = page.locator('[data-chip="stream"]')
        expect(stream).to_have_attribute("data-health", "good")
        page.evaluate("window.notReloaded = true")
        backend.raise_alarm("before")
        expect(page.locator('[data-alarm-id="before"]')).to_be_visible()
        line.cut()
        expect(stream).to_have_attribute("data-health", "bad")
        expect(page.locator('[data-banner="lost"]')).to_be_visible()
        backend.post([backend.transition(f"missed-{number}") for number in range(BURST)])
        backend.services.alarms.acknowledge("before", backend.services.auth.users()[0])
        line.mend()
        expect(page.locator('[data-alarm-id^="missed-"]')).to_have_count(BURST, timeout=15_000)
        expect(page.locator('[data-alarm-id="before"]')).to_contain_text("bevestigd door an")
        expect(stream).to_have_attribute("data-health", "good")
        told = int(re.findall(r"\d+", page.locator('[data-banner="restored"]').inner_text())[0])
        assert told >= BURST + 1
        assert page.evaluate("window.notReloaded")
        newest = backend.services.events.last_event_id()
        assert int(page.locator("[data-console]").get_attribute("data-last-event-id") or 0) == newest
        page.context.close()


def test_a_frozen_line_is_shown_as_no_data_and_heals(chromium: Browser, backend: Backend) -> None:
    with line_to(backend.port) as line:
        page = signed_in(chromium, backend, address=line.address)
        expect(page.locator('[data-chip="stream"]')).to_have_attribute("data-health", "good")
        line.freeze()
        expect(page.locator('[data-banner="lost"]')).to_contain_text("Geen gegevens sinds", timeout=12_000)
        backend.raise_alarm("while-frozen")
        line.mend()
        expect(page.locator('[data-alarm-id="while-frozen"]')).to_be_visible(timeout=15_000)
        expect(page.locator('[data-banner="lost"]')).to_have_count(0)
        page.context.close()


def test_a_laptop_that_slept_says_at_once_how_old_its_data_is_and_asks_anew(
    chromium: Browser, backend: Backend
) -> None:
    with line_to(backend.port) as line:
        page = signed_in(chromium, backend, address=line.address)
        expect(page.locator('[data-chip="stream"]')).to_have_attribute("data-health", "good")
        line.freeze()
        backend.raise_alarm("while-asleep")
        page.evaluate("{ const awake = Date.now; Date.now = () => awake() + 600_000; }")
        expect(page.locator('[data-banner="lost"]')).to_contain_text(
            re.compile(r"Geen gegevens sinds 10\smin"), timeout=5_000
        )
        line.mend()
        expect(page.locator('[data-alarm-id="while-asleep"]')).to_be_visible(timeout=15_000)
        expect(page.locator('[data-banner="lost"]')).to_have_count(0)
        page.context.close()


def test_an_act_that_cannot_reach_the_backend_is_never_shown_as_done(chromium: Browser, backend: Backend) -> None:
    with line_to(backend.port) as line:
        page = signed_in(chromium, backend, address=line.address)
        backend.raise_alarm()
        row = page.locator('[data-alarm-id="alarm-1"]')
        expect(row).to_be_visible()
        line.cut()
        expect(page.locator('[data-chip="stream"]')).to_have_attribute("data-health", "bad")
        page.keyboard.press("a")
        expect(page.locator('[data-banner="act"]')).to_contain_text("geen verbinding")
        expect(row).to_contain_text("niet bevestigd")
        page.context.close()


def test_a_restarted_backend_is_found_again(chromium: Browser, tmp_path: Path) -> None:
    with running_backend(tmp_path) as first:
        first.add_person("an")
        first.put_order(contact_ban.order())
        page = signed_in(chromium, first)
        stream = page.locator('[data-chip="stream"]')
        expect(stream).to_have_attribute("data-health", "good")
        port = first.port
    expect(stream).to_have_attribute("data-health", "bad")
    with running_backend(tmp_path, port=port) as second:
        second.sent = 1000
        second.raise_alarm("after-restart")
        expect(page.locator('[data-alarm-id="after-restart"]')).to_be_visible(timeout=15_000)
        page.context.close()


def test_the_page_is_light_and_paints_at_once(chromium: Browser, backend: Backend) -> None:
    now = wall_ms()
    backend.report_positions(contact_ban.approach(now))
    backend.post([backend.transition(f"alarm-{n}", time=rfc3339(now - n * 1000)) for n in range(20)])
    with line_to(backend.port) as line:
        page = signed_in(chromium, backend, address=line.address)
        wait_for_map(page)
        session = page.context.new_cdp_session(page)
        session.send("Network.clearBrowserCache")
        before = line.received_bytes
        page.reload()
        wait_for_map(page)
        page.wait_for_function("document.fonts.status === 'loaded'")
        transferred = line.received_bytes - before
        paint_ms = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        rows_at_once = page.request.get(line.address + "/").text().count('data-alarm-id="alarm-')
        page.context.close()
    print(f"transferred {transferred} bytes, first contentful paint {paint_ms:.0f} ms")
    assert rows_at_once == 20, "the queue must be in the first answer, not fetched by a script"
    assert transferred <= PAGE_BYTES_MAX
    assert paint_ms <= FIRST_PAINT_MS_MAX
