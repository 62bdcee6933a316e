"""Registers: storage, keys, and what writing or reading one sets off (ad5941.md sections 1 to 3, 7, 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulators.ad5941 import interrupts as irq
from simulators.ad5941.high_speed import TRAPEZOID
from simulators.ad5941.register_map import Register

if TYPE_CHECKING:
    from simulators.ad5941.device import Ad5941

RETAINED_AT_SOFTWARE_RESET = ("LPDACDAT0", "LPDACSW0", "LPDACCON0", "LPTIACON0", "LPTIASW0", "LPREFBUFCON")
LOOP = frozenset(
    """LPDACSW0 LPDACCON0 LPTIACON0 LPTIASW0 LPREFBUFCON SWCON DSWFULLCON PSWFULLCON NSWFULLCON TSWFULLCON HSTIACON
    AFECON""".split()
)
CALIBRATION = frozenset(
    """ADCOFFSETHSTIA ADCGAINTEMPSENS0 ADCOFFSETTEMPSENS0 ADCGAINGN1 ADCOFFSETGN1 2250 DACGAIN DACOFFSETATTEN DACOFFSET
    ADCGAINGN1P5 ADCGAINGN2 ADCGAINGN4 ADCPGAOFFSETCANCEL ADCGNHSTIA ADCOFFSETLPTIA0 ADCGNLPTIA0 ADCPGAGN4OFCAL
    ADCGAINGN9 ADCOFFSETEMPSENS1 ADCGAINDIOTEMPSENS 22B0 DACOFFSETATTENHP DACOFFSETHP ADCOFFSETGN2 ADCOFFSETGN1P5
    ADCOFFSETGN9 ADCOFFSETGN4""".split()
)
HIGH_POWER = (
    "HPREFDIS DACEN ADCEN ADCCONVEN EXBUFEN INAMPEN TIAEN TEMPSENSEN TEMPCONVEN WAVEGENEN DFTEN DACREFEN DACBUFEN"
).split()
# What is not simulated says so as soon as firmware switches it on: bits of a register, and a name.
UNMODELLED: dict[str, tuple[tuple[int, str], ...]] = {
    "AFECON": ((1 << 13, "the temperature sensor"),),
    "STATSCON": ((1, "the statistics block"),),
    "LPDACCON0": ((1 << 6, "the LPDAC driven by the waveform generator"),),
    "WDTCON": ((1 << 5, "the watchdog"),),
    "LPMODECLKSEL": ((1, "the low-power clock switch"),),
}
# What reading a register gives where that is not what was written to it.
LIVE: dict[str, Callable[[Any, int], int]] = {
    # Silicon swaps bits 8 and 9 on read-back.
    "CLKEN1": lambda chip, value: value & ~0x300 | (value & 0x100) << 1 | (value & 0x200) >> 1,
    "OSCCON": lambda chip, value: value & 0xFF | (value & 0x7) << 8,
    "INTCFLAG0": lambda chip, value: chip.interrupts.flags(0),
    "INTCFLAG1": lambda chip, value: chip.interrupts.flags(1),
    "ADCDAT": lambda chip, value: chip.converter.latest["ADCDAT"],
    "SINC2DAT": lambda chip, value: chip.converter.latest["SINC2DAT"],
    "DFTREAL": lambda chip, value: chip.converter.dft.read("DFTREAL"),
    "DFTIMAG": lambda chip, value: chip.converter.dft.read("DFTIMAG"),
    "DSWSTA": lambda chip, value: chip.analogue.high_speed.closed["D"],
    "PSWSTA": lambda chip, value: chip.analogue.high_speed.closed["P"],
    "NSWSTA": lambda chip, value: chip.analogue.high_speed.closed["N"],
    "TSWSTA": lambda chip, value: chip.analogue.high_speed.closed["T"],
    "DATAFIFORD": lambda chip, value: chip.pop_fifo(),
    "GP0IN": lambda chip, value: chip.gpio_levels(),
    "FIFOCNTSTA": lambda chip, value: chip.memory.count << 16,
    "SEQCRC": lambda chip, value: chip.sequencer.crc,
    "SEQCNT": lambda chip, value: chip.sequencer.count,
    "SEQTIMEOUT": lambda chip, value: chip.sequencer.timeout_left(chip.now_us, chip.clock_us),
}
# Registers that are written most, and whose writing changes nothing of when something falls due.
INERT = "CMDFIFOWADDR CMDFIFOWRITE SEQ0INFO SEQ1INFO SEQ2INFO SEQ3INFO SEQCNT INTCCLR DATAFIFOTHRES CALDATLOCK".split()
RESET_CAUSES = {"POR": 0x1, "EXTRST": 0x2, "MMRSWRST": 0x8}


class _Kind:
    """What an access to one register is: looked up once here, not at every access."""

    __slots__ = ("handler", "live", "locked", "mask", "name", "of_the_loop", "readable", "unmodelled", "writable")

    def __init__(self, register: Register, handler: Callable[[int], None] | None) -> None:
        self.name = name = register.name
        self.readable, self.writable = register.readable, register.writable
        self.mask = (1 << register.width) - 1
        self.live = LIVE.get(name)
        self.locked = name in CALIBRATION
        self.handler = handler
        self.unmodelled = UNMODELLED.get(name, ())
        self.of_the_loop = name in LOOP


class RegisterFile:
    """Values by address, with the rules of the notes. Writes with a wrong key are ignored (section 15)."""

    def __init__(self, chip: Ad5941) -> None:
        self._chip = chip
        self._map = chip.map
        self.inert = {self._map.address(name) for name in INERT}
        self._values: dict[str, int] = {name: row.reset for name, row in self._map.by_name.items()}
        self.by_name: Callable[[str], int] = self._values.__getitem__  # asked ten times for every access of the bus
        self._kinds = {
            row.address: _Kind(row, getattr(self, "_write_" + row.name.lower(), None))
            for row in self._map.by_name.values()
        }
        self._power_keys = 0
        self._oscillator_open = False
        self._reset_open = False

    def clear_bits(self, name: str, mask: int) -> None:
        self._values[name] &= ~mask

    def reset(self, cause: str) -> None:
        kept = {name: self._values[name] for name in RETAINED_AT_SOFTWARE_RESET} if cause == "MMRSWRST" else {}
        was = self._values["RSTSTA"] if cause != "POR" else 0
        self._values.update({name: row.reset for name, row in self._map.by_name.items()} | kept)
        self._values["CHIPID"] = self._chip.part.chip_id
        self._values["RSTSTA"] = was | RESET_CAUSES[cause]
        self._power_keys = 0
        self._oscillator_open = self._reset_open = False
        self._chip.analogue.high_speed.reset()

    def power_down(self) -> None:
        """Hibernate: the high-power blocks lose their enables."""
        for field in HIGH_POWER:
            if field != "HPREFDIS":
                self.clear_bits("AFECON", self._map.mask("AFECON", field))

    # -- reading -----------------------------------------------------------------------------------------------------
    def read(self, address: int) -> int:
        kind = self._kinds.get(address)
        if kind is None:
            self._chip.violation("read", address, "no such register")
            return 0
        if not kind.readable:
            self._chip.violation("read", address, f"{kind.name} is write-only")
            return 0
        value = self._values[kind.name]
        if kind.live is not None:
            value = kind.live(self._chip, value)
        return value & kind.mask

    # -- writing -----------------------------------------------------------------------------------------------------
    def write(self, address: int, value: int, by_sequence: bool) -> None:
        kind = self._kinds.get(address)
        if kind is None:
            self._chip.violation("sequence write" if by_sequence else "write", address, "no such register")
            return
        if not kind.writable:
            self._chip.violation("write", address, f"{kind.name} is read-only")
            return
        if by_sequence:  # only 24 data bits travel in a command
            value &= 0xFFFFFF
        name = kind.name
        oscillator_open, self._oscillator_open = self._oscillator_open, name == "OSCKEY" and value == 0xCB14
        if name == "OSCCON" and not oscillator_open:
            return
        if kind.locked and self._values["CALDATLOCK"] != 0xDE87A5AF:
            self._chip.hazard(f"write to {name} while calibration is locked")
            return
        if kind.handler is not None:
            kind.handler(value)
        else:
            self._values[name] = value
        for bit, what in kind.unmodelled:
            if value & bit:
                self._chip.violation("use", address, f"{what} is not simulated")
        if kind.of_the_loop:
            self._chip.loop_changed()

    def _write_rststa(self, value: int) -> None:
        self._values["RSTSTA"] &= ~value

    def _write_rstconkey(self, value: int) -> None:
        self._reset_open = value == 0x12EA

    def _write_swrstcon(self, value: int) -> None:
        direct = value == 0xA158 and self._chip.variants.software_reset == "both"
        if direct or (value == 0 and self._reset_open):
            self._chip.software_reset()

    def _write_pwrkey(self, value: int) -> None:
        self._power_keys = 1 if value == 0x4859 else 2 if value == 0xF27B and self._power_keys == 1 else 0

    def _write_pwrmod(self, value: int) -> None:
        if self._power_keys == 2:
            self._values["PWRMOD"] = value
            if value & 0x4:
                self._chip.hazard("PWRMOD.TMRSLPEN = 1: recommended 0")
        else:
            self._chip.hazard("PWRMOD written without its two keys")
        self._power_keys = 0

    def _write_gp0set(self, value: int) -> None:
        self._values["GP0OUT"] |= value

    def _write_gp0clr(self, value: int) -> None:
        self._values["GP0OUT"] &= ~value

    def _write_gp0tgl(self, value: int) -> None:
        self._values["GP0OUT"] ^= value

    def _write_trigseq(self, value: int) -> None:
        for sequence in range(4):
            if value >> sequence & 1:
                self._chip.sequencer.trigger(sequence, self._values[f"SEQ{sequence}INFO"], self._chip.now_us)

    def _write_con(self, value: int) -> None:
        self._values["CON"] = value
        self._chip.timer.control(value, self._chip.now_us)

    def _write_seqcon(self, value: int) -> None:
        self._values["SEQCON"] = value
        self._chip.sequencer.enable(bool(value & 1))

    def _write_seqcnt(self, value: int) -> None:
        if self._chip.sequencer.enabled:
            self._chip.hazard("SEQCNT written while the sequencer is enabled")
        self._chip.sequencer.clear_count()

    def _write_seqtrgslp(self, value: int) -> None:
        was = self._values["SEQTRGSLP"] & 1
        self._values["SEQTRGSLP"] = value
        locked = self._values["SEQSLPLOCK"] & 0xFFFFF != 0xA47E5
        if value & 1 and not was and not locked and self._values["PWRMOD"] & 0x8:
            self._values["SEQTRGSLP"] = 0
            self._chip.hibernate()

    def _write_afecon(self, value: int) -> None:
        self._values["AFECON"] = value
        self._chip.analogue.high_speed.control(value, self._chip.now_us)
        self._chip.converter.control(value, self._chip.now_us)

    def _write_swcon(self, value: int) -> None:
        self._values["SWCON"] = value
        self._chip.analogue.high_speed.switch(value)

    def _write_wgcon(self, value: int) -> None:
        self._values["WGCON"] = value
        if self._map.field("WGCON", "TYPESEL", value) == TRAPEZOID:
            self._chip.violation("use", self._map.address("WGCON"), "the trapezoid generator is not simulated")

    def _write_dftcon(self, value: int) -> None:
        self._values["DFTCON"] = value
        self._chip.converter.reconfigured(self._chip.now_us)

    def _write_adccon(self, value: int) -> None:
        changed = self._values["ADCCON"] != value
        self._values["ADCCON"] = value
        if changed:
            self._chip.converter.reconfigured(self._chip.now_us)

    def _write_adcfiltercon(self, value: int) -> None:
        if value & 0x70000:
            self._chip.hazard("ADCFILTERCON bits 18:16 must stay 0")
        self._values["ADCFILTERCON"] = value
        self._chip.converter.reconfigured(self._chip.now_us)

    def _write_lpdacdat0(self, value: int) -> None:
        if not self._values["LPDACCON0"] & 1:
            self._chip.hazard("LPDACDAT0 written with LPDACCON0.RSTEN = 0: ignored")
            return
        self._values["LPDACDAT0"] = value
        self._chip.dac_written()

    def _write_lpdaccon0(self, value: int) -> None:
        self._values["LPDACCON0"] = value
        if not value & 1:
            self._values["LPDACDAT0"] = 0
        self._chip.dac_written()

    def _write_fifocon(self, value: int) -> None:
        self._values["FIFOCON"] = value
        if not value & 0x800:
            self._chip.memory.clear()
        self._chip.converter.reconfigured(self._chip.now_us)

    def _write_cmddatacon(self, value: int) -> None:
        if self._values["FIFOCON"] & 0x800 or self._chip.sequencer.running is not None:
            self._chip.hazard("CMDDATACON changed with FIFO or sequencer on")
        self._values["CMDDATACON"] = value
        self._chip.memory.configure(value & 7, value >> 6 & 7, value >> 9 & 7)

    def _write_cmdfifowrite(self, value: int) -> None:
        if self._values["CMDDATACON"] >> 3 & 7 != 1:
            self._chip.hazard("command written while CMDMEMMDE is not memory mode: ignored")
            return
        address = self._values["CMDFIFOWADDR"] & 0x7FF
        if not self._chip.memory.write_command(address, value & 0xFFFFFFFF):
            self._chip.hazard("command written beyond the command memory: lost")

    def _write_afegenintsta(self, value: int) -> None:
        for bit in range(4):
            if value >> bit & 1:
                self._chip.fire(irq.CUSTOM0 + bit)

    def _write_intcclr(self, value: int) -> None:
        self._chip.interrupts.clear(value)

    def _write_intcsel0(self, value: int) -> None:
        self._values["INTCSEL0"] = value
        self._chip.interrupts.select[0] = value

    def _write_intcsel1(self, value: int) -> None:
        self._values["INTCSEL1"] = value
        self._chip.interrupts.select[1] = value
