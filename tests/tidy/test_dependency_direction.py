"""Dependencies point one way (ARCHITECTURE.md, Invariants 1 to 5)."""

from __future__ import annotations

import pytest

from tests.support.source_tree import PACKAGES, at, imports_of, modules

OURS = (*PACKAGES, "tests")

ALLOWED = {
    "firmware/wire": ("firmware.wire",),
    "firmware/detection": ("firmware.detection",),
    "firmware/tracking": ("firmware.tracking", "firmware.wire"),
    "firmware/drivers": ("firmware.drivers", "firmware.hal"),
    "firmware": ("firmware",),
    "gateway": ("gateway", "firmware.wire"),
    "alarm_backend": ("alarm_backend", "firmware.wire", "gateway.contract"),
    "sensor_models": ("sensor_models", "firmware.detection", "firmware.wire"),
    "simulators": ("simulators", "firmware.wire", "firmware.boards", "gateway.contract"),
}

PURE = (
    "firmware/wire",
    "firmware/detection",
    "firmware/tracking",
    "gateway/contract",
    "gateway/geofence",
    "alarm_backend/alarms/lifecycle.py",
)
IMPURE = (
    "time",
    "asyncio",
    "socket",
    "sqlite3",
    "sqlalchemy",
    "threading",
    "random",
    "httpx",
    "paho",
    "machine",
    "network",
)


def _within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_package_imports_of_ours_only_what_its_place_allows(package: str) -> None:
    wrong = [
        f"{at(path, line)} imports {name}"
        for path in modules(package)
        for name, line in imports_of(path)
        if _within(name, OURS) and name not in PACKAGES and not _within(name, ALLOWED[package])
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_that_ships_imports_the_simulators_or_the_tests() -> None:
    shipped = ("firmware", "sensor_models", "gateway", "alarm_backend")
    wrong = [
        f"{at(path, line)} imports {name}"
        for path in modules(*shipped)
        for name, line in imports_of(path)
        if _within(name, ("simulators", "tests"))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("core", PURE)
def test_a_pure_core_imports_no_clock_socket_database_or_randomness(core: str) -> None:
    found = modules(core)
    assert found, f"{core} is gone: change this test with it"
    wrong = [
        f"{at(path, line)} imports {name}" for path in found for name, line in imports_of(path) if _within(name, IMPURE)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_backend_sees_only_the_gateways_published_contract() -> None:
    wrong = [
        f"{at(path, line)} imports {name}"
        for path in modules("alarm_backend")
        for name, line in imports_of(path)
        if name.startswith("gateway.") and not _within(name, ("gateway.contract",))
    ]
    assert not wrong, "\n".join(wrong)
