"""What a test needs from outside, said once: absent means skipped, or failed when it is required."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import hypothesis
import pytest

from waakzaam import machine

# No deadline per example: a shared machine may stop for a second. A failing example prints how to replay it.
hypothesis.settings.register_profile("waakzaam", deadline=None, print_blob=True)
hypothesis.settings.load_profile("waakzaam")

ROOT = Path(__file__).resolve().parent.parent
REQUIRED = frozenset(filter(None, os.environ.get("WAAKZAAM_REQUIRE", "").split(",")))

PROBES: dict[str, Callable[[], object]] = {
    "vm": machine.find_vm,
    "mosquitto": machine.find_mosquitto,
    "postgres": machine.find_postgres,
    "nats": machine.find_nats,
    "chromium": machine.find_chromium,
    "oidc": machine.find_oidc_provider,
}


@cache
def _present(name: str) -> bool:
    return PROBES[name]() is not None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-campaigns", action="store_true", help="run the long randomised campaigns too (hours)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("lives_in_real_time") is None)
    if config.getoption("--run-campaigns"):
        return
    campaigns = [item for item in items if item.get_closest_marker("campaign")]
    items[:] = [item for item in items if not item.get_closest_marker("campaign")]
    config.hook.pytest_deselected(items=campaigns)


def pytest_collection_finish() -> None:
    """The collector need not look through the libraries and tables that stay until the end of this process."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            if _present(name):
                continue
            if name in REQUIRED:
                pytest.fail(f"{name} is required (WAAKZAAM_REQUIRE) but not on this machine; see `waakzaam doctor`")
            pytest.skip(f"needs {name}; see `waakzaam doctor`")


@pytest.fixture
def little_to_collect() -> None:
    """For tests of firmware that collects at every step, as a board's heap wants: only what the test itself makes."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT
