"""MAX17048 fuel gauge on a simulated cell (behaviour.md section 2)."""

from __future__ import annotations

from simulators.ad5941.state_clock import StateClock
from simulators.chips.battery import Battery, soc_of_voltage
from simulators.chips.i2c_chip import I2cChip, I2cFaults
from simulators.chips.register_bytes import load

FIRST_SOC_US = 1_000_000.0
ACTIVE_UPDATE_US = 250_000.0
HIBERNATE_UPDATE_US = 45_000_000.0
HIBERNATE_AFTER_US = 360_000_000.0
VCELL_LSB_V = 78.125e-6
CRATE_LSB = 0.208
UNLOCK = 0x4A57


class Max17048(I2cChip):
    """16-bit words, high byte first. `alert_level` is the ALRT pin (active low)."""

    def __init__(
        self,
        battery: Battery | None = None,
        *,
        strict: bool = True,
        faults: I2cFaults | None = None,
        gauge_error: float = 0.0,
    ) -> None:
        super().__init__(load("max17048"), strict=strict, faults=faults)
        self.battery = battery or Battery()
        self._gauge_error = gauge_error
        self._pending: int | None = None
        self.power = StateClock("active")
        self.power_up(0.0)

    def power_up(self, now_us: float) -> None:
        """A cell was put in, or CMD reset the chip."""
        self.load_resets()
        self._powered_us = now_us
        self._next_us = now_us
        self._soc = soc_of_voltage(self.battery.terminal_v(now_us)) + self._gauge_error
        self._voltage_v = self.battery.terminal_v(now_us)
        self._rate_percent_h = 0.0
        self._hibernating = False
        self._quiet_since_us = now_us
        self._unlocked = False
        self._alerted_soc = self._soc
        self._set_word("STATUS", 0x0100)

    # -- words -----------------------------------------------------------------------------------------------------
    def word(self, name: str) -> int:
        return self.value(name) << 8 | self.value(name, index=1)

    def _set_word(self, name: str, value: int) -> None:
        self.set(name, value >> 8)
        self.set(name, value, index=1)

    def _raise(self, bit: int) -> None:
        self._set_word("STATUS", self.word("STATUS") | 1 << bit)
        self._set_word("CONFIG", self.word("CONFIG") | 0x20)

    def alert_level(self, now_us: int) -> int:
        self.advance(now_us)
        return int(not self.word("CONFIG") & 0x20)

    # -- time ------------------------------------------------------------------------------------------------------
    def remove_cell(self, now_us: float) -> None:
        """No cell, no chip."""
        self.advance(now_us)
        self.powered = False

    def insert_cell(self, battery: Battery, now_us: float) -> None:
        self.battery = battery
        self.powered = True
        self.power_up(now_us)

    @property
    def _asleep(self) -> bool:
        return bool(self.word("MODE") & 0x2000 and self.word("CONFIG") & 0x80)

    def advance(self, now_us: float) -> None:
        super().advance(now_us)
        if not self.powered:
            return
        while self._next_us <= self.now_us:
            when = self._next_us
            period = HIBERNATE_UPDATE_US if self._hibernating else ACTIVE_UPDATE_US
            behind = int((self.now_us - when) / period)
            if behind > 2000:  # long idle: only the last updates can be seen
                when += (behind - 2000) * period
            self._next_us = when + period
            if not self._asleep and not self._unlocked:
                self._update(when, period)
            state = "sleep" if self._asleep else "hibernate" if self._hibernating else "active"
            self.power.enter(state, when)

    def _update(self, now_us: float, period_us: float) -> None:
        before = self._soc
        self._voltage_v = self.battery.terminal_v(now_us)
        truth = self.battery.soc + self._gauge_error
        # The gauge follows the cell and forgets a wrong guess within hours.
        self._soc += (truth - self._soc) * min(1.0, period_us / 3.6e9) + self._moved(period_us)
        rate = -self.battery.load_ma / self.battery.capacity_mah * 100.0
        self._rate_percent_h += (rate - self._rate_percent_h) * min(1.0, period_us / 60e6)
        self._alerts(before)
        self._hibernation(now_us)

    def _moved(self, period_us: float) -> float:
        return -self.battery.load_ma * period_us / 3.6e9 / self.battery.capacity_mah

    def _alerts(self, before: float) -> None:
        threshold = (32 - (self.word("CONFIG") & 0x1F)) / 100.0
        if before >= threshold > self._soc:
            self._raise(12)
        if self.word("CONFIG") & 0x40 and int(self._soc * 100) != int(self._alerted_soc * 100):
            self._alerted_soc = self._soc
            self._raise(13)
        limits = self.word("VALRT")
        if self._voltage_v < (limits >> 8) * 0.02:
            self._raise(10)
        if self._voltage_v > (limits & 0xFF) * 0.02:
            self._raise(9)

    def _hibernation(self, now_us: float) -> None:
        hibrt = self.word("HIBRT")
        if hibrt in (0x0000, 0xFFFF):
            self._hibernating = hibrt == 0xFFFF
            return
        busy = abs(self._rate_percent_h) >= (hibrt >> 8) * CRATE_LSB
        strained = abs(self.battery.ocv_v() - self._voltage_v) > (hibrt & 0xFF) * 1.25e-3
        if busy or strained:
            self._quiet_since_us = now_us
            self._hibernating = False
        elif now_us - self._quiet_since_us >= HIBERNATE_AFTER_US:
            self._hibernating = True

    # -- access ----------------------------------------------------------------------------------------------------
    def fetch(self, address: int, first: bool) -> int:
        cell = self.table.at(address)
        if cell is None or not cell.readable:
            self.violation("read", address, "no such register" if cell is None else f"{cell.register} is write-only")
            return 0xFF
        value = self._live(cell.register)
        return value >> (8 if cell.index == 0 else 0) & 0xFF

    def _live(self, name: str) -> int:
        if name == "VCELL":
            return int(self._voltage_v / VCELL_LSB_V) & 0xFFFF
        if name == "SOC":
            if self.now_us - self._powered_us < FIRST_SOC_US:
                return 0
            return int(max(0.0, self._soc) * 100.0 * 256.0) & 0xFFFF
        if name == "CRATE":
            return int(self._rate_percent_h / CRATE_LSB) & 0xFFFF
        if name == "MODE":
            return self.word("MODE") & 0x2000 | (0x1000 if self._hibernating else 0)
        return self.word(name)

    def store(self, address: int, value: int, last: bool) -> None:
        cell = self.table.at(address)
        if cell is None or not cell.writable:
            self.violation("write", address, "no such register" if cell is None else f"{cell.register} is read-only")
            return
        if address % 2 == 0:
            self._pending = value
            if last:
                self.hazard("single-byte write: ignored")
            return
        if self._pending is None:
            self.hazard("write to an odd address: ignored")
            return
        self._apply(cell.register, self._pending << 8 | value)
        self._pending = None

    def _apply(self, name: str, value: int) -> None:
        if name == "MODE":
            self._set_word("MODE", value & 0x2000)
            if value & 0x4000:
                self._soc = soc_of_voltage(self._voltage_v)
                if abs(self.battery.load_ma) > 5.0:
                    self.hazard("quick start under load: the guess is wrong")
        elif name == "STATUS":
            # Flags are cleared by writing 0; EnVR is the only bit that can be set.
            self._set_word("STATUS", self.word("STATUS") & value & ~0x4000 | value & 0x4000)
        elif name == "TABLE_LOCK":
            self._unlocked = value == UNLOCK
        elif name == "CMD":
            if value == 0x5400:
                self.power_up(self.now_us)
        elif name == "VRESET_ID":
            self._set_word(name, value & 0xFF00 | self.word(name) & 0xFF)
        else:
            self._set_word(name, value)

    def after_write(self, data: bytes) -> bool:
        return not (data[:1] == b"\xfe" and data[1:3] == b"\x54\x00")
