"""The bracelet's battery life: currents of hardware/power times durations that a simulated test measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from waakzaam.exits import BadInput
from waakzaam.hardware.documents import HARDWARE, read

POWER = "waakzaam.power/2"
STANDBY = "standby"
WAITING = "wait for the drink"
HOURS_A_MONTH = 730.5


@dataclass(frozen=True)
class Life:
    """How long a cell lasts in one condition: usable charge (mAh), days untouched, days of standby on a wrist that
    wakes it, tests per charge, days of use."""

    condition: str
    usable_mah: float
    untouched_days: float
    standby_days: float
    tests_per_charge: float
    days_with_four_tests: float


@dataclass(frozen=True)
class Budget:
    """Current at the cell by state (uA), charge by state of one test (mAh), and what follows for each condition."""

    cell_ua: dict[str, float]
    seconds: dict[str, float]
    state_mah: dict[str, float]
    self_discharge_ua: float
    glance_mah: float
    glances_a_day: float
    lives: tuple[Life, ...]

    @property
    def test_mah(self) -> float:
        """Charge of one test, mAh."""
        return sum(self.state_mah.values())

    @property
    def standby_ua(self) -> float:
        """Current out of the cell at rest, its own discharge included, uA."""
        return self.cell_ua[STANDBY] + self.self_discharge_ua

    def to_json(self) -> dict[str, Any]:
        """As a document."""
        return {
            "cell_ua": self.cell_ua,
            "self_discharge_ua": self.self_discharge_ua,
            "seconds": self.seconds,
            "state_mah": self.state_mah,
            "test_mah": self.test_mah,
            "glance_mah": self.glance_mah,
            "glances_a_day": self.glances_a_day,
            "conditions": [vars(life) for life in self.lives],
        }


def document(board: str = "bracelet") -> dict[str, Any]:
    """The currents of a board; raises BadInput."""
    path = HARDWARE / "power" / f"{board}.toml"
    if not path.exists():
        raise BadInput("board", f"there is no power budget of {board!r}", "there is one of the bracelet")
    return read(path, POWER)


def _cell_ua(data: dict[str, Any], state: str) -> float:
    supply = data["supply"]
    efficiency = supply["standby_efficiency" if state == STANDBY else "working_efficiency"]
    through_buck = supply["rail_v"] / (data["cell_v"] * efficiency)
    column = {one["name"]: one.get("like", one["name"]) for one in data["state"]}.get(state, state)
    total = 0.0
    for load in data["load"]:
        current = float(load.get(column, load[STANDBY]))
        total += current * (through_buck if load["rail"] == "3V3" else 1.0)
    return total


def _life(
    data: dict[str, Any], condition: dict[str, Any], rest_ua: float, glances_mah_day: float, test_mah: float
) -> Life:
    cell = data["cell"]
    usable = data["cell_mah"] * cell["usable_part"]
    usable *= cell["aged_part"] if condition.get("aged") else 1.0
    usable *= cell["cold_part"] if condition.get("cold") else 1.0
    rest_mah_day = rest_ua * 24e-3
    worn_mah_day = rest_mah_day + glances_mah_day
    return Life(
        condition["name"],
        usable,
        usable / rest_mah_day,
        usable / worn_mah_day,
        usable / test_mah,
        usable / (worn_mah_day + 4.0 * test_mah),
    )


def budget(data: dict[str, Any], seconds: dict[str, float] | None = None) -> Budget:
    """The budget of a board's currents; `seconds` by state replace the recorded durations (waiting stays)."""
    states = [state["name"] for state in data["state"]]
    cell_ua = {name: _cell_ua(data, name) for name in (STANDBY, *states)}
    taken = {
        state["name"]: (seconds or {}).get(state["name"], state["measured_s"]) + state.get("computing_s", 0.0)
        for state in data["state"]
    }
    state_mah = {name: cell_ua[name] * taken[name] / 3.6e6 for name in states}
    leak_ua = data["cell"]["self_discharge_per_month"] * data["cell_mah"] * 1e3 / HOURS_A_MONTH
    leak_ua += data["cell"]["protection_ua"]
    rest, one_test = cell_ua[STANDBY] + leak_ua, sum(state_mah.values())
    glance = data["glance"]
    glance_s = (seconds or {}).get("glance", glance["measured_s"]) + glance["computing_s"]
    glance_mah = _cell_ua(data, glance["like"]) * glance_s / 3.6e6
    a_day = float(glance["a_day"])
    lives = tuple(_life(data, one, rest, glance_mah * a_day, one_test) for one in data["condition"])
    return Budget(cell_ua, taken, state_mah, leak_ua, glance_mah, a_day, lives)


def _awake_h(data: dict[str, Any]) -> float:
    """How long a new cell lasts, hours, when the board never sleeps."""
    return float(data["cell_mah"] * data["cell"]["usable_part"] * 1e3 / _cell_ua(data, WAITING))


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def page(data: dict[str, Any], generated: str) -> str:
    """The budget as a page of docs/hardware."""
    result = budget(data)
    states = [STANDBY, *(state["name"] for state in data["state"])]
    lines = [
        "# Bracelet: budget of charge",
        generated,
        f"A cell of {data['cell_mah']:g} mAh. Currents, their sources and every assumption are in",
        "[hardware/power/bracelet.toml](../../hardware/power/bracelet.toml); durations were measured on",
        "simulated chips (`waakzaam hardware power --measure`). Promised: 7 days of standby and 30 tests per charge.",
        "Standby is deep sleep, which the bracelet enters by itself (`sleep_after_s`); the simulated one really does,",
        f"with every chip at rest. On a wrist it is woken {result.glances_a_day:.0f} times a day for nothing, at",
        f"{result.glance_mah:.2f} mAh each. Kept awake it would last {_awake_h(data):.1f} hours. Nothing here was",
        "measured on a board.",
        "",
        "| condition | usable, mAh | untouched, days | worn, days | tests per charge | worn, four tests a day, days |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for life in result.lives:
        numbers = (
            life.usable_mah,
            life.untouched_days,
            life.standby_days,
            life.tests_per_charge,
            life.days_with_four_tests,
        )
        lines.append(_row([life.condition, *(f"{number:.0f}" for number in numbers)]))
    lines += [
        "",
        f"At rest {result.cell_ua[STANDBY]:.1f} uA leave the cell; {result.self_discharge_ua:.1f} uA are lost in it.",
        "",
        "## One test",
        "| state | seconds | mA at the cell | mAh |",
        "| --- | --- | --- | --- |",
    ]
    for name in states[1:]:
        spent = (result.seconds[name], result.cell_ua[name] * 1e-3, result.state_mah[name])
        lines.append(_row([name, *(f"{number:.3g}" for number in spent)]))
    lines += [_row(["whole test", f"{sum(result.seconds.values()):.3g}", "", f"{result.test_mah:.3g}"]), ""]
    lines += ["## Currents at each part, uA", _row(["part", "from", *states]), _row(["---"] * (len(states) + 2))]
    for load in data["load"]:
        rail = "cell" if load["rail"] == "cell" else "3.3 V"
        lines.append(_row([load["part"], rail, *(f"{load.get(state, load[STANDBY]):g}" for state in states)]))
    lines += [_row(["**at the cell**", "", *(f"**{result.cell_ua[state]:.3g}**" for state in states)]), ""]
    return "\n".join(lines)
