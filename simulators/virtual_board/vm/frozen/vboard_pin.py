"""Pin, ADC and PWM of the virtual board."""

import struct

import _vboard
import machine
import vboard_ops as _ops
from umachine import PinBase


class Pin(PinBase):
    """A pin; the host knows what is wired to it."""

    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_UP, PULL_DOWN = 2, 1
    IRQ_RISING, IRQ_FALLING, WAKE_LOW, WAKE_HIGH = 1, 2, 4, 5
    DRIVE_0, DRIVE_1, DRIVE_2, DRIVE_3 = 0, 1, 2, 3

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if isinstance(id, Pin):
            id = id.id
        if not isinstance(id, int) or not 0 <= id < 49:
            raise ValueError("invalid pin")
        self.id = id
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if value is not None:
            _vboard.post(_ops.PIN_DRIVE, self.id, 1 if value else 0)
        if mode != -1:
            code = 0 if pull is None or pull == -1 else pull
            _vboard.post(_ops.PIN_MODE, self.id, mode | code << 8)

    def value(self, v=None):
        if v is None:
            return _vboard.transact(_ops.PIN_LEVEL, self.id, 0)
        _vboard.post(_ops.PIN_DRIVE, self.id, 1 if v else 0)

    def __call__(self, v=None):
        return self.value(v)

    def on(self):
        _vboard.post(_ops.PIN_DRIVE, self.id, 1)

    def off(self):
        _vboard.post(_ops.PIN_DRIVE, self.id, 0)

    def toggle(self):
        self.value(not self.value())

    def irq(self, handler=None, trigger=3, *, wake=None, hard=False):
        """Call `handler(pin)` on that edge, between two bytecodes."""
        machine._handle(self.id, handler, self)
        _vboard.post(_ops.PIN_IRQ, self.id, trigger if handler else 0)
        return self

    def __repr__(self):
        return f"Pin({self.id})"


class ADC:
    """A voltage; the host knows its value."""

    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3

    def __init__(self, pin, *, atten=3, sample_ns=None):
        self._pin = pin.id if isinstance(pin, Pin) else pin
        self._full_scale_uv = (950_000, 1_250_000, 1_750_000, 3_100_000)[atten]

    def read_uv(self):
        """Microvolts, never above the full scale of the attenuation."""
        return min(_vboard.transact(_ops.ADC_READ, self._pin, 0), self._full_scale_uv)

    def read_u16(self):
        return self.read_uv() * 65535 // self._full_scale_uv

    def read(self):
        return self.read_u16() >> 4


class PWM:
    """Pulse width; the host sees frequency and duty."""

    def __init__(self, pin, *, freq=5000, duty_u16=0):
        self._pin = pin.id if isinstance(pin, Pin) else pin
        self._freq = freq
        self._duty = duty_u16
        self._tell()

    def _tell(self):
        _vboard.post(_ops.PWM, self._pin, self._freq, struct.pack("<H", self._duty))

    def init(self, *, freq=None, duty_u16=None):
        if freq is not None:
            self._freq = freq
        if duty_u16 is not None:
            self._duty = duty_u16
        self._tell()

    def freq(self, hz=None):
        if hz is None:
            return self._freq
        self._freq = hz
        self._tell()

    def duty_u16(self, value=None):
        if value is None:
            return self._duty
        self._duty = value
        self._tell()

    def duty(self, value=None):
        if value is None:
            return self._duty >> 6
        self.duty_u16(min(value << 6, 65535))

    def deinit(self):
        self.duty_u16(0)
