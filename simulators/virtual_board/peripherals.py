"""What is wired to a board: pins, buses, serial lines, analogue inputs, clock; and the board's requests to them."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from simulators.virtual_board.buses import I2cBus, SimulatedFault, SpiBus
from simulators.virtual_board.chip_clock import ChipClock
from simulators.virtual_board.link import Op
from simulators.virtual_board.radio import Radio
from simulators.virtual_board.uart import UartLine
from simulators.virtual_board.wake_lines import WakeLines

_Unit = TypeVar("_Unit")

IRQ_RISING = 1
IRQ_FALLING = 2
PULL_UP = 2


class PinDevice(Protocol):
    """What a pin leads to."""

    def level(self, now_us: int) -> int: ...
    def drive(self, level: int, now_us: int) -> None: ...


class Peripherals:
    """Everything wired to one board, by unit number. Survives resets of the board, as the chips do.

    `now_us` is the chips' clock: microseconds since the board was made.
    """

    def __init__(self, wall_ms: Callable[[], int] | None = None) -> None:
        self.spi: dict[int, SpiBus] = {}
        self.i2c: dict[int, I2cBus] = {}
        self.uarts: dict[int, UartLine] = {}
        self.pins: dict[int, PinDevice] = {}
        self.adc_uv: dict[int, Callable[[int], int]] = {}
        self.inputs: dict[int, int] = {}
        self.driven: dict[int, int] = {}
        self.pulls: dict[int, int] = {}
        self.pwm: dict[int, tuple[int, int]] = {}
        self.bitstreams: dict[int, bytes] = {}
        self.rtc_memory = b""
        self.radio = Radio(self._radio_event)
        self.on_drive: Callable[[int, int, int], None] | None = None
        self.on_pwm: Callable[[int, int, int, int], None] | None = None
        self.on_bitstream: Callable[[int, bytes, int], None] | None = None
        self.raise_event: Callable[[int], None] = lambda number: None
        self.input_changed: Callable[[], None] = lambda: None
        self.resting: dict[int, int] = {}  # what a resistor on the board holds a pin at that nobody drives
        self._wall_ms = wall_ms or (lambda: time.time_ns() // 1_000_000)
        self._rtc_offset_ms = 0
        self._irq: dict[int, int] = {}
        self.clock = ChipClock()
        self.lock = (
            threading.RLock()
        )  # held while a chip's model works: the firmware's accesses and a hand's do not mix
        self._handlers = {
            Op.PIN_LEVEL: self._pin_level,
            Op.PIN_DRIVE: self._pin_drive,
            Op.PIN_MODE: self._pin_mode,
            Op.PIN_IRQ: self._pin_irq,
            Op.SPI_TRANSFER: self._spi_transfer,
            Op.I2C_WRITE: self._i2c_write,
            Op.I2C_READ: self._i2c_read,
            Op.UART_SETUP: self._uart_setup,
            Op.ADC_READ: self._adc_read,
            Op.PWM: self._pwm,
            Op.BITSTREAM: self._bitstream,
            Op.RTC_READ: self._rtc_read,
            Op.RTC_SET: self._rtc_set,
            Op.RTC_MEMORY_READ: self._rtc_memory_read,
            Op.RTC_MEMORY_WRITE: self._rtc_memory_write,
            Op.WAKE_LEVELS: self._wake_levels,
            Op.RADIO: self._radio,
        }

    def now_us(self) -> int:
        """The chips' clock."""
        return self.clock.now_us()

    def restart(self) -> None:
        """The microcontroller restarts or sleeps: pins float to where the board's resistors hold them, interrupts are
        off; the chips keep their state."""
        self._irq.clear()
        self.clock.board_stopped()
        self.radio.board_stopped()
        self.driven.clear()
        self.pulls.clear()
        now = self.now_us()
        with self.lock:
            for pin, level in self.resting.items():
                if pin in self.pins:
                    self.pins[pin].drive(level, now)
        for bus in self.spi.values():
            for pin in tuple(bus.selected):
                bus.select(pin, False, now)

    def unplug(self) -> None:
        """The board is given back: nothing more comes or goes on its serial lines."""
        for line in self.uarts.values():
            line.close()

    def set_input(self, pin: int, level: int) -> None:
        """Change the level at an input pin from outside; an edge raises the interrupt that the firmware asked for."""
        with self.lock:
            before = self._level(pin)
            self.inputs[pin] = level
        edge = IRQ_RISING if level > before else IRQ_FALLING if level < before else 0
        if edge & self._irq.get(pin, 0):
            self.raise_event(pin)
        self.input_changed()

    def pin_level(self, pin: int) -> int:
        """The level at a pin now."""
        with self.lock:
            return self._level(pin)

    def _level(self, pin: int) -> int:
        if pin in self.pins:
            return self.pins[pin].level(self.now_us())
        if pin in self.inputs:
            return self.inputs[pin]
        return self.driven.get(pin, 1 if self.pulls.get(pin) == PULL_UP else 0)

    def handle(self, op: Op, unit: int, argument: int, payload: bytes) -> tuple[int, bytes]:
        """Do one request of the firmware: (status, bytes)."""
        with self.lock:
            return self._handlers.get(op, self._ignore)(unit, argument, payload, self.now_us())

    def _ignore(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        return 0, b""

    def _pin_level(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        return self._level(unit), b""

    def _pin_drive(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        self.driven[unit] = argument
        for bus in self.spi.values():
            if unit in bus.devices:
                bus.select(unit, argument == 0, now_us)
        if unit in self.pins:
            self.pins[unit].drive(argument, now_us)
        if self.on_drive is not None:
            self.on_drive(unit, argument, now_us)
        return 0, b""

    def _pin_mode(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        self.pulls[unit] = argument >> 8
        return 0, b""

    def _pin_irq(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        self._irq[unit] = argument
        return 0, b""

    def _spi_transfer(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        bus = _wired(self.spi, unit, "SPI")
        bus.faults.delay()
        return 0, bus.transfer(payload, now_us)

    def _i2c_write(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        bus = _wired(self.i2c, unit, "I2C")
        bus.faults.delay()
        return bus.write(argument & 0x7F, payload, now_us), b""

    def _i2c_read(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        bus = _wired(self.i2c, unit, "I2C")
        bus.faults.delay()
        return bus.read(argument & 0x7F, argument >> 16, now_us)

    def _uart_setup(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        line = _wired(self.uarts, unit, "UART")
        line.baudrate = argument
        line.receive_buffer_bytes = struct.unpack_from("<I", payload)[0]
        return 0, b""

    def _adc_read(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        return _wired(self.adc_uv, unit, "ADC on pin")(now_us), b""

    def _pwm(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        duty = struct.unpack("<H", payload)[0]
        self.pwm[unit] = (argument, duty)
        if self.on_pwm is not None:
            self.on_pwm(unit, argument, duty, now_us)
        return 0, b""

    def _bitstream(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        self.bitstreams[unit] = payload
        if self.on_bitstream is not None:
            self.on_bitstream(unit, payload, now_us)
        return 0, b""

    def _rtc_read(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        return 0, struct.pack("<Q", self._wall_ms() + self._rtc_offset_ms)

    def _rtc_set(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        self._rtc_offset_ms = struct.unpack("<Q", payload)[0] - self._wall_ms()
        return 0, b""

    def _rtc_memory_read(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        return len(self.rtc_memory), self.rtc_memory

    def _rtc_memory_write(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        self.rtc_memory = payload
        return 0, b""

    def _wake_levels(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        return WakeLines.armed(payload).reason(self._level), b""

    def _radio_event(self, number: int) -> None:
        self.raise_event(number)

    def _radio(self, unit: int, argument: int, payload: bytes, now_us: int) -> tuple[int, bytes]:
        return self.radio.handle(unit, argument, payload)


def _wired(units: dict[int, _Unit], unit: int, kind: str) -> _Unit:
    if unit not in units:
        raise SimulatedFault(f"{kind} {unit}: nothing is wired to it (there are: {sorted(units) or 'none'})")
    return units[unit]
