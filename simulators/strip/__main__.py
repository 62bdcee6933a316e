"""`python -m simulators.strip --strip strip.toml --out scans.csv`: a seeded calibration set of a strip."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

from simulators.strip.chemistry import Strip, UnknownSubstance, concentration_mol_l, doses_mg, drink, drinks, load_strip
from simulators.strip.electrode import rng_of
from simulators.strip.scans import Scan, simulate_scan, write_scans_csv

# Levels of a calibration, as fractions of the low incapacitating dose in the stated volume.
LEVELS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)


def by_group(matrices: tuple[str, ...]) -> list[str]:
    """An order in which every drink group comes equally often, and within it every drink."""
    groups: dict[str, list[str]] = {}
    for name in matrices:
        groups.setdefault(drinks()[name].group, []).append(name)
    rounds = math.lcm(*(len(members) for members in groups.values()))
    return [members[n % len(members)] for n in range(rounds) for members in groups.values()]


def calibration_set(
    strip: Strip, *, lots: tuple[str, ...], matrices: tuple[str, ...], blanks: int, repeats: int, seed: int
) -> Iterator[Scan]:
    """Blanks and every level of every drug that the strip answers for, over lots, drinks and room temperatures."""
    rng = rng_of("calibration set", strip.name, seed)
    order = by_group(matrices)
    turn = dict.fromkeys((0.0, *LEVELS), 0)  # each level goes through the drinks by itself
    drugs = [(name, blanks) for name in strip.analytes] + [(name, 0) for name, _ in strip.also]
    for lot in lots:
        for analyte, clean in drugs:
            full = concentration_mol_l(analyte, doses_mg()[analyte][0], strip.volume_ml)
            levels = [0.0] * clean + [level for level in LEVELS for _ in range(repeats)]
            for index, level in enumerate(levels):
                amount = level * full
                matrix = order[turn[level] % len(order)]
                turn[level] += 1
                scan = simulate_scan(
                    strip,
                    matrix,
                    {analyte: amount},
                    temperature_c=float(rng.uniform(18.0, 26.0)),
                    lot=lot,
                    seed=f"{seed}-{index}",
                    scan_id=f"{lot}-{analyte}-{index:04d}",
                )
                yield scan


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0, or 2 with one line when the input is wrong."""
    parser = argparse.ArgumentParser(prog="python -m simulators.strip", description=__doc__)
    parser.add_argument("--strip", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lots", default="L1,L2,L3")
    parser.add_argument("--matrices", default="", help="comma separated drinks; empty = all")
    parser.add_argument("--blanks", type=int, default=40, help="per lot and analyte")
    parser.add_argument("--repeats", type=int, default=4, help="per level, lot and analyte")
    given = parser.parse_args(arguments)
    try:
        strip = load_strip(given.strip)
        matrices = tuple(filter(None, given.matrices.split(","))) or tuple(drinks())
        for name in matrices:
            drink(name)
        scans = calibration_set(
            strip,
            lots=tuple(given.lots.split(",")),
            matrices=matrices,
            blanks=given.blanks,
            repeats=given.repeats,
            seed=given.seed,
        )
        rows = write_scans_csv(given.out, scans)
    except (UnknownSubstance, OSError, KeyError, ValueError) as error:
        print(f"{given.strip}: {error}", file=sys.stderr)
        return 2
    print(f"{given.out}: {rows} rows", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
