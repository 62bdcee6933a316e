"""What the running firmware may know and say about its own trial: which slot runs, and that it works."""

from . import slots
from .errors import UpdateRefused
from .flash_slots import FlashSlots


def standing() -> dict:
    """{"slot", "version", "sha256" (hex), "on_trial", "note"} of what runs; {} on a board without slots."""
    flash = FlashSlots()
    state = flash.load_state()
    if state is None:
        return {}
    slot = state.active if state.trial == slots.NONE else state.trial
    try:
        header = flash.header(slot)
    except UpdateRefused:
        return {}
    return {
        "slot": slot,
        "version": header.version,
        "sha256": "".join(["%02x" % byte for byte in header.sha256]),
        "on_trial": state.trial != slots.NONE,
        "note": state.note,
    }


def confirm() -> bool:
    """Say that the running firmware works; unsaid, a firmware on trial is left after its tries. True if it was one."""
    flash = FlashSlots()
    state = flash.load_state()
    if state is None or state.trial == slots.NONE:
        return False
    flash.keep_state(slots.on_confirmed(state))
    return True
