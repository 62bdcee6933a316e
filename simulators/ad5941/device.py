"""The AD5941 as the bus sees it: one clock for SPI, sequencer, timer, converter and loop. Time is an argument."""

from __future__ import annotations

from simulators.ad5941 import interrupts as irq
from simulators.ad5941.analogue import Analogue
from simulators.ad5941.cells import Cell, OpenCell
from simulators.ad5941.conversion import Converter
from simulators.ad5941.high_speed import supply_state
from simulators.ad5941.interrupts import Interrupts
from simulators.ad5941.memory import MODE_STREAM, SharedMemory
from simulators.ad5941.register_file import RegisterFile
from simulators.ad5941.register_map import RegisterMapViolation, load
from simulators.ad5941.sequencer import NEVER_US, Sequencer
from simulators.ad5941.spi import SpiFrontEnd
from simulators.ad5941.state_clock import StateClock
from simulators.ad5941.variation import Board, Faults, Hazard, Part, Variants
from simulators.ad5941.wakeup_timer import WakeupTimer

RUBBISH = 0xBAD0BAD0


class Ad5941:
    """SPI peripheral of ARCHITECTURE.md seam 6: `chip_select`, `transfer`; `reset_pin` and `int0_level` are its pins.

    `strict` raises RegisterMapViolation at once; otherwise it is kept in `violations`, which a test must find empty.
    `hazards` lists what the chip allows and the notes warn of.
    """

    def __init__(
        self,
        cell: Cell | None = None,
        *,
        board: Board | None = None,
        part: Part | None = None,
        variants: Variants | None = None,
        faults: Faults | None = None,
        seed: int = 0,
        strict: bool = True,
    ) -> None:
        self.map = load()
        self.board = board or Board()
        self.part = part or Part.drawn(seed)
        self.variants = variants or Variants()
        self.faults = faults or Faults()
        self.strict = strict
        self.violations: list[RegisterMapViolation] = []
        self.hazards: list[Hazard] = []
        self.now_us = 0.0
        self.asleep = False
        self.selected = False
        self._held_in_reset = False
        self._boot_us = NEVER_US
        self._booted = False
        self._dac_due_us = NEVER_US
        self._quiet_us = 0.0  # nothing falls due before; 0 where a register or a pin may have changed that
        self._miso_bytes = 0
        self._mosi_bytes = 0
        self._frame_lost = False
        self._rubbish_reads = 0
        self._last_popped = 0
        self._gpio = [0, 0, 0]
        # Where the supply current goes: hibernate, idle, adc, excitation; and the low-power loop beside it, on or off.
        self.power = StateClock("idle")
        self.loop_power = StateClock("off")
        self.memory = SharedMemory()
        self.interrupts = Interrupts(self.variants.flag_gating == "at_event")
        self.registers = RegisterFile(self)
        self.sequencer = Sequencer(self, self.memory)
        self.timer = WakeupTimer(self.registers.by_name, 1e6 / self.part.lfosc_hz)
        self.analogue = Analogue(
            self.map, self.registers.by_name, cell or OpenCell(), part=self.part, board=self.board, seed=seed
        )
        self.analogue.on_hazard = self.hazard
        self.analogue.absolute_input = self.variants.adc_input == "absolute"
        self.converter = Converter(self, seed)
        self.spi = SpiFrontEnd(self)
        self._reset("POR", 0.0)

    # -- pins and bus ----------------------------------------------------------------------------------------------
    def chip_select(self, active: bool, now_us: float) -> None:
        """CS edge. A falling edge wakes the die when EI2CON allows; that frame itself is lost."""
        if self.now_us <= now_us < self._quiet_us:  # nearly every edge: the shortest way
            self.now_us = now_us
        else:
            self._advance(now_us)
        if active and not self.selected:
            self._frame_lost = not self._booted or self._held_in_reset
            if self.asleep:
                self._frame_lost = True
                enabled = self.registers.by_name("EI2CON")
                if enabled & 0x8 and enabled & 0x7 in (1, 2, 4):
                    self.wake()
                    self._rubbish_reads = self.variants.rubbish_reads_after_wake
            self.spi.select()
        elif not active and self.selected:
            self.selected = False
            if self._frame_lost:
                self.spi.address_lost = True
            elif not self.spi.whole:
                self.spi.deselect()
        self.selected = active

    def transfer(self, mosi: bytes, now_us: float) -> bytes:
        """Bytes exchanged while CS is active."""
        if self.now_us <= now_us < self._quiet_us:
            self.now_us = now_us
        else:
            self._advance(now_us)
        if self.selected and not self._frame_lost and self.faults.bus_sound:
            self._mosi_bytes += len(mosi)
            self._miso_bytes += len(mosi)
            return self.spi.frame(mosi)
        return bytes([self._exchange(byte) for byte in mosi])

    def _exchange(self, byte: int) -> int:
        self._mosi_bytes += 1
        every = self.faults.flip_mosi_bit_every
        if every and self._mosi_bytes % every == 0:
            byte ^= 1 << (self._mosi_bytes // every) % 8
        if not self.selected:
            reply = 0xFF
        elif self._frame_lost:
            reply = RUBBISH >> 8 * (self._mosi_bytes % 4) & 0xFF
        else:
            reply = self.spi.exchange(byte)
        self._miso_bytes += 1
        every = self.faults.flip_miso_bit_every
        if (every and self._miso_bytes % every == 0) or self._miso_bytes in self.faults.flip_miso_at_byte:
            reply ^= 1 << (self._miso_bytes // (every or 1)) % 8
        if self.faults.miso_stuck_at is not None:
            return self.faults.miso_stuck_at
        return reply

    def reset_pin(self, level: int, now_us: float) -> None:
        """RESET pin, active low."""
        self._advance(now_us)
        self._quiet_us = 0.0
        if not level and not self._held_in_reset:
            self._reset("EXTRST", self.now_us)
            self._boot_us = NEVER_US
        elif level and self._held_in_reset:
            self._boot_us = self.now_us + self.part.boot_us
        self._held_in_reset = not level

    def int0_level(self, now_us: float) -> int:
        """GPIO0. Floats high (pull-up on the board) while the pin is not an enabled interrupt output."""
        self._advance(now_us)
        name = self.registers.by_name
        if name("GP0CON") & 3 or not name("GP0OEN") & 1:
            return 1
        active = bool(self.interrupts.flags(0))
        return int(active == bool(name("INTCPOL") & 1))

    def gpio_input(self, pin: int, level: int, now_us: float) -> None:
        """GPIO0..2 driven from outside: a pin in the trigger role starts the sequence of its number on its edge."""
        self._advance(now_us)
        self._quiet_us = 0.0
        name = self.registers.by_name
        before, self._gpio[pin] = self._gpio[pin], level
        mode, enabled = name("EI0CON") >> 4 * pin & 7, name("EI0CON") >> 4 * pin & 8
        if name("GP0CON") >> 2 * pin & 3 != 1 or not name("GP0IEN") >> pin & 1 or not enabled:
            return
        rising, falling = level > before, level < before
        if (mode in (0, 2) and rising) or (mode in (1, 2) and falling):
            self.sequencer.trigger(pin, name(f"SEQ{pin}INFO"), self.now_us)
        elif mode in (3, 4):
            self.hazard("level trigger on a pin: retriggers as long as the level holds; simulated once")
            if level == (mode == 3):
                self.sequencer.trigger(pin, name(f"SEQ{pin}INFO"), self.now_us)

    def gpio_output(self, pin: int, now_us: int) -> int | None:
        """Level that the chip drives on GPIO0..2: output latch or SYNCEXTDEVICE by role; None = not driven."""
        self._advance(now_us)
        name = self.registers.by_name
        role = name("GP0CON") >> 2 * pin & 3
        if not name("GP0OEN") >> pin & 1:
            return None
        if role == 2:
            return name("SYNCEXTDEVICE") >> pin & 1
        if role == (3 if pin == 0 else 0):
            return name("GP0OUT") >> pin & 1
        return self.int0_level(now_us) if pin == 0 and role == 0 else None

    def gpio_levels(self) -> int:
        """Pin levels as GP0IN shows them: only where the input buffer is on."""
        return sum(level << pin for pin, level in enumerate(self._gpio)) & self.registers.by_name("GP0IEN")

    def brown_out(self, now_us: float) -> None:
        """The supply dipped: everything is as after power-on, low-power loop included."""
        self._advance(now_us)
        self._reset("POR", self.now_us)

    def set_temperature(self, temperature_c: float, now_us: float) -> None:
        self._advance(now_us)
        self.analogue.temperature_c = temperature_c
        self.analogue.refresh(self.now_us)

    def attach(self, cell: Cell, now_us: float) -> None:
        """Put another cell on the connector."""
        self._advance(now_us)
        self.analogue.attach(cell, self.now_us)

    # -- time ------------------------------------------------------------------------------------------------------
    def clocks_us(self, clocks: int) -> float:
        return clocks * self.clock_us

    @property
    def clock_us(self) -> float:
        slow = self.registers.by_name("CLKSEL") & 3 == 2
        return 1e6 / self.part.lfosc_hz if slow else 0.0625 / (1.0 + self.part.hfosc_error)

    def _advance(self, to_us: float) -> None:
        """Everything that falls due up to `to_us`, in order. Time never runs back."""
        while True:
            when = min(
                self._boot_us,
                self._dac_due_us,
                self.analogue.next_us,
                self.sequencer.next_us,
                self.sequencer.timeout_us,
                self.timer.next_us,
            )
            converter_us = self.converter.next_us
            if converter_us <= when and converter_us <= to_us:
                self.now_us = max(self.now_us, converter_us)
                self.converter.step(min(when, to_us))
            elif when <= to_us:
                self.now_us = max(self.now_us, when)
                self._happen(when)
            else:
                break
        self.now_us = max(self.now_us, to_us)
        self._quiet_us = min(when, converter_us)

    def _happen(self, when_us: float) -> None:
        """The first of the things that are due at this time."""
        if self._boot_us == when_us:
            self._boot()
        elif self._dac_due_us == when_us:
            self._dac_reaches()
        elif self.analogue.next_us == when_us:
            self.analogue.settle()
        elif self.sequencer.next_us == when_us:
            self.sequencer.step()
        elif self.sequencer.timeout_us == when_us:
            self.sequencer.expire_timeout()
        else:
            self._timer()

    def _boot(self) -> None:
        self._boot_us = NEVER_US
        self._booted = True
        self.fire(irq.BOOT_DONE)

    def _dac_reaches(self) -> None:
        self._dac_due_us = NEVER_US
        if not self.faults.lpdac_frozen:
            self.analogue.update_dac(self.now_us)

    def _timer(self) -> None:
        sequence = self.timer.expire()
        if self.timer.zero_sleep_seen:
            self.hazard("wake-up timer with SLEEP = 0")
            self.timer.zero_sleep_seen = False
        name = self.registers.by_name
        self.fire(irq.SLP_WUPT)
        if name("CLKEN0") & 0x2:
            return
        if self.asleep:
            if not name("TMRCON") & 1:
                return
            self.wake()
        if not name("CON") & 0x40:
            self.sequencer.trigger(sequence, name(f"SEQ{sequence}INFO"), self.now_us)

    # -- chip-wide actions -----------------------------------------------------------------------------------------
    def _reset(self, cause: str, now_us: float) -> None:
        self._quiet_us = 0.0
        self._booted = False
        self._boot_us = now_us + self.part.boot_us
        self._dac_due_us = NEVER_US
        self.asleep = False
        self.power.enter("idle", now_us)
        if cause != "MMRSWRST":
            self.loop_power.enter("off", now_us)
        self.sequencer.reset()
        self.timer.reset()
        self.memory.configure(0, 0, 2)
        self.interrupts.reset()
        self.registers.reset(cause)
        self.converter.stop()
        if cause == "MMRSWRST":
            self.analogue.refresh(now_us)
        else:
            self.analogue.power_cycle(now_us)

    def software_reset(self) -> None:
        """The low-power DAC and amplifiers stay as they were (section 2)."""
        self._reset("MMRSWRST", self.now_us)
        self._frame_lost = True

    def dac_written(self) -> None:
        self._dac_due_us = self.now_us + self.clocks_us(1 if self.registers.by_name("CLKSEL") & 3 == 2 else 10)

    def loop_changed(self) -> None:
        """A register of the low-power loop was written; DAC routing takes effect with the data already there."""
        self.analogue.refresh(self.now_us)
        name = self.registers.by_name
        off = name("LPTIACON0") & 3 == 3 and name("LPDACCON0") & 2
        self.loop_power.enter("off" if off else "on", self.now_us)
        self.power.enter(supply_state(self.map, name("AFECON")), self.now_us)

    def hibernate(self) -> None:
        """High-power blocks and the oscillator stop; a DAC update still under way is lost (section 4)."""
        if self._dac_due_us < NEVER_US:
            self.hazard("hibernate before the LPDAC update reached the output: the step is lost")
            self._dac_due_us = NEVER_US
        if not self.registers.by_name("PWRMOD") & 0x8000:
            self.hazard("hibernate with PWRMOD.RAMRETEN = 0: the SRAM is lost")
            self.memory.forget()
        self.asleep = True
        self.power.enter("hibernate", self.now_us)
        self.sequencer.halt()
        self.converter.stop()
        self.registers.power_down()

    def wake(self) -> None:
        self._quiet_us = 0.0
        self.asleep = False
        self.power.enter("idle", self.now_us)
        self.fire(irq.WAKEUP)

    # -- what the parts ask of the chip ------------------------------------------------------------------------------
    def fire(self, source: int) -> None:
        custom = irq.CUSTOM0 <= source < irq.CUSTOM0 + 4
        if not (custom and self.faults.custom_interrupts_stuck):
            self.interrupts.fire(source)

    def hazard(self, what: str) -> None:
        self.hazards.append(Hazard(self.now_us, what))

    def violation(self, action: str, address: int | None, reason: str) -> None:
        found = RegisterMapViolation(action, address, reason, self.now_us)
        self.spi.abandon()
        self.violations.append(found)
        if self.strict:
            raise found

    def bus_read(self, address: int) -> int:
        if self._rubbish_reads:
            self._rubbish_reads -= 1
            return RUBBISH
        return self.registers.read(address)

    def bus_write(self, address: int, value: int) -> None:
        if address not in self.registers.inert:
            self._quiet_us = 0.0
        if self.spi.address_lost:
            self.hazard(f"write after a lost address frame: goes to 0x{address:04X}")
        self.registers.write(address, value, by_sequence=False)

    def sequence_write(self, address: int, value: int, now_us: float) -> None:
        self.registers.write(address, value, by_sequence=True)

    def write_clocks(self) -> int:
        return 1 + (self.registers.by_name("SEQCON") >> 8 & 0xFF)

    def fifo_command_enabled(self) -> bool:
        return self.registers.by_name("0C08") == 0x206C

    def pop_fifo(self) -> int:
        """Oldest data word; empty raises FIFO_UNDERFLOW and gives 0."""
        if self.faults.stale_fifo and self.memory.count:
            self.memory.pop()
            return self._last_popped
        word = self.memory.pop()
        if word is None:
            self.fire(irq.FIFO_UNDERFLOW)
            return 0
        if not self.memory.count:
            self.fire(irq.FIFO_EMPTY)
        self._last_popped = word
        return word

    def push_fifo(self, channel: int, data: int) -> None:
        """A result enters the FIFO with its tag."""
        sequence = self.sequencer.running or 0
        word = (sequence & 3) << 23 | (channel & 0x7F) << 16 | data & 0xFFFF
        if self.variants.ecc == "parity":
            word |= (word * 0x9E3779B1 >> 11 & 0x7F) << 25
        if self.memory.overlaps:
            self.hazard("command memory and data FIFO together exceed 6 kB")
        if not self.memory.push(word) and self.memory.data_mode != MODE_STREAM:
            self.fire(irq.FIFO_OVERFLOW)
        if self.memory.full:
            self.fire(irq.FIFO_FULL)
        threshold = self.registers.by_name("DATAFIFOTHRES") >> 16 & 0x7FF
        if threshold and self.memory.count >= threshold:
            self.fire(irq.FIFO_THRESH)
