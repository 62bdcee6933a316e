"""The whole firmware of a bracelet updated in the VM: brought by mip, tried, kept when it works, else left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.chips import Drv2605l, Max17048
from simulators.chips.battery import Battery
from simulators.virtual_board.bracelet_world import BraceletWorld, files
from tests.support.board import mpremote
from tests.support.local_index import served
from waakzaam import machine
from waakzaam.rigs.bracelet import ketamine_calibration
from waakzaam.rigs.bracelet_board import CONFIG
from waakzaam.rigs.updated_board import INSTALL, UpdatedBoard

pytestmark = pytest.mark.needs("vm")
FIRMWARE = machine.ROOT / "firmware"


@pytest.fixture
def sold(tmp_path: Path) -> UpdatedBoard:
    calibration = tmp_path / "cal.json"
    calibration.write_text(json.dumps(ketamine_calibration()), encoding="utf-8")
    world = BraceletWorld(seed=1)
    return UpdatedBoard(tmp_path, "bracelet", files(CONFIG, calibration), world.peripherals)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "index"
    with served(folder) as address:
        yield folder, address


def _changed(module: str, old: str, new: str) -> dict[str, str]:
    text = (FIRMWARE / module).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{module} no longer holds {old!r} once"
    return {module: text.replace(old, new)}


def _left_for_the_old_one(sold: UpdatedBoard, changed: dict[str, str]) -> tuple[str, str]:
    """Install it, start once: (why it was not kept, what the old firmware says)."""
    sold.install(sold.package("2", 2, changed))
    with sold.board():
        note = sold.wait_line('"rolled back: not confirmed"')
        assert json.loads(note)["version"] == "1"
        assert sold.said("start")  # by whichever came first; the old one is at work now
        return "\n".join(sold.lines), note


def test_an_update_brought_by_mip_is_kept_after_the_bracelet_proved_itself_with_it(
    sold: UpdatedBoard, index: tuple[Path, str]
) -> None:
    folder, address = index
    (folder / "bracelet-2.wzu").write_bytes(sold.package("2", 2, {}))
    (folder / "package.json").write_text(f'{{"urls": [["update.wzu", "{address}/bracelet-2.wzu"]], "version": "2"}}')
    with sold.board(port="pty") as board:
        assert sold.said("start")["firmware_version"] == "1"
        done = mpremote(board.port_name, "mip", "install", "--target", "/", f"{address}/package.json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "installed 2" in mpremote(board.port_name, "exec", INSTALL.format(board="bracelet")).stdout
    with sold.board():
        assert sold.said("start")["firmware_on_trial"] is True
        assert sold.said("update")["note"] == "confirmed"
    for _ in range(3):  # more starts than a trial has
        with sold.board() as board:
            start = sold.said("start")
            assert (start["firmware_version"], start["firmware_on_trial"]) == ("2", False)
    assert start["heap_free"] > 30_000
    assert len(start["firmware_sha256"]) == len(start["calibration_sha256"]) == 64


@pytest.mark.parametrize(
    ("module", "old", "new", "why"),
    [
        ("bracelet/flow.py", "def begin(", "raise MemoryError('too big')\n\n\ndef begin(", "MemoryError"),
        ("detection/verdict.py", "return Verdict(INVALID, reason, [])", "return Verdict(NEGATIVE, reason, [])",
         "a dead strip is judged negative"),
        ("drivers/ad5941_selftest.py", "SUPPLY_V = (2.8, 3.6)", "SUPPLY_V = (2.8, 3.6)\nSCALE = 1 / 0",
         "ZeroDivision"),
    ],
)  # fmt: skip
def test_a_firmware_that_cannot_start_or_would_call_a_dead_strip_clear_is_left_for_the_old_one(
    sold: UpdatedBoard, module: str, old: str, new: str, why: str
) -> None:
    said, _ = _left_for_the_old_one(sold, _changed(module, old, new))
    assert why in said


def test_a_bracelet_that_could_not_tell_a_verdict_does_not_keep_the_update(sold: UpdatedBoard) -> None:
    sold.install(sold.package("2", 2, {}))
    for bus in sold.peripherals.i2c.values():
        for address, chip in list(bus.devices.items()):
            if isinstance(chip, Drv2605l):
                del bus.devices[address]
    with sold.board():
        assert "motor" in sold.wait_line('"not confirmed"')
        sold.wait_line('"rolled back: not confirmed"')


def test_an_empty_battery_is_no_fault_of_the_firmware_and_the_trial_goes_on(sold: UpdatedBoard) -> None:
    sold.install(sold.package("2", 2, {}))
    for bus in sold.peripherals.i2c.values():
        for chip in bus.devices.values():
            if isinstance(chip, Max17048):
                chip.insert_cell(Battery(soc=0.01), sold.peripherals.now_us())
    with sold.board():
        assert "battery_low" in sold.wait_line('"not confirmed yet"')
