"""The start of a firmware that is on trial: which slot runs, and whether it may stay. Let go of after the start."""

import asyncio
import gc
import os

from firmware.bracelet import telling
from firmware.bracelet.strips import forget

MODULES = ["firmware.update." + name for name in ("trial", "flash_slots", "slots", "package", "errors")]
MODULES += ["firmware.update", "firmware.bracelet.health"]


def slot_standing() -> dict:
    """Which signed firmware runs, from the boot part's slots; {} where there are none."""
    if "boot_state" not in os.listdir("/"):
        return {}
    try:
        from firmware.update.trial import standing
    except ImportError:  # the CPython stand-in has no slots
        return {}
    found = standing()
    if not found.get("on_trial"):
        forget_update()
    return found


def forget_update() -> None:
    """Let go of what only the start needs, for the memory."""
    for name in MODULES:
        package, _, last = name.rpartition(".")
        forget(package, last)
    gc.collect()


def restart() -> None:
    """Start the board again, as after a fault."""
    import machine

    machine.reset()


async def prove(slot: dict, runner, ring, texts: dict, announcer, signals, say) -> None:
    """A firmware on trial is kept only when this bracelet could test, judge, tell and record with it.

    When not: told, and started again, until the boot part goes back to the firmware before. A low battery is no
    fault of the firmware: the trial goes on at the next start.
    """
    note = slot.get("note", "")
    if note.startswith("rolled back"):
        say("update", {"note": note, "version": slot["version"]})
        announcer.light(telling.AMBER, 0)
    if not slot.get("on_trial"):
        return
    from firmware.bracelet.health import check

    steps = check(runner.instrument, ring, texts, signals)
    while True:
        try:
            await asyncio.sleep_ms(1 + next(steps) // 1000)
        except StopIteration as end:
            why = end.value
            break
    if why.startswith("supply"):
        say("update", {"note": "not confirmed yet", "version": slot["version"], "reason": why})
        return
    if why:
        say("update", {"note": "not confirmed", "version": slot["version"], "reason": why})
        restart()
    from firmware.update.trial import confirm

    confirm()
    slot["on_trial"] = False
    say("update", {"note": "confirmed", "version": slot["version"]})
    forget_update()
