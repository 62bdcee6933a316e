"""Start of the tracker: `/main.py` on the board is `from firmware.tracker.main import run; run()`."""

import asyncio
import gc
import json
import os
import sys

import machine  # type: ignore[import-not-found, unused-ignore]

from firmware.boards import tracker as board
from firmware.hal.flash_store import FlashStore
from firmware.hal.uptime import Uptime
from firmware.tracker import config
from firmware.tracker.app import TrackerApp

WATCHDOG_MS = 30_000
UART_BUFFER_BYTES = 2048  # two seconds of everything a receiver can say at 9,600 baud
CONFIRM_MS = 400


class MachineParts:
    """The tracker's pins, UART and ADC as its app wants them."""

    def __init__(self) -> None:
        pull = machine.Pin.PULL_UP
        self._strap = machine.Pin(board.STRAP_LOOP, machine.Pin.IN, pull)
        self._case = machine.Pin(board.CASE_SWITCH, machine.Pin.IN, pull)
        self._panic = machine.Pin(board.PANIC_BUTTON, machine.Pin.IN, pull)
        self._haptic = machine.Pin(board.HAPTIC, machine.Pin.OUT, value=0)
        self._battery = machine.ADC(machine.Pin(board.BATTERY_SENSE))
        self.uart = machine.UART(
            board.GNSS_UART, board.GNSS_BAUD, tx=board.GNSS_TX, rx=board.GNSS_RX, rxbuf=UART_BUFFER_BYTES
        )
        self._watchdog = machine.WDT(timeout=WATCHDOG_MS)
        self._confirm_ticks = 0

    def strap_closed(self) -> bool:
        return self._strap.value() == 0

    def case_closed(self) -> bool:
        return self._case.value() == 0

    def panic_pressed(self) -> bool:
        return self._panic.value() == 0

    def battery_mv(self) -> int:
        return self._battery.read_uv() * board.BATTERY_DIVIDER // 1000

    def feed_watchdog(self) -> None:
        self._watchdog.feed()

    def firmware_works(self) -> None:
        """Keep a firmware that was on trial: it reached the broker. Unsaid, the boot goes back to the last one."""
        try:
            from firmware.update.trial import confirm
        except ImportError:  # the CPython stand-in has no slots to choose between
            return
        if confirm():
            tell({"told": "firmware_confirmed"})

    def confirm(self) -> None:
        """A short vibration: the call is on its way."""
        self._haptic.value(1)
        asyncio.create_task(self._end_confirmation())  # noqa: RUF006  asyncio on the board keeps its tasks itself

    async def _end_confirmation(self) -> None:
        await asyncio.sleep(CONFIRM_MS / 1000)
        self._haptic.value(0)


def tell(told: dict) -> None:
    """One line of JSON on the console."""
    print(json.dumps(told))


def _implementation() -> str:
    running = sys.implementation
    return "%s %s %s" % (running.name, ".".join([str(part) for part in running.version[:3]]), _machine_name())


def _machine_name() -> str:
    return os.uname()[4] if hasattr(os, "uname") else "unknown machine"


def run() -> None:
    """Run the tracker until it fails; then say why and start the board again, so that it never just stands still."""
    try:
        app = TrackerApp(config.load(), MachineParts(), FlashStore(), Uptime(), tell)
        told = app.describe()
        told["implementation"] = _implementation()
        if hasattr(gc, "mem_free"):
            told["heap_free_bytes"] = gc.mem_free()
        tell(told)
        asyncio.run(app.run())
    except config.ConfigInvalid as error:
        # without settings there is nothing to restart for: stay at the prompt, so that they can be written
        tell({"told": "stopped", "where": error.field, "reason": str(error)})
    except KeyboardInterrupt:
        tell({"told": "stopped", "where": "console", "reason": "interrupted"})
    except Exception as error:  # whatever it is, an alarm device has to come back
        tell({"told": "restarting", "where": type(error).__name__, "reason": str(error)})
        machine.reset()
