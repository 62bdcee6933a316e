"""What the tests in a browser share: one Chromium a module, and a backend with an order and an operator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import contact_ban
from tests.support.browser import Backend, running_backend, signed_in
from waakzaam.rigs.chromium import running_chromium


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Not for the whole session: while Playwright runs, this thread has a running event loop, and asyncio.run refuses.
    with running_chromium() as browser:
        yield browser


@pytest.fixture(autouse=True)
def _pages_end_with_their_test(chromium: Browser) -> Iterator[None]:
    """Consoles left open would draw their maps and look for their backend through all tests that follow."""
    before = list(chromium.contexts)
    yield
    for context in chromium.contexts:
        if context not in before:
            context.close()


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    with running_backend(tmp_path) as running:
        running.add_person("an")
        running.put_order(contact_ban.order())
        running.beat()
        yield running


@pytest.fixture
def page(chromium: Browser, backend: Backend) -> Page:
    """The console of an operator whose live line is up."""
    page = signed_in(chromium, backend)
    expect(page.locator('[data-chip="stream"]')).to_have_attribute("data-health", "good")
    return page
