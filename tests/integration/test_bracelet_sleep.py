"""The bracelet in deep sleep, in the MicroPython VM: off, every chip at rest, woken by wrist, strip and button."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.boards import bracelet as pins
from firmware.wire.record import sha256_of
from simulators.ad5941 import ShortCell
from waakzaam.rigs.bracelet import ketamine_calibration
from waakzaam.rigs.bracelet_board import BraceletBoard

pytestmark = [pytest.mark.needs("vm"), pytest.mark.lives_in_real_time]
SPIKED = 1e-3
READY_MS_MAX = 2_000
# Sleeps without the whole program around it, so that many sleeps take little time: wake, say, sleep again.
MAIN_SLEEPER = """
import json
from firmware.bracelet import standby
def say(kind, data):
    line = {"kind": kind}
    line.update(data)
    print(json.dumps(line))
standby.wake(say)
from firmware.bracelet.hardware import Hardware
hardware = Hardware()
hardware.sensors(say)
standby.begin(hardware, say, %s, False, 0)
"""


@pytest.fixture(scope="module")
def calibration_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("calibration") / "cal.json"
    file.write_text(json.dumps(ketamine_calibration()), encoding="utf-8")
    return file


@pytest.fixture
def made(tmp_path: Path, calibration_file: Path) -> BraceletBoard:
    return BraceletBoard(tmp_path, calibration_file, sleep_after_s=0.2)


@pytest.fixture
def bracelet(made: BraceletBoard) -> Iterator[BraceletBoard]:
    with made.board:
        yield made


def asleep(bracelet: BraceletBoard, times: int = 1) -> dict[str, Any]:
    """Wait until it is in deep sleep for the n-th time; what it said before."""
    bracelet.board.wait_event("deepsleep", 30, times)
    return bracelet.said("sleep", times=times)


def woken(bracelet: BraceletBoard, times: int = 1) -> str:
    bracelet.board.wait_event("wake", 20, times)
    return str(bracelet.said("wake", times=times)["source"])


def test_it_sleeps_at_rest_wakes_ready_and_goes_on_with_its_records(bracelet: BraceletBoard) -> None:
    world = bracelet.world
    assert asleep(bracelet)["not_at_rest"] == []
    assert not bracelet.board.running
    states = {
        "AD5941": world.afe.power.state,
        "AS7341": world.spectrometer.power.state,
        "DRV2605L": world.haptics.power.state,
        "LIS3DH": world.accelerometer.power.state,
    }
    assert states == {"AD5941": "hibernate", "AS7341": "sleep", "DRV2605L": "off", "LIS3DH": "10 Hz low"}
    assert not world.led_supply.on
    assert world.gauge.word("HIBRT") == 0xFFFF
    assert world.peripherals.pin_level(pins.MOTION_INT) == 0

    world.raise_wrist()
    assert woken(bracelet) == "wrist"
    bracelet.said("state", to="awake")
    world.insert_strip(ShortCell(3.0))
    assert bracelet.said("tell")["reason"] == "short"
    first = bracelet.record()
    world.remove_strip()
    asleep(bracelet, 2)

    world.insert_strip()
    assert woken(bracelet, 2) == "strip"
    ready = bracelet.said("state", to="await_wetting")
    assert ready["at_ms"] < READY_MS_MAX  # since the wake: the interpreter's clock begins with it
    world.dip("lager", {"ketamine": SPIKED})
    assert bracelet.said("tell", times=2)["verdict"] == "positive"
    bracelet.said("finished", times=2)
    second = bracelet.record(times=2)
    assert second["previous_sha256"] == sha256_of(next(one for one in bracelet.lines if one.startswith("WZR1 "))[5:])
    assert second["calibration_sha256"] == first["calibration_sha256"]
    assert second["time"] >= first["time"]
    assert not world.afe.violations


def test_a_wake_that_nobody_can_explain_is_answered_with_a_self_test(bracelet: BraceletBoard) -> None:
    asleep(bracelet)
    bracelet.world.peripherals.rtc_memory = b"\x00" * 18
    bracelet.world.raise_wrist()
    assert woken(bracelet) == "unknown"
    assert bracelet.said("state", to="self_test")["event"] == "woken"
    bracelet.said("state", to="await_strip")


def test_a_short_press_wakes_it_into_a_self_test_even_when_it_is_over_before_the_boot(bracelet: BraceletBoard) -> None:
    asleep(bracelet)
    bracelet.world.press()
    bracelet.world.let_go()
    assert woken(bracelet) in ("button", "unknown")
    bracelet.said("state", to="self_test")


def test_a_wrist_that_wakes_it_for_nothing_is_left_alone_for_a_while_and_the_strip_still_wakes_it(
    made: BraceletBoard,
) -> None:
    made.board.storage.write({"/main.py": MAIN_SLEEPER % "False"})
    with made.board:
        for turn in range(1, 4):
            assert asleep(made, turn)["armed"] == {"ext0": 1, "ext1": 3, "again_ms": 0}
            made.world.raise_wrist(0.3)
            assert woken(made, turn) == "wrist"
        assert asleep(made, 4)["armed"] == {"ext0": 0, "ext1": 3, "again_ms": 60_000}
        made.world.insert_strip()
        assert woken(made, 4) == "strip"


def test_a_strip_left_in_wakes_nothing_until_it_comes_out_and_the_next_one_wakes_it(made: BraceletBoard) -> None:
    made.world.insert_strip()
    made.board.storage.write({"/main.py": MAIN_SLEEPER % "True"})
    with made.board:
        assert asleep(made)["armed"] == {"ext0": 2, "ext1": 2, "again_ms": 0}
        made.world.remove_strip()
        assert woken(made) == "strip_out"
        assert asleep(made, 2)["armed"] == {"ext0": 1, "ext1": 3, "again_ms": 0}
        made.world.insert_strip()
        assert woken(made, 2) == "strip"


def test_a_dead_sensor_bus_keeps_no_chip_from_sleep_that_could_and_the_wrist_is_looked_at_again(
    made: BraceletBoard,
) -> None:
    made.board.storage.write({"/main.py": MAIN_SLEEPER % "False"})
    made.world.peripherals.i2c[pins.SENSORS_I2C].faults.stuck = True
    with made.board:
        said = asleep(made)
        assert set(said["not_at_rest"]) >= {"accelerometer", "spectrometer"}
        assert said["armed"] == {"ext0": 0, "ext1": 3, "again_ms": 60_000}
        assert made.world.afe.power.state == "hibernate"
        made.world.press()
        woken(made)
