"""Sleep on the virtual board is what the ESP32 port's is: off but for what was armed, by level, and started anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.wake_lines import WakeLines
from tests.support.board import TestBench

pytestmark = pytest.mark.needs("vm")
LINE, OTHER = 14, 15
# On a cold start it arms and sleeps; woken, it says by what, which levels it finds and what it still remembers.
MAIN = """
import machine, esp32
from machine import Pin
if machine.reset_cause() == machine.DEEPSLEEP_RESET:
    print("woken", machine.wake_reason(), Pin(14, Pin.IN)(), len(machine.RTC().memory()), machine._wake_lines)
else:
    machine.RTC().memory(b"kept")
    %s
"""


def sleeping(bench: TestBench, folder: Path, arm: str) -> VirtualBoard:
    bench.peripherals.inputs.update({LINE: 1, OTHER: 1})
    return bench.board(folder, MAIN % arm, runtime="vm")


@pytest.mark.parametrize(
    ("arm", "pin", "level", "reason"),
    [
        ("esp32.wake_on_ext0(Pin(14), esp32.WAKEUP_ALL_LOW)", LINE, 0, 2),
        ("esp32.wake_on_ext1((Pin(14), Pin(15)), esp32.WAKEUP_ALL_LOW)", OTHER, 0, 3),
    ],
    ids=["ext0", "any of ext1"],
)
def test_a_line_at_its_level_starts_the_board_anew_however_short(
    tmp_path: Path, arm: str, pin: int, level: int, reason: int
) -> None:
    bench = TestBench()
    with sleeping(bench, tmp_path, arm + "; machine.deepsleep()") as board:
        board.wait_event("deepsleep")
        assert not board.running
        board.send(b"lost, as nobody listens\r")
        bench.peripherals.set_input(pin, level)
        bench.peripherals.set_input(pin, 1 - level)
        board.console.wait(f"woken {reason} 1 4 [255, 0, 0, 0]")  # armed lines are forgotten, the memory is kept
        assert "lost" not in board.console.text()


def test_a_line_that_is_at_its_level_already_and_no_time_at_all_wake_it_at_once(tmp_path: Path) -> None:
    bench = TestBench()
    with sleeping(bench, tmp_path, "esp32.wake_on_ext0(Pin(14), esp32.WAKEUP_ANY_HIGH); machine.deepsleep()") as board:
        board.console.wait("woken 2")
    (tmp_path / "zero").mkdir()
    with sleeping(TestBench(), tmp_path / "zero", "machine.deepsleep(0)") as board:
        board.console.wait("woken 4")


def test_a_pin_that_no_wake_unit_reaches_is_refused(tmp_path: Path) -> None:
    with sleeping(TestBench(), tmp_path, "esp32.wake_on_ext0(Pin(33), 0)") as board:
        board.console.wait("ValueError: invalid pin")


def test_a_power_cut_in_deep_sleep_loses_the_rtc_memory_and_a_reset_does_not(tmp_path: Path) -> None:
    bench = TestBench()
    main = "import machine\nprint('kept', machine.RTC().memory(), machine.reset_cause())\n"
    main += "machine.RTC().memory(b'x')\nmachine.deepsleep()\n"
    with bench.board(tmp_path, main, runtime="vm") as board:
        board.wait_event("deepsleep")
        board.reset()
        board.console.wait("kept b'x' 2")
        board.wait_event("deepsleep", times=2)
        board.power_cut()
        board.power_on()
        board.wait_event("deepsleep", times=3)
        assert "kept b'' 1" in board.console.lines()[-1]


def test_light_sleep_goes_on_where_it_stopped_and_says_what_ended_it(tmp_path: Path) -> None:
    bench = TestBench()
    main = """
import machine, esp32
from machine import Pin
machine.lightsleep(5); print("time", machine.wake_reason())
esp32.wake_on_ext1([Pin(14)], esp32.WAKEUP_ALL_LOW)
print("armed"); machine.lightsleep(); print("line", machine.wake_reason())
"""
    bench.peripherals.inputs[LINE] = 1
    with bench.board(tmp_path, main, runtime="vm") as board:
        board.console.wait("armed")
        bench.peripherals.set_input(LINE, 0)
        board.console.wait("line 3")
        assert "time 4" in board.console.text()


def test_lines_say_in_words_what_they_wait_for() -> None:
    assert str(WakeLines(2, 1, (14, 15), 0, 500)) == "ext0 pin 2 at 1; ext1 pins 14, 15 at 0; after 500 ms"
    assert str(WakeLines()) == "nothing wakes it"
