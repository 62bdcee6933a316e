"""DRV2605L haptic driver with a resonant actuator (behaviour.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.ad5941.state_clock import StateClock
from simulators.chips.i2c_chip import I2cChip, I2cFaults
from simulators.chips.register_bytes import load

READY_US = 250.0
GO_TO_OUTPUT_US = 700.0
WAIT_STEP_US = 10_000.0
ENDLESS = 118
SUPPLY_LSB_V = 5.6 / 255.0
PERIOD_LSB_US = 98.46
CALIBRATION_US = (250_000.0, 350_000.0, 600_000.0, 1_100_000.0)
# How long the ROM's effects last; only those with a time in their name are sourced, the rest ASSUMED.
_DURATION_US = (
    ("alert 750 ms", 750_000.0), ("alert 1000 ms", 1_000_000.0), ("triple click", 420_000.0),
    ("short double", 200_000.0),
    ("long double", 420_000.0), ("double click", 280_000.0), ("pulsing", 1_000_000.0), ("ramp", 900_000.0),
    ("transition hum", 450_000.0), ("transition click", 120_000.0), ("buzz", 300_000.0), ("hum", 1_500_000.0),
    ("fuzz", 250_000.0), ("tick", 25_000.0), ("bump", 120_000.0), ("click", 60_000.0),
)  # fmt: skip


@dataclass(frozen=True)
class Vibration:
    """What a wearer felt. `effect` 0 = real-time playback."""

    start_us: float
    end_us: float
    effect: int
    strength: float


class Drv2605l(I2cChip):
    """`felt` is the record of everything that shook. EN is high unless `enable_pin(0)`."""

    def __init__(
        self,
        *,
        resonance_hz: float = 175.0,
        supply_v: float = 3.7,
        actuator_mounted: bool = True,
        library_reads_back: bool = True,
        strict: bool = True,
        faults: I2cFaults | None = None,
    ) -> None:
        super().__init__(load("drv2605l"), strict=strict, faults=faults)
        self._resonance_hz = resonance_hz
        self._supply_v = supply_v
        self.actuator_mounted = actuator_mounted
        self._library_reads_back = library_reads_back
        self._names = self._effect_names()
        self.power = StateClock("standby")  # what the output draws comes on top: `driving_seconds`
        self.supply_cycle(0.0)

    def _effect_names(self) -> dict[int, tuple[str, float]]:
        out = {}
        for row in self.table.document["effect"]:
            for number in range(row["first"], row["last"] + 1):
                grade = row.get("percent", [100])
                out[number] = (row["name"], grade[min(number - row["first"], len(grade) - 1)] / 100.0)
        return out

    def supply_cycle(self, now_us: float) -> None:
        self.load_resets()
        self.now_us = max(self.now_us, now_us)
        self.awake_at_us = now_us + READY_US
        self.felt: list[Vibration] = []
        self._queue: list[Vibration] = []
        self._go_until_us = 0.0
        self._endless = False
        self._task_mode: int | None = None
        self._rtp_since_us: float | None = None
        self._diagnosis_failed = False
        self._calibrated = False

    def enable_pin(self, level: int, now_us: int) -> None:
        """EN low: outputs off, no bus; registers stay."""
        self.advance(now_us)
        if not level:
            self._cancel()
        self.powered = bool(level)
        self.power.enter(("standby" if self._standby else "ready") if level else "off", self.now_us)
        if level:
            self.awake_at_us = self.now_us + READY_US

    # -- time ------------------------------------------------------------------------------------------------------
    @property
    def _standby(self) -> bool:
        return bool(self.value("MODE") & 0x40)

    @property
    def _busy(self) -> bool:
        return self._endless or self.now_us < self._go_until_us

    def advance(self, now_us: float) -> None:
        super().advance(now_us)
        while self._queue and self._queue[0].end_us <= self.now_us:
            self.felt.append(self._queue.pop(0))
        if self.value("GO") and not self._busy:
            self.set("GO", 0)
            if self._task_mode is not None:
                self._finish_task(self._task_mode)
                self._task_mode = None

    def _finish_task(self, mode: int) -> None:
        resonant = bool(self.value("FEEDBACK") & 0x80)
        half_period_ms = 0.5 + 0.1 * (self.value("CONTROL1") & 0x1F)
        wanted_ms = 500.0 / self._resonance_hz
        good = self.actuator_mounted and resonant and abs(half_period_ms - wanted_ms) < 0.5 * wanted_ms
        self._diagnosis_failed = not good
        if mode == 7 and good:
            self.set("A_CAL_COMP", 0x0D)
            self.set("A_CAL_BEMF", 0x70)
            self.set("FEEDBACK", self.value("FEEDBACK") & ~0x03 | 0x02)
            self._calibrated = True

    def driving_seconds(self, now_us: int) -> float:
        """Seconds of full drive so far; weaker effects count by their strength."""
        self.advance(now_us)
        return sum((item.end_us - item.start_us) * 1e-6 * item.strength for item in self.felt)

    def amplitude(self, now_us: int) -> float:
        """How strongly it shakes now, 0..1."""
        self.advance(now_us)
        if self._rtp_since_us is not None and not self._standby:
            return self._rtp_strength()
        for item in self._queue:
            if item.start_us <= self.now_us < item.end_us:
                return item.strength
        return 0.0

    def _rtp_strength(self) -> float:
        raw = self.value("RTP_INPUT")
        if self.value("CONTROL3") & 0x08:
            return raw / 255.0
        return max(0, raw - 256 if raw & 0x80 else raw) / 127.0

    # -- access ----------------------------------------------------------------------------------------------------
    def fetch(self, address: int, first: bool) -> int:
        cell = self.table.at(address)
        if cell is None or not cell.readable:
            self.violation("read", address, "no such register")
            return 0
        name = cell.register
        if name == "STATUS":
            value = self.value("STATUS") & 0xE0 | (0x08 if self._diagnosis_failed else 0)
            self._diagnosis_failed = False
            return value
        if name in ("VBAT", "LRA_PERIOD"):
            driving = self.amplitude(int(self.now_us)) > 0.0
            reading = self._supply_v / SUPPLY_LSB_V if name == "VBAT" else 1e6 / self._resonance_hz / PERIOD_LSB_US
            return int(reading) & 0xFF if driving else 0
        if name == "LIBRARY" and not self._library_reads_back:
            return 0
        return self.bytes[0, address]

    def store(self, address: int, value: int, last: bool) -> None:
        cell = self.table.at(address)
        if cell is None or not cell.writable:
            self.violation("write", address, "no such register" if cell is None else f"{cell.register} is read-only")
            return
        if cell.register == "CONTROL4" and value & 0x01:
            self.violation("write", address, "OTP_PROGRAM burns the part")
            return
        if cell.register == "GO":
            self._go(value & 1)
        elif cell.register == "MODE":
            self._mode(value)
        elif cell.register == "RTP_INPUT":
            self._close_rtp()
            self.bytes[0, address] = value
            self._open_rtp()
        else:
            self.bytes[0, address] = value

    def _mode(self, value: int) -> None:
        if value & 0x80:
            felt = self.felt
            self.supply_cycle(self.now_us)
            self.felt = felt
            return
        self._close_rtp()
        self.set("MODE", value & 0x47)
        self.power.enter("standby" if value & 0x40 else "ready", self.now_us)
        if value & 0x40:
            self._cancel()
        self._open_rtp()

    def _open_rtp(self) -> None:
        if self.value("MODE") & 0x47 == 5 and self._rtp_strength() > 0.0:
            self._rtp_since_us = self.now_us

    def _close_rtp(self) -> None:
        if self._rtp_since_us is not None:
            self.felt.append(Vibration(self._rtp_since_us, self.now_us, 0, self._rtp_strength()))
            self._rtp_since_us = None

    def _cancel(self) -> None:
        for item in self._queue:
            if item.start_us < self.now_us:
                self.felt.append(Vibration(item.start_us, self.now_us, item.effect, item.strength))
        self._queue.clear()
        self._go_until_us = self.now_us
        self._endless = False
        self._task_mode = None
        self.set("GO", 0)

    def _go(self, value: int) -> None:
        if not value:
            self._cancel()
            return
        if self._standby:
            self.hazard("GO in standby: ignored")
            return
        mode = self.value("MODE") & 7
        if mode in (6, 7):
            duration = CALIBRATION_US[self.value("CONTROL4") >> 4 & 3] if mode == 7 else 200_000.0
            self._task_mode = mode
            self._go_until_us = self.now_us + duration
            self.set("GO", 1)
        elif mode == 0:
            self._play()
        else:
            self.hazard(f"GO in mode {mode}: ignored")

    def _play(self) -> None:
        if self.value("LIBRARY") & 7 == 0:
            self.hazard("no effect library chosen: nothing plays")
            return
        at_us = self.now_us + GO_TO_OUTPUT_US
        for index in range(8):
            entry = self.value("WAVESEQ", index=index)
            if entry == 0:
                break
            if entry & 0x80:
                at_us += (entry & 0x7F) * WAIT_STEP_US
                continue
            if entry not in self._names:
                self.hazard(f"effect {entry} does not exist")
                continue
            name, strength = self._names[entry]
            self._endless = entry == ENDLESS
            length = float("inf") if self._endless else next(d for part, d in _DURATION_US if part in name)
            if self.actuator_mounted:
                self._queue.append(Vibration(at_us, at_us + length, entry, strength))
            if self._endless:
                break
            at_us += length
        self._go_until_us = at_us
        self.set("GO", 1)
