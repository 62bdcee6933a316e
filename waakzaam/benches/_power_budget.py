"""The bracelet's battery life: currents of hardware/power/bracelet.toml times durations that a test measured."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUDGET = Path(__file__).resolve().parents[2] / "hardware/power/bracelet.toml"


@dataclass(frozen=True)
class PowerBudget:
    """Standby current and life, charge per test, tests per charge."""

    standby_ua: float
    standby_days: float
    test_mah: float
    tests_per_charge: float


def budget_of(test_s: float, telling_s: float, document: dict[str, Any] | None = None) -> PowerBudget:
    """The budget with a test of `test_s` seconds from wake to verdict and `telling_s` of telling it.

    The wait for a person to dip the strip is added (`wetting_wait_s`).
    """
    data = document if document is not None else tomllib.loads(BUDGET.read_text(encoding="utf-8"))
    usable_mah = data["cell_mah"] * data["usable_part"]
    standby_ua = sum(data["standby_ua"].values())
    working_ua = standby_ua + sum(data["working_ua"].values())
    telling = data["telling_ua"]
    telling_ua = working_ua + telling["pattern_duty"] * (telling["ws2812b_one_colour"] + telling["lra_drive"])
    test_mah = ((test_s + data["wetting_wait_s"]) * working_ua + telling_s * telling_ua) / 3.6e6
    return PowerBudget(standby_ua, usable_mah * 1000.0 / standby_ua / 24.0, test_mah, usable_mah / test_mah)
