"""Whole lives of bracelets: 200 drink tests each while contacts, film and lamp age, and when each says "replace me".

Every test is played twice, on the ageing bracelet and with the same drink, strip and chip on a new one: what differs is
wear alone. Some lives are gentle (cleaned as the guide says), some hard (never cleaned, worn out many times faster).
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.ad5941 import Ad5941, Part, ResistorCell
from simulators.strip import StripCell
from simulators.strip.ageing import Wear
from simulators.strip.chemistry import concentration_mol_l, doses_mg
from simulators.strip.colour import CLEAN_OPTICS, ColourStrip
from waakzaam.benches._bracelet_campaign import VOLUME_ML, WAVEFORM
from waakzaam.rigs.bracelet import colour_calibration, ketamine_calibration
from waakzaam.rigs.bracelet_parts import WholeBracelet

CYCLES = 200
KINDS = ("voltammetric", "colour")
GENTLE, HARD = "gentle", "hard"
CLEANED_EVERY = 10
HARD_USES = {"voltammetric": 25, "colour": 14}  # uses' worth of wear a test
LIMIT_S = 1_500.0


@dataclass(frozen=True)
class Life:
    """One bracelet and how it is treated. Same fields, same life."""

    kind: str
    care: str
    number: int
    seed: int
    cycles: int = CYCLES

    @property
    def key(self) -> str:
        return f"bracelet life {self.seed} {self.kind} {self.care} {self.number}"


@dataclass(frozen=True)
class Cycle:
    """One test of a life: whether it and the same on a new bracelet answered rightly, and what the wearer was asked."""

    life: Life
    number: int
    right: bool
    right_when_new: bool
    missed: bool  # "negative" on a spiked drink
    asked: str  # "", clean, replace, worn


class Bracelet:
    """One bracelet in its life: wear outside, memory and records inside."""

    def __init__(self, life: Life, folder: Path, wear: Wear | None) -> None:
        rng = random.Random(life.key)
        self._life = life
        self._wear = wear
        document = ketamine_calibration() if life.kind == "voltammetric" else colour_calibration()
        self.matrices = sorted(document["matrices"])
        folder.mkdir()
        self._bench = WholeBracelet(
            folder,
            document,
            chip=Ad5941(part=Part.drawn(rng.randrange(1 << 30)), strict=False, seed=life.number),
            waveform=WAVEFORM,
            incubate_ms=500,
            colour_lot="C1",
        )
        self._bench.start()

    def test(self, matrix: str, spikes: dict[str, float], temperature_c: float, key: str) -> tuple[str, str]:
        """(verdict, what the reference check asks for) of one test."""
        bench, wear = self._bench, self._wear
        bench.config["drink_declared"] = matrix
        now_us = bench.clock.now_us
        if self._life.kind == "colour":
            optics = CLEAN_OPTICS if wear is None else wear.optics()
            pads = ColourStrip(matrix, spikes, temperature_c=temperature_c, seed=key, optics=optics)
            pads.wet_at_us = now_us + 8e6
            bench.insert_pads(pads)
        else:
            worn: dict[str, Any] = (
                {} if wear is None else {"contact_ohm": wear.contact_ohm, "leakage_ohm": wear.leakage_ohm}
            )
            ohm = 10_000.0 if wear is None else wear.reference_ohm
            bench.afe.dummy_cell = ResistorCell(ohm)
            cell = StripCell(matrix, spikes, temperature_c=temperature_c, seed=key, wet_at_us=now_us + 5e6, **worn)
            bench.insert(cell)
        bench.said.clear()
        bench.lights.clear()
        bench.run(LIMIT_S)
        verdict = bench.runner.state.verdict or ""
        asked = next((data["state"] for kind, data in bench.said if kind == "references"), "")
        if (bench.runner.state.reason or "").startswith("worn"):
            asked = "worn"
        bench.pull()
        end_us = bench.clock.now_us + 3e6
        while bench.clock.now_us < end_us or bench.runner.state.name != "asleep":
            bench.clock.now_us += max(bench.runner.poll(), 5)
        for number in bench.ring.numbers()[:-1]:
            Path(bench.ring.path(number)).unlink()
        return verdict, asked


def played(life: Life) -> list[Cycle]:
    """Every cycle of a life, until the bracelet refuses."""
    rng = random.Random(life.key + " drinks")
    wear = Wear(seed=life.key)
    found = []
    with tempfile.TemporaryDirectory(prefix="waakzaam-life-") as folder:
        worn = Bracelet(life, Path(folder) / "worn", wear)
        new = Bracelet(life, Path(folder) / "new", None)
        for number in range(life.cycles):
            matrix = rng.choice(worn.matrices)
            drug = "ketamine" if life.kind == "voltammetric" else rng.choice(("GHB", "GBL"))
            amount = concentration_mol_l(drug, doses_mg()[drug][0], VOLUME_ML) * rng.uniform(1.0, 4.0)
            spikes = {drug: amount} if rng.random() < 0.5 else {}
            given: tuple[Any, ...] = (matrix, spikes, float(rng.randrange(18, 27)), f"{life.key} {number}")
            verdict, asked = worn.test(*given)
            wanted = "positive" if spikes else "negative"
            fresh, _ = new.test(*given)
            missed = bool(spikes) and verdict == "negative"
            found.append(Cycle(life, number, verdict == wanted, fresh == wanted, missed, asked))
            for _ in range(HARD_USES[life.kind] if life.care == HARD else 1):
                wear.use(matrix)
            if life.care == GENTLE and number % CLEANED_EVERY == CLEANED_EVERY - 1:
                wear.clean()
    return found


def asked_at(life: list[Cycle]) -> int:
    """Number of the first test after which the bracelet asked to be replaced; the life's length when it never did."""
    return next((k + 1 for k, one in enumerate(life) if one.asked in ("replace", "worn")), len(life))


def lives(gentle: int, hard: int, seed: int, cycles: int = CYCLES) -> list[Life]:
    """So many gentle and hard lives of each kind of strip."""
    counts = {GENTLE: gentle, HARD: hard}
    return [Life(kind, care, n, seed, cycles) for care, count in counts.items() for kind in KINDS for n in range(count)]


def run(plan: list[Life], processes: int) -> Iterator[list[Cycle]]:
    """The cycles of each life."""
    colour_calibration()
    with ProcessPoolExecutor(max_workers=processes) as pool:
        yield from pool.map(played, plan)
