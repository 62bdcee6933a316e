"""Colour tests without the bus: what the sensor would count on each pad at each minute, by the thousand."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulators.chips.light import WAVELENGTHS_NM, sensitivities
from simulators.strip.chemistry import concentration_mol_l, doses_mg, drinks
from simulators.strip.colour import CLEAN_OPTICS, ColourStrip, Optics, pads
from simulators.strip.electrode import rng_of
from simulators.strip.panel import TEMPERATURES_C

Array = NDArray[np.float64]

CHANNELS = ("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "CLEAR", "NIR")
LED_MA = 12.0
GAIN, INTEGRATION_MS, FULL_SCALE = 64.0, 50.04, 18_000
READING_S = (-5.0, 60.0, 180.0, 300.0, 600.0, 840.0)  # the dry strip first


@dataclass(frozen=True)
class PadReading:
    """Counts of CHANNELS on one pad at one time: lamp on, and lamp off just before."""

    pad: str
    time_s: float
    lit: tuple[int, ...]
    unlit: tuple[int, ...]
    saturated: bool


@dataclass(frozen=True)
class ColourTest:
    """One colour test; `spikes_mol_l` empty = clean. `paired` tests have a clean pour of the same drink beside them."""

    test_id: str
    lot: str
    matrix: str
    spikes_mol_l: dict[str, float]
    temperature_c: float
    readings: tuple[PadReading, ...]
    clean_pour: tuple[PadReading, ...] | None


@cache
def _channels(part: int) -> Array:
    """Counts at GAIN and INTEGRATION_MS from a spectrum, (channels, wavelengths)."""
    width_nm = float(WAVELENGTHS_NM[1] - WAVELENGTHS_NM[0])
    return np.array([sensitivities(part)[channel] for channel in CHANNELS]) * width_nm * GAIN * INTEGRATION_MS


def _counts(means: Array, rng: np.random.Generator) -> tuple[int, ...]:
    noisy = means + rng.normal(0.0, 1.0, means.size) * (1.0 + 0.015 * np.sqrt(np.maximum(means, 0.0)))
    return tuple(int(v) for v in np.clip(np.rint(noisy), 0, FULL_SCALE))


def _series(
    strip: ColourStrip, times_s: tuple[float, ...], part: int, rng: np.random.Generator
) -> tuple[PadReading, ...]:
    lamp = _channels(part) * strip.lamp(LED_MA)
    room = _channels(part) @ strip.room()
    readings = []
    for time_s in times_s:
        for pad in strip.pad_names:
            strip.select(pad)
            now_us = time_s * 1e6
            before, during = (strip.room_wave(at, INTEGRATION_MS * 1e3) for at in (now_us, now_us + 60_000.0))
            unlit = _counts(room * before, rng)
            lit = _counts(lamp @ strip.pad_reflectance(now_us + 60_000.0) + room * during, rng)
            readings.append(PadReading(pad, time_s, lit, unlit, max(lit) >= FULL_SCALE))
    return tuple(readings)


def simulate_colour_test(
    matrix: str,
    spikes_mol_l: dict[str, float],
    *,
    temperature_c: float = 22.0,
    lot: str = "C1",
    seed: int | str = 0,
    part: int = 1,
    paired: bool = False,
    times_s: tuple[float, ...] = READING_S,
    optics: Optics = CLEAN_OPTICS,
    base_mol_l: float = 0.0,
    used_before: bool = False,
    wetted: bool = True,
) -> ColourTest:
    """Readings of all pads at `times_s` after wetting; `part` is the sensor. Same arguments, same test."""
    rng = rng_of("colour test", matrix, sorted(spikes_mol_l.items()), temperature_c, lot, seed, part)
    strip = ColourStrip(
        matrix,
        spikes_mol_l,
        temperature_c=temperature_c,
        lot=lot,
        seed=seed,
        optics=optics,
        base_mol_l=base_mol_l,
        used_before=used_before,
    )
    strip.wet_at_us = 0.0 if wetted else float("inf")
    clean = None
    if paired:  # the same bottle on another strip of the lot
        beside = ColourStrip(
            matrix, {}, temperature_c=temperature_c, lot=lot, seed=f"{seed} clean", optics=optics, bottle=seed
        )
        clean = _series(beside, times_s, part, rng)
    return ColourTest(
        test_id=f"colour/{matrix}/{lot}/{seed}",
        lot=lot,
        matrix=matrix,
        spikes_mol_l=dict(spikes_mol_l),
        temperature_c=temperature_c,
        readings=_series(strip, times_s, part, rng),
        clean_pour=clean,
    )


@dataclass(frozen=True)
class ColourCase:
    """One test of the colour panel. `amount_mol_l` 0 = a clean drink, tested for `drug` all the same."""

    case_id: str
    matrix: str
    drug: str
    amount_mol_l: float
    temperature_c: float
    lot: str
    part: int

    def test(self, paired: bool = True, optics: Optics = CLEAN_OPTICS) -> ColourTest:
        """Readings of this case: the same case gives the same readings."""
        spikes = {self.drug: self.amount_mol_l} if self.amount_mol_l else {}
        return simulate_colour_test(
            self.matrix,
            spikes,
            temperature_c=self.temperature_c,
            lot=self.lot,
            seed=self.case_id,
            part=self.part,
            paired=paired,
            optics=optics,
        )


def colour_cases(*, seed: int = 1, repeats: int = 4, volume_ml: float = 330.0) -> Iterator[ColourCase]:
    """Every drink, colour drug, temperature and lot, clean and with the low dose, shuffled within each repeat."""
    for repeat in range(repeats):
        grid = list(itertools.product(drinks(), pads(), TEMPERATURES_C, ("C1", "C2", "C3"), (False, True)))
        for index in rng_of("colour panel", seed, repeat).permutation(len(grid)):
            matrix, drug, temperature_c, lot, spiked = grid[int(index)]
            amount = concentration_mol_l(drug, doses_mg()[drug][0], volume_ml) if spiked else 0.0
            state = "spiked" if spiked else "clean"
            yield ColourCase(
                case_id=f"colour/{drug}/{matrix}/{state}/{temperature_c:g}C/{lot}/{seed}.{repeat}",
                matrix=matrix,
                drug=drug,
                amount_mol_l=amount,
                temperature_c=temperature_c,
                lot=lot,
                part=1 + repeat % 5,
            )


COLUMNS = (
    "scan_id", "pour", "lot", "matrix", "analyte", "concentration_mol_l", "temperature_c", "time_s", "pad", "channel",
    "lit", "unlit", "saturated",
)  # fmt: skip


def write_colour_csv(path: Path, tests: Iterable[ColourTest], *, known: bool = True) -> int:
    """Write tests as the colour CSV of docs/commands.md; returns the number of rows. `known`: with the truth."""
    rows = 0
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(COLUMNS)
        for test in tests:
            analyte, amount = next(iter(test.spikes_mol_l.items()), ("", 0.0))
            labels = [test.lot, test.matrix, analyte if known else "", f"{amount:.6g}" if known else ""]
            for pour, readings in (("test", test.readings), ("clean", test.clean_pour or ())):
                for one in readings:
                    for channel, lit, unlit in zip(CHANNELS, one.lit, one.unlit, strict=True):
                        head = [test.test_id, pour, *labels, f"{test.temperature_c:g}", f"{one.time_s:g}"]
                        out.writerow([*head, one.pad, channel, lit, unlit, int(one.saturated)])
                        rows += 1
    return rows


# Levels of a calibration, as fractions of the low incapacitating dose in the stated volume; half the tests are clean.
LEVELS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)


def calibration_tests(
    *, seed: int = 1, tests: int = 384, lots: tuple[str, ...] = ("C1", "C2", "C3"), volume_ml: float = 330.0
) -> Iterator[ColourTest]:
    """Paired tests of known content over all drinks, both drugs, 4 to 30 degC and the lots; half of them clean."""
    rng = rng_of("colour calibration", seed)
    names, drugs = tuple(drinks()), tuple(pads())
    for n in range(tests):
        drug = drugs[(n // 2) % len(drugs)]
        dose = concentration_mol_l(drug, doses_mg()[drug][0], volume_ml)
        amount = LEVELS[(n // 4) % len(LEVELS)] * dose if n % 2 else 0.0
        yield simulate_colour_test(
            names[(7 * n + n // len(names)) % len(names)],
            {drug: amount} if amount else {},
            temperature_c=float(np.round(rng.uniform(4.0, 30.0), 1)),
            lot=lots[n % len(lots)],
            seed=f"calibration {seed} {n}",
            part=1 + n % 5,
            paired=True,
        )
