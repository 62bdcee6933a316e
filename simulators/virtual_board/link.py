"""The link between VM and peripherals: framing and the table of operations (vm/frozen/vboard_ops.py has the same)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum

_REQUEST = struct.Struct("<BBHIII")
_REPLY = struct.Struct("<iI")


class Op(IntEnum):
    """Operations that the shim sends."""

    PIN_LEVEL = 1
    PIN_DRIVE = 2
    PIN_MODE = 3
    PIN_IRQ = 4
    SPI_SETUP = 5
    SPI_TRANSFER = 6
    I2C_WRITE = 7
    I2C_READ = 8
    UART_SETUP = 9
    ADC_READ = 10
    PWM = 11
    WATCHDOG_START = 12
    WATCHDOG_FEED = 13
    TIMER_START = 14
    TIMER_STOP = 15
    RTC_READ = 16
    RTC_SET = 17
    RTC_MEMORY_READ = 18
    RTC_MEMORY_WRITE = 19
    SLEEP = 20
    BITSTREAM = 21
    WAKE_LEVELS = 22
    RADIO = 23


EVENT_TIMER = 128
ANSWERED = frozenset(
    {
        Op.PIN_LEVEL,
        Op.SPI_TRANSFER,
        Op.I2C_WRITE,
        Op.I2C_READ,
        Op.ADC_READ,
        Op.RTC_READ,
        Op.RTC_MEMORY_READ,
        Op.WAKE_LEVELS,
        Op.RADIO,
    }
)


class Requests:
    """Cuts the byte stream from the VM into requests."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def take(self, data: bytes) -> Iterator[tuple[int, Op, int, int, bytes]]:
        """Add what came; yield each whole request as (board's clock in us modulo 2^32, op, unit, argument, payload)."""
        self._pending += data
        while len(self._pending) >= _REQUEST.size:
            op, unit, _, argument, length, now_us = _REQUEST.unpack_from(self._pending)
            end = _REQUEST.size + length
            if len(self._pending) < end:
                return
            payload = bytes(self._pending[_REQUEST.size : end])
            del self._pending[:end]
            yield now_us, Op(op), unit, argument, payload


def reply(status: int, payload: bytes = b"") -> bytes:
    """The answer to a request of ANSWERED."""
    return _REPLY.pack(status, len(payload)) + payload
