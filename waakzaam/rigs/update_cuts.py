"""The supply fails at every flash write of an update of the whole firmware: the board boots, old or new, whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulators.virtual_board.flash_image import SECTOR_BYTES, Factory, FlashImage
from simulators.virtual_board.power_cuts import CutResult, PowerCuts
from waakzaam import machine, release

SECTORS = 96  # the package itself lies on the file system while it is installed
ROM_SECTORS = 128
SLOT_BYTES = ROM_SECTORS * SECTOR_BYTES // 2
INSTALL = (
    "from wzboot.install import install_file\nprint('installed', install_file('/update.wzu', 'bracelet').version)\n"
)
# Each start imports modules of all parts from the mounted slot, then says which version that is.
LOOK = """
import firmware.bracelet.flow, firmware.detection, firmware.wire.record
from wzboot.flash_slots import FlashSlots
flash = FlashSlots()
state = flash.load_state()
slot = state.trial if state and state.trial >= 0 else state.active
print("runs", flash.header(slot).version)
"""


@dataclass(frozen=True)
class UpdateCuts:
    """Flash writes of one update, how many of them were cut, and what was wrong after any."""

    writes: int
    cuts: int
    wrong: tuple[str, ...]


def _sold(folder: Path, vm: Path) -> FlashImage:
    """A board with version 1 in slot 0 and the package of version 2 on its file system."""
    key = release.new_key()
    image = release.firmware_image(machine.ROOT / "firmware")
    flash = FlashImage(folder / "update.img", sectors=SECTORS, rom_sectors=ROM_SECTORS)
    flash.write_rom(release.slot_content(release.build(image, "bracelet", "1", 1, key), SLOT_BYTES))
    with Factory(vm, flash) as factory:
        factory.write(release.boot_files(machine.ROOT / "firmware" / "update", key))
        factory.write({"/update.wzu": release.build(image, "bracelet", "2", 2, key)})
    return flash


def _check(result: CutResult) -> str:
    runs = [line for line in result.found if line.startswith("runs")]
    if runs not in (["runs 1"], ["runs 2"]):
        return f"runs neither version whole: {result.found[-2:]}"
    if any(line.startswith("installed") for line in result.told) and runs != ["runs 2"]:
        return "told installed, but the old version runs"
    return ""


def every_write(folder: Path, vm: Path, stride: int = 1) -> UpdateCuts:
    """Cut an update of the whole firmware at every `stride`-th flash write."""
    campaign = PowerCuts(vm, _sold(folder, vm), folder).run(INSTALL, LOOK, _check, stride=stride)
    wrong = tuple(f"write {write}: {why}" for write, why in campaign.failures)
    return UpdateCuts(campaign.writes, len(campaign.results) - 1, wrong)
