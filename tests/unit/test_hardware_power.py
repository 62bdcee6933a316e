"""The battery budget is current times time, keeps its promises worn and cold, and its durations are the firmware's."""

from __future__ import annotations

from typing import Any

import pytest

from waakzaam.hardware import durations, power, schematic

DATA: dict[str, Any] = {
    "cell_mah": 100.0,
    "cell_v": 3.3,
    "supply": {"rail_v": 3.3, "standby_efficiency": 0.5, "working_efficiency": 1.0},
    "cell": {
        "usable_part": 0.5,
        "self_discharge_per_month": 0.0,
        "protection_ua": 10.0,
        "aged_part": 0.8,
        "cold_part": 0.5,
    },
    "condition": [{"name": "new"}, {"name": "worn", "aged": True, "cold": True}],
    "glance": {"like": "test", "measured_s": 80.0, "computing_s": 20.0, "a_day": 2},
    "state": [{"name": "test", "states": ["measure"], "measured_s": 90.0, "computing_s": 10.0}],
    "load": [
        {"part": "a", "rail": "3V3", "standby": 20.0, "test": 35_950.0},
        {"part": "b", "rail": "cell", "standby": 50.0},
    ],
}


def test_the_budget_is_current_times_time() -> None:
    budget = power.budget(DATA)
    assert budget.cell_ua == {"standby": pytest.approx(90.0), "test": pytest.approx(36_000.0)}
    assert budget.standby_ua == pytest.approx(100.0)
    assert budget.test_mah == pytest.approx(1.0)
    new, worn = budget.lives
    assert new.untouched_days == pytest.approx(50.0 / 0.1 / 24.0)
    assert budget.glance_mah == pytest.approx(1.0)
    assert new.standby_days == pytest.approx(50.0 / (2.4 + 2.0))
    assert new.tests_per_charge == pytest.approx(50.0)
    assert worn.usable_mah == pytest.approx(20.0)
    assert new.days_with_four_tests == pytest.approx(50.0 / (2.4 + 2.0 + 4.0))


def test_self_discharge_is_a_current_that_never_stops() -> None:
    data = {**DATA, "cell": {**DATA["cell"], "protection_ua": 0.0, "self_discharge_per_month": 0.03}}
    assert power.budget(data).self_discharge_ua == pytest.approx(100_000.0 * 0.03 / (365.25 * 24 / 12))


def test_seven_days_and_thirty_tests_hold_in_every_condition() -> None:
    for life in power.budget(power.document()).lives:
        assert life.standby_days >= 7.0, life
        assert life.tests_per_charge >= 30.0, life


def test_every_chip_of_the_circuit_that_has_a_supply_is_in_the_budget() -> None:
    budgeted = {load["part"] for load in power.document()["load"]}
    supplied = {
        part.line.part
        for part in schematic.load("bracelet").parts.values()
        if any(pin.kind == "power_in" for pin in part.type.pins.values())
    }
    assert supplied - {"level shifter"} <= budgeted  # the shifter's supply pin carries its pull-ups' current only


def test_the_recorded_durations_are_those_of_the_firmware() -> None:
    data = power.document()
    seen = durations.measured(data)
    for state in data["state"]:
        assert seen[state["name"]] == pytest.approx(state["measured_s"], rel=0.25, abs=0.5), state["name"]
    assert seen[durations.GLANCE] == pytest.approx(data["glance"]["measured_s"], abs=0.5)
