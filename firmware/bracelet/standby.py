"""Deep sleep on `machine` and `esp32`: chips put to rest, wake lines armed, memory kept in the RTC; and waking up."""

import time

import esp32
import machine

from firmware.boards import bracelet as board
from firmware.bracelet import standby_plan as plan


def _load() -> "plan.Memory":
    return plan.unpack(machine.RTC().memory()) or plan.Memory()


def _keep(memory) -> None:
    machine.RTC().memory(memory.pack())


def standing() -> dict:
    """How often it slept since the supply came, and what made it doubt its wake lines."""
    memory = _load()
    return {
        "sleeps": memory.sleeps,
        "wrist_for_nothing": memory.wrist_idle,
        "contact_for_nothing": memory.contact_idle,
        "stuck": memory.stuck,
    }


def wake(say) -> str:
    """What woke the bracelet (standby_plan's words), counted; COLD when it did not sleep.

    Where only a line has to be armed again (a strip that came out, a rest that is over) it sleeps on and never returns.
    """
    if machine.reset_cause() != machine.DEEPSLEEP_RESET:
        return plan.COLD
    memory = plan.unpack(machine.RTC().memory())
    strip_closed, button_closed = _closed()
    source = plan.source_of(machine.wake_reason(), memory, strip_closed, button_closed)
    memory = memory or plan.Memory()
    slept_s = int(time.time()) - memory.asleep_s if memory.sleeps else None
    say("wake", {"source": source, "slept_s": slept_s, "sleeps": memory.sleeps, "for_nothing": memory.wrist_idle})
    if source in (plan.TIMER, plan.STRIP_OUT):
        from firmware.bracelet.hardware import Hardware

        # The strip's line is armed for the other level than it had: a strip that moved meanwhile wakes at once.
        strip_in = source == plan.TIMER and memory.ext0 == plan.EXT0_STRIP_OUT
        stuck = button_closed and not memory.ext1 & plan.EXT1_BUTTON
        fall_asleep(Hardware(), memory, say, strip_in, stuck, source)
    plan.count(memory, source, int(time.time()))
    _keep(memory)
    return source


def answer(source: str, runner) -> None:
    """Give the runner the event that the wake was: an unknown one is answered like a press, with a self-test."""
    if source == plan.WRIST:
        runner.woken("wrist", False, False)
    elif source == plan.STRIP:
        runner.woken("strip_in", True, False)
    elif source == plan.BUTTON:
        runner.woken("button", False, True)
    elif source != plan.COLD:
        runner.woken("woken", *_closed())


def _closed() -> tuple:
    pin = machine.Pin
    return (
        pin(board.STRIP_PRESENT, pin.IN, pin.PULL_UP)() == 0,
        pin(board.BUTTON, pin.IN, pin.PULL_UP)() == 0,
    )


def begin(hardware, say, strip_in: bool, button_stuck: bool, use: int) -> None:
    """Deep sleep after a time awake in which the wearer did nothing (0), something (1), or a drink was seen (2)."""
    memory = _load()
    if use:
        plan.used(memory, use > 1)
    fall_asleep(hardware, memory, say, strip_in, button_stuck)


def fall_asleep(hardware, memory, say, strip_in: bool, button_stuck: bool, again: str = "") -> None:
    """Deep sleep; the board starts anew when something wakes it. Lines are armed by level, so nothing is missed.

    `again`: what interrupted a sleep that goes on; the chips are still at rest then, but for the accelerometer's line.
    Comes back only when it did not come to it, and then light and motor can tell again.
    """
    try:
        _sleep(hardware, memory, say, strip_in, button_stuck, again)
    except Exception as error:
        say("fault", {"during": "standby", "reason": "%s %s" % (type(error).__name__, error)})
    hardware.rouse(say)


def _sleep(hardware, memory, say, strip_in: bool, button_stuck: bool, again: str) -> None:
    awake = hardware.rest(not again)
    rested = again == plan.TIMER
    wrist_free = "accelerometer" not in awake and not hardware.motion_pin()
    timer_ms = plan.plan(memory, strip_in, button_stuck, wrist_free, rested, int(time.time()))
    _keep(memory)
    ext0 = {plan.EXT0_WRIST: hardware.motion_pin, plan.EXT0_STRIP_OUT: hardware.strip}.get(memory.ext0)
    ext1 = []
    if memory.ext1 & plan.EXT1_STRIP:
        ext1.append(hardware.strip)
    if memory.ext1 & plan.EXT1_BUTTON:
        ext1.append(hardware.button)
    esp32.wake_on_ext0(ext0, esp32.WAKEUP_ANY_HIGH)
    esp32.wake_on_ext1(ext1, esp32.WAKEUP_ALL_LOW)  # any of them low, on the ESP32-S3
    armed = {"ext0": memory.ext0, "ext1": memory.ext1, "again_ms": timer_ms}
    say("sleep", {"armed": armed, "stuck": memory.stuck, "not_at_rest": awake})
    if timer_ms:
        machine.deepsleep(timer_ms)
    machine.deepsleep()
