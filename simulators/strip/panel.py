"""The panel: every drink, drug and temperature, clean and spiked with the incapacitating dose, over several lots.

`python -m simulators.strip.panel --strips DIR --out panel.csv --tests 500` writes a part of it; benchmarks iterate in
memory. Cases come in an order that is balanced from the start, so any leading part is a fair sample.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.strip.chemistry import Strip, UnknownSubstance, concentration_mol_l, doses_mg, drinks, load_strip
from simulators.strip.electrode import FRESH, Condition, rng_of
from simulators.strip.scans import Scan, simulate_scan, write_scans_csv

TEMPERATURES_C = (4.0, 10.0, 17.0, 23.0, 30.0)
LOTS = ("P1", "P2", "P3")


@dataclass(frozen=True)
class Case:
    """One test of the panel. `amount_mol_l` 0 = a clean drink, tested for `drug` all the same."""

    case_id: str
    strip: Strip
    drink: str
    group: str
    drug: str
    dose_mg: float
    amount_mol_l: float
    temperature_c: float
    lot: str
    repeat: int

    @property
    def spiked(self) -> bool:
        return self.amount_mol_l > 0.0

    def scan(self, condition: Condition = FRESH) -> Scan:
        """The scan of this test: the same case gives the same scan."""
        return simulate_scan(
            self.strip,
            self.drink,
            {self.drug: self.amount_mol_l},
            temperature_c=self.temperature_c,
            lot=self.lot,
            seed=self.case_id,
            condition=condition,
            scan_id=self.case_id,
        )


def cases(
    strips: Sequence[Strip],
    *,
    seed: int = 1,
    repeats: int = 4,
    lots: Sequence[str] = LOTS,
    temperatures_c: Sequence[float] = TEMPERATURES_C,
    matrices: Sequence[str] | None = None,
    dose: str = "low",
) -> Iterator[Case]:
    """Every combination `repeats` times, shuffled within each repeat. `dose`: low or high end of the range."""
    pairs = [
        (strip, drug)
        for strip in strips
        for drug in (*strip.analytes, *(name for name, _ in strip.also))
        if drug in doses_mg()
    ]
    names = tuple(matrices) if matrices is not None else tuple(drinks())
    for repeat in range(repeats):
        grid = list(itertools.product(pairs, names, temperatures_c, lots, (False, True)))
        order = rng_of("panel", seed, repeat).permutation(len(grid))
        for index in order:
            (strip, drug), name, temperature_c, lot, spiked = grid[int(index)]
            amount_mg = doses_mg()[drug][0 if dose == "low" else 1]
            amount = concentration_mol_l(drug, amount_mg, strip.volume_ml) if spiked else 0.0
            state = "spiked" if spiked else "clean"
            yield Case(
                case_id=f"{strip.name}/{drug}/{name}/{state}/{temperature_c:g}C/{lot}/{seed}.{repeat}",
                strip=strip,
                drink=name,
                group=drinks()[name].group,
                drug=drug,
                dose_mg=amount_mg if spiked else 0.0,
                amount_mol_l=amount,
                temperature_c=temperature_c,
                lot=lot,
                repeat=repeat,
            )


def swv_strips(folder: Path) -> list[Strip]:
    """Every square-wave strip defined in a folder, by file name."""
    found = []
    for path in sorted(folder.glob("*.toml")):
        with path.open("rb") as file:
            if tomllib.load(file).get("technique") == "swv":
                found.append(load_strip(path))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0, or 2 with one line when the input is wrong."""
    parser = argparse.ArgumentParser(prog="python -m simulators.strip.panel", description=__doc__)
    parser.add_argument("--strips", type=Path, required=True, help="folder of strip.toml files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tests", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    try:
        strips = swv_strips(given.strips)
        if not strips:
            raise FileNotFoundError("no strip definitions there")
        chosen = itertools.islice(cases(strips, seed=given.seed), given.tests)
        rows = write_scans_csv(given.out, (case.scan() for case in chosen))
    except (UnknownSubstance, OSError, KeyError, ValueError) as error:
        print(f"{given.strips}: {error}", file=sys.stderr)
        return 2
    print(f"{given.out}: {rows} rows", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
