"""What differs between one part and the next, one board and the next, one reading of the notes and the other."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Board:
    """Parts around the chip. Resistances in ohm, capacitances in farad, voltages in volt."""

    rcal_ohm: float = 10_000.0
    avdd_v: float = 3.3
    # Capacitors that only matter when firmware closes the switches that lead to them.
    pin_settling_tau_us: float = 300.0  # ASSUMED: 1.5 ms to settle with pin capacitors (ad5941.md section 4, memory)
    tia_capacitor_f: float = 100e-9  # RC0_0/RC0_1, ASSUMED
    filter_capacitor_f: float = 0.0  # AIN4/LPF0; not fitted unless said
    external_rtia_ohm: float = float("inf")


@dataclass(frozen=True)
class Part:
    """Spread of the silicon. Tolerances are fractions, drifts fractions per kelvin.

    Size of the spreads: ASSUMED ("many percent", ad5941.md section 5, memory); a driver that needs them small is wrong.
    """

    rtia_tolerance: float = 0.06
    rtia_spread: float = 0.01
    rtia_drift_per_k: float = 300e-6
    lfosc_hz: float = 32_700.0
    hfosc_error: float = 0.0
    adc_offset_v: float = 0.4e-3
    adc_gain_error: float = 0.001
    lpdac_inl_v: float = 0.3e-3
    noise_900sps_v: float = 5e-6
    chip_id: int = 0x5502
    boot_us: float = 180.0
    # The high-speed path; its feedback resistors have the tolerance and spread of the others.
    hsdac_gain_error: float = 0.012
    hsdac_offset_v: float = 0.8e-3  # across the cell, behind the excitation amplifier
    matrix_switch_ohm: float = 50.0  # of one D or T switch, ASSUMED

    @staticmethod
    def drawn(seed: int) -> Part:
        """A part of a batch: same seed, same part."""
        rng = random.Random(f"ad5941 part {seed}")
        return Part(
            rtia_tolerance=max(-0.2, min(0.2, rng.gauss(0.0, 0.07))),
            rtia_drift_per_k=rng.uniform(-400e-6, 400e-6),
            lfosc_hz=32_000.0 * (1.0 + rng.gauss(0.0, 0.015)),
            hfosc_error=rng.gauss(0.0, 0.003),
            adc_offset_v=rng.gauss(0.0, 0.5e-3),
            adc_gain_error=rng.gauss(0.0, 0.002),
            lpdac_inl_v=rng.gauss(0.0, 0.3e-3),
            chip_id=rng.choice((0x5502, 0x5501, 0x5500)),
            # Drawn last: what earlier seeds drew stays theirs.
            hsdac_gain_error=rng.gauss(0.0, 0.02),
            hsdac_offset_v=rng.gauss(0.0, 1e-3),
            matrix_switch_ohm=rng.uniform(30.0, 80.0),
        )


@dataclass(frozen=True)
class Variants:
    """Where the notes contradict themselves or are silent: each reading can be simulated."""

    # Section 6: factor 1.835/1.82 at every gain (library) or at gain 1.5 only (UG-1262 p59).
    adc_reference: Literal["library", "gain_1p5_only"] = "library"
    # Section 11: a flag is masked when read, or never latched while its source is not selected.
    flag_gating: Literal["at_read", "at_event"] = "at_read"
    # Section 2: SWRSTCON = 0xA158 alone resets (library), or only 0 after RSTCONKEY does (OpenAFE).
    software_reset: Literal["both", "key_only"] = "both"
    # Section 15: ECC bits are unknown; drivers must mask them.
    ecc: Literal["zero", "parity"] = "parity"
    # Section 6: +-0.9 V between the inputs, or 0.2..2.02 V at each of them (how UG-1262 p59 words it): with VZERO far
    # above 1.11 V the second leaves little room for anodic currents.
    adc_input: Literal["differential", "absolute"] = "differential"
    # Section 3: reads that come back as rubbish after a wake, besides the frame that woke the die.
    rubbish_reads_after_wake: int = 1
    # Not in the notes: what a DFT result counts its phase from, and how many units a code of amplitude is worth.
    dft_phase: Literal["generator", "own_start"] = "generator"
    dft_scale: int = 4


@dataclass
class Faults:
    """Faults to inject while running; change them at any time."""

    miso_stuck_at: int | None = None
    flip_miso_bit_every: int = 0  # bytes between two flipped bits; 0 = never
    flip_mosi_bit_every: int = 0
    flip_miso_at_byte: set[int] = field(default_factory=set)  # counted from power-up
    stale_fifo: bool = False
    custom_interrupts_stuck: bool = False
    lpdac_frozen: bool = False
    dft_never_ready: bool = False
    adc_offset_jump_v: float = 0.0

    @property
    def bus_sound(self) -> bool:
        """Whether every byte arrives as it was sent."""
        return not (
            self.flip_miso_bit_every
            or self.flip_mosi_bit_every
            or self.flip_miso_at_byte
            or self.miso_stuck_at is not None
        )


@dataclass(frozen=True)
class Hazard:
    """The firmware did something the chip allows and the notes warn of."""

    now_us: float
    what: str
