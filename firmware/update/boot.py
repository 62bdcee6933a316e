"""The boot part: chooses a slot, counts the trial down, mounts the slot as /rom. `/boot.py` calls `start()`."""

import sys

import machine  # type: ignore[import-not-found, unused-ignore]
import vfs  # type: ignore[import-not-found, unused-ignore]

from . import slots
from .flash_slots import FlashSlots


def start() -> int:
    """Mount the slot that is to run; returns it, or slots.NONE when neither is whole (the prompt stays reachable)."""
    flash = FlashSlots()
    before = flash.load_state()
    codes = (flash.whole_code(0), flash.whole_code(1))
    counted = machine.reset_cause() not in (machine.SOFT_RESET, machine.DEEPSLEEP_RESET)
    state, slot = slots.on_boot(before, codes, counted)
    if before is None or state.to_dict() != before.to_dict():
        flash.keep_state(state)
    _unmount()
    if slot == slots.NONE:
        print("boot: no slot holds a whole firmware; put a package on the board and install it")
        return slot
    header = flash.header(slot)
    vfs.mount(vfs.VfsRom(flash.memory(slot, header.length)), "/rom")
    # Only the slot's own modules: a forgotten file in the flash must not stand in for signed firmware.
    sys.path[:] = [".frozen", "/rom", "/rom/lib", "/lib"]
    if state.note != "confirmed" and state.note:
        print("boot: slot %d, %s, %s" % (slot, header.version, state.note))
    return slot


def _unmount() -> None:
    try:
        vfs.umount("/rom")
    except OSError:
        return  # nothing was mounted there: what was wanted


def run(module: str, function: str) -> None:
    """Run the firmware. One on trial that ends in an error is started again, until its tries are used up."""
    try:
        getattr(__import__(module, None, None, (function,)), function)()
    except Exception as error:
        state = FlashSlots.load_state()
        if state is None or state.trial == slots.NONE:
            raise
        print("boot: the firmware on trial failed: %s %s" % (type(error).__name__, error))
        machine.reset()
