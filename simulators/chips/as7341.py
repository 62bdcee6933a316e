"""AS7341 spectral sensor: banks, SMUX chain, integration, saturation, freezing of results (behaviour.md section 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from simulators.ad5941.state_clock import StateClock
from simulators.chips.as7341_measuring import GAIN_CODE_MAX, Measuring, Result
from simulators.chips.i2c_chip import I2cChip, I2cFaults
from simulators.chips.light import Darkness, Scene
from simulators.chips.register_bytes import load

RAM_BYTES = 20
NAK_US, BUSY_US = 200.0, 300.0
AUTOZERO_US = 15_000.0
GARBAGE = 0xA5
FIFO_WORDS = 128
FIRST_BANKED, LAST_BANKED = 0x60, 0x74
CFG0 = 0xA9
ACCOUNTED = frozenset(("ENABLE", "CONFIG", "LED"))  # what the supply current depends on


@dataclass(frozen=True)
class As7341Variants:
    """Where the notes are silent or disagree."""

    # 1.5: when AVALID falls: on reading results, on enabling, or never while powered.
    avalid: Literal["on_read", "on_enable", "never"] = "on_enable"
    # 1.9: SMUXEN while SP_EN = 1: ignored, or taken with a cycle that mixes both maps.
    smux_while_measuring: Literal["ignored", "mixes"] = "mixes"
    # 1.9: one page claims that the SMUX RAM needs REG_BANK = 1; AN and drivers say 0.
    smux_ram_bank: int = 0
    smux_us: float = 1_200.0


@dataclass
class As7341Faults(I2cFaults):
    """Besides the bus: a SMUX that hangs, or one that says it is done and did nothing."""

    smux_hangs: bool = False
    smux_does_nothing: bool = False
    avalid_stale: bool = False


class As7341(I2cChip):
    """`scene` is what lies in front of it; change it at any time. `int_level` is the INT pin (active low)."""

    def __init__(
        self,
        scene: Scene | None = None,
        *,
        seed: int = 1,
        variants: As7341Variants | None = None,
        faults: As7341Faults | None = None,
        strict: bool = True,
        temperature_c: float = 25.0,
    ) -> None:
        self.temperature_c = temperature_c
        self.variants = variants or As7341Variants()
        self.smux_faults = faults or As7341Faults()
        self._handlers: dict[tuple[str, str], Callable[[int], Any] | None] = {}
        super().__init__(load("as7341"), strict=strict, faults=self.smux_faults)
        self.scene: Scene = scene or Darkness()
        self.measuring = Measuring(self, seed)
        # Where the supply current goes; the lamp's states are its currents in mA.
        self.power = StateClock("sleep")
        self.lamp_power = StateClock("0")
        self.supply_cycle(0.0)

    # -- supply and time -------------------------------------------------------------------------------------------
    def supply_cycle(self, now_us: float) -> None:
        """Power came up: the only reset there is."""
        self.load_resets()
        self.now_us = max(self.now_us, now_us)
        self.awake_at_us = now_us + NAK_US
        self._busy_until_us = now_us + BUSY_US
        self.ram = [0] * RAM_BYTES
        self._smux_done_us: float | None = None
        self._frozen: Result | None = None
        self._held_high: int | None = None
        self._autozero_until_us = 0.0
        self._status = 0
        self._system = 0
        self.fifo: list[int] = []
        self._fifo_overflow = False
        self._popped = 0
        self.avalid = False
        self.sai_active = False
        self.measuring.power_up()
        self._account()

    def advance(self, now_us: float) -> None:
        super().advance(now_us)
        while self._smux_done_us is not None and self._smux_done_us <= self.now_us:
            when, self._smux_done_us = self._smux_done_us, None
            self.measuring.run_until(when)
            self._smux_finished(when)
        self.measuring.run_until(self.now_us)

    def int_level(self, now_us: int) -> int:
        self.advance(now_us)
        return int(not self._status_now())

    # -- access ----------------------------------------------------------------------------------------------------
    @property
    def bank(self) -> int:
        return self.bytes[0, CFG0] >> 4 & 1

    def _reachable(self, address: int, action: str) -> bool:
        if address < RAM_BYTES:
            if self.bank != self.variants.smux_ram_bank:
                self.hazard(f"SMUX RAM {action} in the wrong bank")
                return False
            return True
        wanted = 1 if FIRST_BANKED <= address <= LAST_BANKED else 0
        if address != CFG0 and wanted != self.bank:
            self.violation(action, address, f"needs REG_BANK = {wanted}")
            return False
        return True

    def store(self, address: int, value: int, last: bool) -> None:
        cell = self.table.at(address, self.bank if FIRST_BANKED <= address <= LAST_BANKED else 0)
        if not self._reachable(address, "write"):
            return
        if cell is None or not cell.writable:
            self.violation("write", address, "no such register" if cell is None else f"{cell.register} is read-only")
            return
        if address < RAM_BYTES:
            self.ram[address] = value & 0x77
            return
        handler = self._handler("_write_", cell.register)
        if handler is not None:
            handler(value)
        else:
            self.bytes[cell.bank, address] = value
        if cell.register in ACCOUNTED:
            self._account()

    def _handler(self, prefix: str, register: str) -> Callable[[int], Any] | None:
        """What a register does besides being kept, looked up by its name once."""
        try:
            return self._handlers[prefix, register]
        except KeyError:
            found = self._handlers[prefix, register] = getattr(self, prefix + register.lower(), None)
            return found

    def _account(self) -> None:
        enable = self.value("ENABLE")
        state = "sleep" if not enable & 1 else "active" if enable & 0x42 else "idle"
        self.power.enter(state, self.now_us)
        self.lamp_power.enter(f"{self.led_ma():g}", self.now_us)

    def fetch(self, address: int, first: bool) -> int:
        if not self._reachable(address, "read"):
            return GARBAGE
        return self.ram[address] if address < RAM_BYTES else self._fetch_register(address, first)

    def _fetch_register(self, address: int, first: bool) -> int:
        cell = self.table.at(address, 1 if FIRST_BANKED <= address <= LAST_BANKED else 0)
        if cell is None or not cell.readable:
            self.violation("read", address, "no such register" if cell is None else f"{cell.register} is write-only")
            return GARBAGE
        name = cell.register.removesuffix("_B1")
        if first and name != "ASTATUS":
            self._frozen = None  # a new transaction that did not start at ASTATUS has no common freeze
        if name == "ASTATUS":
            return self._freeze()
        if name.startswith("CH") and name.endswith("_DATA"):
            return self._word(int(name[2]), cell.index)
        handler = self._handler("_read_", name)
        if handler is not None:
            return int(handler(cell.index))
        return self.bytes[cell.bank, address]

    def following(self, address: int) -> int:
        return 0xFE if address == 0xFF else (address + 1) & 0xFF

    # -- results ---------------------------------------------------------------------------------------------------
    def _freeze(self) -> int:
        result = self.measuring.latest
        self._frozen = result
        if self.variants.avalid == "on_read":
            self.avalid = False
        gain, saturated = result.gain_code, result.unread and (result.digital or result.analog)
        result.unread = False
        return saturated << 7 | gain

    def _word(self, channel: int, index: int) -> int:
        if self.variants.avalid == "on_read":
            self.avalid = False
        source = self._frozen or self.measuring.latest
        if index == 0:
            value = 0 if channel == 5 and self.value("ENABLE") & 0x40 else source.counts[channel]
            self._held_high = value >> 8
            return value & 0xFF
        return self._held_high if self._held_high is not None else source.counts[channel] >> 8

    def result_ready(self, result: Result) -> None:
        """A cycle ended: flags, FIFO, thresholds."""
        self.avalid = True
        if result.digital or result.analog:
            self._status |= 0x80
        fifo_map = self.value("FIFO_MAP")
        words = [result.gain_code | (0x80 if result.digital or result.analog else 0), *result.counts]
        for bit, word in enumerate(words):
            if fifo_map >> bit & 1:
                if len(self.fifo) >= FIFO_WORDS:
                    self._fifo_overflow = True
                else:
                    self.fifo.append(word)
        if self.value("CFG3") & 0x10 and self._status_now():
            self.sai_active = True

    def threshold_event(self) -> None:
        self._status |= 0x08

    def flicker_changed(self) -> None:
        if self.value("CFG9") & 0x40:
            self._system |= 0x08

    def _status_now(self) -> int:
        enabled = self.value("INTENAB")
        status = self._status | (0x01 if self._system else 0)
        if len(self.fifo) >= (1, 4, 8, 16)[self.value("CFG8") >> 6 & 3]:
            status |= 0x04
        return status & enabled

    # -- registers that do something -------------------------------------------------------------------------------
    def _read_status(self, index: int) -> int:
        return self._status_now()

    def _write_status(self, value: int) -> None:
        self._status &= ~value
        if value & 0x01:
            self._system = 0

    def _read_status2(self, index: int) -> int:
        latest = self.measuring.latest
        avalid = self.avalid or self.smux_faults.avalid_stale
        return avalid << 6 | latest.digital << 4 | latest.analog << 3

    def _read_status5(self, index: int) -> int:
        return self._system

    def _read_status6(self, index: int) -> int:
        busy = self.now_us < self._busy_until_us
        return self._fifo_overflow << 7 | self.measuring.too_fast << 2 | self.sai_active << 1 | busy

    def _read_stat(self, index: int) -> int:
        return int(self.avalid)

    def _read_fifo_lvl(self, index: int) -> int:
        return len(self.fifo)

    def _read_fdata(self, index: int) -> int:
        if index == 0:
            self._popped = self.fifo[0] if self.fifo else 0
            return self._popped & 0xFF
        if self.fifo:
            self._popped = self.fifo.pop(0)
            self._fifo_overflow = False
            return self._popped >> 8
        return 0

    def _read_enable(self, index: int) -> int:
        stored = self.value("ENABLE") & ~0x10
        return stored | (0x10 if self._smux_done_us is not None else 0)

    def _write_enable(self, value: int) -> None:
        before = self.value("ENABLE")
        measuring = bool(before & 0x02)
        self.set("ENABLE", value & ~0x10)
        if value & 0x10:
            self._start_smux(powered=bool(value & 0x01), measuring=measuring and bool(value & 0x02))
        if value & 0x02 and not before & 0x02 and self.variants.avalid == "on_enable":
            self.avalid = False
        if not value & 0x01:
            self.avalid = False
        self.measuring.enable(value, before)

    def _start_smux(self, powered: bool, measuring: bool) -> None:
        if not powered:
            self.hazard("SMUXEN with PON = 0: not executed")
            return
        if measuring:
            self.hazard("SMUXEN while SP_EN = 1")
            if self.variants.smux_while_measuring == "ignored":
                return
        if self._smux_done_us is not None:
            self.hazard("SMUX command restarted before it was done")
        never = float("inf")
        self._smux_done_us = never if self.smux_faults.smux_hangs else self.now_us + self.variants.smux_us

    def _smux_finished(self, now_us: float) -> None:
        if self.value("CFG9") & 0x10:
            self._system |= 0x04
        if self.smux_faults.smux_does_nothing:
            return
        command = self.value("CFG6") >> 3 & 3
        if command == 2:
            self.measuring.route(list(self.ram), now_us)
        elif command == 1:
            self.ram = list(self.measuring.chain)
        elif command == 0:
            self.measuring.route([0] * RAM_BYTES, now_us)  # the ROM map is not in the notes: nothing useful connected

    def _write_cfg6(self, value: int) -> None:
        if self._smux_done_us is not None:
            self.hazard("CFG6 written while SMUXEN = 1: ignored")
            return
        self.set("CFG6", value)

    def _write_config(self, value: int) -> None:
        self.set("CONFIG", value, bank=1)
        if value & 0x03:
            self.violation("use", self.table.addresses["CONFIG"], "modes SYNS and SYND are not simulated")

    def _write_control(self, value: int) -> None:
        if value & 0x01:
            self.sai_active = False
        if value & 0x02:
            self.fifo.clear()
            self._fifo_overflow = False

    def _write_cfg1(self, value: int) -> None:
        if value & 0x1F > GAIN_CODE_MAX:
            self.hazard("gain code above 10")
        self.set("CFG1", value)

    def _read_fd_status(self, index: int) -> int:
        return self.measuring.flicker_status

    def _write_fd_status(self, value: int) -> None:
        self.measuring.clear_flicker(value)

    # -- what the measuring part asks ------------------------------------------------------------------------------
    def led_ma(self) -> float:
        """Current of the lamp pin."""
        led = self.value("LED", bank=1)
        if not self.value("CONFIG", bank=1) & 0x08 or not led & 0x80:
            return 0.0
        return 4.0 + 2.0 * (led & 0x7F)
