"""What whoever maintains a bracelet hears of its contacts: one line with a figure, or why there is none."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.bracelet import contacts
from firmware.bracelet.main import Program
from simulators.ad5941 import Ad5941, Board, Cell, OpenCell, Part, ResistorCell, ShortCell
from simulators.strip.cell import StripCell
from waakzaam.rigs.afe import DUMMY_OHM, AfeBench


def asked(bench: AfeBench) -> tuple[str, dict[str, Any]]:
    said: tuple[str, dict[str, Any]] = contacts.ask(
        SimpleNamespace(afe=bench.afe, clock=bench.clock, dummy=bench.dummy), DUMMY_OHM
    )
    return said


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ohm", [5.0, 30.0, 700.0, 2_200.0])
def test_the_line_names_the_resistance_and_the_frequency(seed: int, ohm: float) -> None:
    bench = AfeBench(Ad5941(part=Part.drawn(seed), seed=seed), ResistorCell(ohm))
    kind, said = asked(bench)
    assert kind == "contacts"
    assert said["real"] == pytest.approx(ohm, rel=0.02, abs=0.3)
    assert said["line"] == f"contact resistance {round(said['real'])} ohm at 20 kHz"
    assert abs(said["imag"]) < 0.02 * ohm + 0.3
    assert bench.chip.asleep
    assert not bench.chip.hazards


def test_with_a_wet_strip_a_worn_contact_is_a_worn_contact_more() -> None:
    told = {}
    for worn_ohm in (2.0, 700.0):
        bench = AfeBench(cell=StripCell("lager", {}, contact_ohm=worn_ohm, seed=3))
        bench.clock.now_us = 5e6
        told[worn_ohm] = asked(bench)[1]["real"]
    assert told[700.0] - told[2.0] == pytest.approx(698.0, rel=0.03)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (OpenCell(), "nothing conducts between the contacts"),
        (StripCell("lager", {}, wet_at_us=1e12), "nothing conducts between the contacts"),
        (ShortCell(0.2), "less than 2 ohm"),
    ],
)
def test_what_cannot_be_told_is_said_in_words(cell: Cell, words: str) -> None:
    bench = AfeBench(cell=cell)
    kind, said = asked(bench)
    assert (kind, said["during"]) == ("fault", "contacts")
    assert words in said["reason"]
    assert bench.chip.asleep


def test_a_reference_resistor_that_does_not_read_right_keeps_the_contacts_from_being_told() -> None:
    bench = AfeBench(cell=ResistorCell(30.0))
    bench.dummy_cell = ResistorCell(10_500.0)
    kind, said = asked(bench)
    assert kind == "fault"
    assert said["reason"].startswith("the reference resistor reads 105")
    bench.dummy_cell = OpenCell()
    assert asked(bench)[1]["reason"].startswith("cell: AD5941: open")


def test_a_fault_of_the_chip_or_the_bus_is_said_as_what_it_is_and_the_switch_goes_back() -> None:
    bench = AfeBench(Ad5941(board=Board(rcal_ohm=1e12)), ResistorCell(30.0))
    switched: list[int] = []
    bench.dummy = switched.append  # type: ignore[method-assign]
    assert asked(bench)[1]["reason"].startswith("chip: AD5941: no_excitation")
    assert switched == [1, 0]
    bench.chip.faults.miso_stuck_at = 0xFF
    assert asked(bench)[1]["reason"].startswith("bus: AD5941: spi_stuck")
    assert switched[-1] == 0


class Resting:
    """A runner with nothing to do."""

    def idle(self) -> bool:
        return True


def test_a_command_that_fails_is_said_and_leaves_the_line_open(capsys: pytest.CaptureFixture[str]) -> None:
    """An exception out of it would end the task that listens: no `records`, no `status` after it."""

    def no_memory(level: int) -> None:
        raise MemoryError("memory allocation failed")

    bench = AfeBench(cell=ResistorCell(30.0))
    hardware = SimpleNamespace(afe=bench.afe, clock=bench.clock, dummy=no_memory)
    Program._contacts(SimpleNamespace(runner=Resting(), hardware=hardware, config={"dummy_ohm": DUMMY_OHM}))
    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["during"]) == ("fault", "contacts")
    assert "MemoryError" in said["reason"]
