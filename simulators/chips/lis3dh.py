"""LIS3DH accelerometer: modes, FIFO, motion engines, click (behaviour.md section 3)."""

from __future__ import annotations

from collections.abc import Callable

from simulators.ad5941.state_clock import StateClock
from simulators.chips.i2c_chip import I2cChip, I2cFaults
from simulators.chips.lis3dh_engines import ClickEngine, HighPass, MotionEngine
from simulators.chips.register_bytes import load

BOOT_US = 5_000.0
ODR_HZ = (0.0, 1.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 1620.0, 1344.0)
LSB_MG = {"low": (16, 32, 64, 192), "normal": (4, 8, 16, 48), "high": (1, 2, 4, 12)}
SHIFT = {"low": 8, "normal": 6, "high": 4}
FIFO_DEPTH = 32
OUT_X, OUT_LAST = 0x28, 0x2D
SELF_TEST_MG = (300.0, 320.0, 400.0)
Axes = tuple[float, float, float]
Motion = Callable[[float], Axes]


def lying_still(now_us: float) -> Axes:
    """On a table, face up."""
    return (0.0, 0.0, 1000.0)


class Lis3dh(I2cChip):
    """`motion` gives acceleration in mg at a time in us. `int1_level` is the INT1 pin."""

    def __init__(
        self,
        motion: Motion = lying_still,
        *,
        temperature_c: float = 25.0,
        strict: bool = True,
        faults: I2cFaults | None = None,
    ) -> None:
        super().__init__(load("lis3dh"), strict=strict, faults=faults)
        self.motion = motion
        self.temperature_c = temperature_c
        self.power = StateClock("power-down")
        self.supply_cycle(0.0)

    def supply_cycle(self, now_us: float) -> None:
        self.load_resets()
        self.now_us = max(self.now_us, now_us)
        self.awake_at_us = now_us + BOOT_US
        self._next_us = float("inf")
        self._auto_increment = False
        self._boot_until_us = 0.0
        self._latest: tuple[int, int, int] = (0, 0, 0)
        self._held_high: int | None = None
        self._fresh = False
        self._overrun = False
        self.fifo: list[tuple[int, int, int]] = []
        self._watermark = self._full = False
        self.filters = HighPass()
        self.engines = (MotionEngine(), MotionEngine())
        self.click = ClickEngine()

    # -- settings --------------------------------------------------------------------------------------------------
    def _odr_hz(self) -> float:
        control = self.value("CTRL_REG1")
        code = control >> 4
        if code >= len(ODR_HZ):
            return 0.0
        return 5376.0 if code == 9 and control & 0x08 else ODR_HZ[code]

    def _mode(self) -> str:
        low, high = self.value("CTRL_REG1") & 0x08, self.value("CTRL_REG4") & 0x08
        if low and high:
            self.hazard("LPen and HR both 1 is forbidden")
        return "low" if low else "high" if high else "normal"

    def _scale(self) -> int:
        return self.value("CTRL_REG4") >> 4 & 3

    # -- time ------------------------------------------------------------------------------------------------------
    def advance(self, now_us: float) -> None:
        super().advance(now_us)
        odr = self._odr_hz()
        if odr <= 0.0:
            return
        period = 1e6 / odr
        if not self._watching() and self.now_us - self._next_us > 3 * period:
            self._next_us += int((self.now_us - self._next_us) / period - 2) * period
        while self._next_us <= self.now_us:
            self._sample(self._next_us, period)
            self._next_us += period

    def _watching(self) -> bool:
        """Does anything depend on every sample?"""
        fifo = self.value("CTRL_REG5") & 0x40 and self.value("FIFO_CTRL_REG") >> 6
        configured = self.value("INT1_CFG") | self.value("INT2_CFG") | self.value("CLICK_CFG")
        return bool(fifo or configured)

    def _sample(self, now_us: float, period_us: float) -> None:
        enabled = self.value("CTRL_REG1")
        true_mg = self.motion(now_us)
        test = {1: 1.0, 2: -1.0}.get(self.value("CTRL_REG4") >> 1 & 3, 0.0)
        mg = [
            (value + test * push) if enabled >> axis & 1 else 0.0
            for axis, (value, push) in enumerate(zip(true_mg, SELF_TEST_MG, strict=True))
        ]
        control2 = self.value("CTRL_REG2")
        filtered = self.filters.step(mg, control2 >> 4 & 3)
        shown = filtered if control2 & 0x08 else mg
        if self._fresh:
            self._overrun = True
        self._latest = (self._raw(shown[0]), self._raw(shown[1]), self._raw(shown[2]))
        self._fresh = True
        self._store_fifo()
        scale = self._scale()
        for index, engine in enumerate(self.engines):
            name = f"INT{index + 1}"
            engine.step(
                filtered if control2 >> index & 1 else mg,
                config=self.value(name + "_CFG"),
                threshold_mg=(self.value(name + "_THS") & 0x7F) * (16, 32, 62, 186)[scale],
                duration=self.value(name + "_DURATION") & 0x7F,
                latched=bool(self.value("CTRL_REG5") & (0x08, 0x02)[index]),
            )
        self.click.step(
            filtered if control2 & 0x04 else mg,
            config=self.value("CLICK_CFG"),
            threshold_mg=(self.value("CLICK_THS") & 0x7F) * (2000 << scale) / 128.0,
            times=(self.value("TIME_LIMIT") & 0x7F, self.value("TIME_LATENCY"), self.value("TIME_WINDOW")),
        )

    def _raw(self, mg: float) -> int:
        mode, scale = self._mode(), self._scale()
        bits = 16 - SHIFT[mode]
        limit = 1 << (bits - 1)
        counts = max(-limit, min(limit - 1, round(mg / LSB_MG[mode][scale])))
        return counts << SHIFT[mode] & 0xFFFF

    def _store_fifo(self) -> None:
        mode = self.value("FIFO_CTRL_REG") >> 6
        if not self.value("CTRL_REG5") & 0x40 or mode == 0:
            return
        if len(self.fifo) >= FIFO_DEPTH:
            self._full = True
            if mode == 1:
                return
            self.fifo.pop(0)
        self.fifo.append(tuple(value & 0xFFC0 for value in self._latest))  # type: ignore[arg-type]
        self._full = len(self.fifo) >= FIFO_DEPTH
        if len(self.fifo) >= (self.value("FIFO_CTRL_REG") & 0x1F):
            self._watermark = True

    def int1_level(self, now_us: int) -> int:
        """INT1; active high unless INT_POLARITY."""
        self.advance(now_us)
        routes = self.value("CTRL_REG3")
        active = (
            (routes & 0x80 and self.click.active)
            or (routes & 0x40 and self.engines[0].active)
            or (routes & 0x20 and self.engines[1].active)
            or (routes & 0x10 and self._fresh)
            or (routes & 0x04 and self._watermark)
            or (routes & 0x02 and self._full)
        )
        return int(bool(active) != bool(self.value("CTRL_REG6") & 0x02))

    # -- access ----------------------------------------------------------------------------------------------------
    def point(self, address: int) -> None:
        self._auto_increment = bool(address & 0x80)
        self.pointer = address & 0x7F

    def following(self, address: int) -> int:
        if not self._auto_increment:
            return address
        if address == OUT_LAST and self.value("FIFO_CTRL_REG") >> 6:
            return OUT_X
        return (address + 1) & 0x7F

    def store(self, address: int, value: int, last: bool) -> None:
        cell = self.table.at(address)
        if cell is None or not cell.writable:
            self.violation("write", address, "reserved: damage possible" if cell is None else "read-only")
            return
        name = cell.register
        before = self._odr_hz()
        self.bytes[0, address] = value
        if name in ("CTRL_REG1", "CTRL_REG4"):
            odr = self._odr_hz()
            self.power.enter(f"{odr:g} Hz {self._mode()}" if odr else "power-down", self.now_us)
        if name == "CTRL_REG5" and value & 0x80:
            self._boot_until_us = self.now_us + BOOT_US
        if name == "FIFO_CTRL_REG" and value >> 6 == 0:
            self.fifo.clear()
            self._watermark = self._full = False
        if name == "CTRL_REG0" and value & 0x7F != 0x10:
            self.hazard("CTRL_REG0: keep the low seven bits at 0x10")
        if name == "CTRL_REG1" and self._odr_hz() != before:
            odr = self._odr_hz()
            first = {"low": 1_000.0, "normal": 1_600.0, "high": 7e6 / odr if odr else 0.0}[self._mode()]
            self._next_us = self.now_us + first if odr else float("inf")

    def fetch(self, address: int, first: bool) -> int:
        cell = self.table.at(address)
        if cell is None or not cell.readable:
            self.violation("read", address, "reserved" if cell is None else "write-only")
            return 0
        name = cell.register
        if name in ("OUT_X", "OUT_Y", "OUT_Z"):
            return self._output("XYZ".index(name[-1]), cell.index)
        handler = getattr(self, "_read_" + name.lower(), None)
        if handler is not None:
            return int(handler(cell.index))
        return self.bytes[0, address]

    def _output(self, axis: int, index: int) -> int:
        sample = self.fifo[0] if self.fifo and self.value("FIFO_CTRL_REG") >> 6 else self._latest
        value = sample[axis]
        if index == 0:
            self._held_high = value >> 8 if self.value("CTRL_REG4") & 0x80 else None
            return value & 0xFF
        if axis == 2:
            self._fresh = self._overrun = False
            if self.fifo and self.value("FIFO_CTRL_REG") >> 6:
                self.fifo.pop(0)
                self._full = False
                self._watermark = len(self.fifo) > (self.value("FIFO_CTRL_REG") & 0x1F)
        return self._held_high if self._held_high is not None else value >> 8

    def _read_status_reg(self, index: int) -> int:
        return (0xF0 if self._overrun else 0) | (0x0F if self._fresh else 0)

    def _read_ctrl_reg5(self, index: int) -> int:
        return self.value("CTRL_REG5") & 0x7F | (0x80 if self.now_us < self._boot_until_us else 0)

    def _read_reference(self, index: int) -> int:
        self.filters.settle()
        return self.value("REFERENCE")

    def _read_int1_src(self, index: int) -> int:
        return self.engines[0].read()

    def _read_int2_src(self, index: int) -> int:
        return self.engines[1].read()

    def _read_click_src(self, index: int) -> int:
        return self.click.read()

    def _read_fifo_src_reg(self, index: int) -> int:
        count = len(self.fifo)
        return self._watermark << 7 | self._full << 6 | (count == 0) << 5 | min(count, 31)

    def _read_out_adc3(self, index: int) -> int:
        if self.value("TEMP_CFG_REG") & 0xC0 != 0xC0 or not self.value("CTRL_REG4") & 0x80:
            return 0
        return round(self.temperature_c - 25.0) & 0xFF if index == 1 else 0
