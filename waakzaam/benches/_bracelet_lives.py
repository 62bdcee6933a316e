"""Whole lives of bracelets: 200 drink tests each while contacts, film and lamp age, and when each says "replace me".

Every test is played twice, on the ageing bracelet and with the same drink, strip and chip on a new one: what differs is
wear alone. Some lives are gentle (cleaned as the guide says), some hard (worn out many times faster and never cleaned),
some busy (worn as fast, wiped after every test: what cleaning does not mend wears on).
"""

from __future__ import annotations

import functools
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy import stats

from sensor_models.proportions import clopper_pearson
from simulators.ad5941 import Ad5941, Part, ResistorCell
from simulators.strip import StripCell
from simulators.strip.ageing import Wear
from simulators.strip.chemistry import concentration_mol_l, doses_mg
from simulators.strip.colour import CLEAN_OPTICS, ColourStrip
from waakzaam.benches._bracelet_campaign import VOLUME_ML, make_once
from waakzaam.benches.report import Figure, at_most
from waakzaam.rigs.bracelet import colour_calibration, ketamine_calibration
from waakzaam.rigs.bracelet_parts import WholeBracelet
from waakzaam.rigs.branch import Task

CYCLES = 200
CYCLES_QUICK = 8
KINDS = ("voltammetric", "colour")
GENTLE, HARD, BUSY = "gentle", "hard", "busy"
CLEANED_EVERY = {GENTLE: 10, BUSY: 1}
FAST_USES = {"voltammetric": 25, "colour": 14}  # uses' worth of wear a test, where it is worn out faster
REPLACE = ("replace", "worn")
AFTER = 6  # tests that a wearer goes on with after "replace me"
LIMIT_S = 1_500.0
REST_LIMIT_S = 600.0  # twice what the bracelet itself allows for a strip to be drawn out
LIFE_LIMIT_S = 1_500.0  # more than twice what 200 cycles take
ERROR_RATE = 'error rate before "replace me"'


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
    """One test of a life: what it and the same on a new bracelet answered, and what each wearer was asked."""

    life: Life
    number: int
    spiked: bool
    verdict: str
    reason: str
    verdict_new: str
    reason_new: str
    asked: str  # "", clean, replace, worn
    asked_new: str

    @property
    def right(self) -> bool:
        """Whether the ageing bracelet's verdict is the truth."""
        return self.verdict == self.wanted

    @property
    def right_when_new(self) -> bool:
        """Whether the new one's is."""
        return self.verdict_new == self.wanted

    @property
    def wanted(self) -> str:
        """The right verdict."""
        return "positive" if self.spiked else "negative"

    @property
    def missed(self) -> bool:
        """Negative on a spiked drink."""
        return self.spiked and self.verdict == "negative"


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
            incubate_ms=500,
            colour_lot="C1",
        )
        self._bench.start()

    def test(self, matrix: str, spikes: dict[str, float], temperature_c: float, key: str) -> tuple[str, str, str]:
        """(verdict, reason, what the reference check asks for) of one test; without a verdict when nothing is told."""
        try:
            return self._tested(matrix, spikes, temperature_c, key)
        except Exception as error:  # an error of this bracelet, counted as one
            return "", f"{type(error).__name__}: {error}", ""

    def _tested(self, matrix: str, spikes: dict[str, float], temperature_c: float, key: str) -> tuple[str, str, str]:
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
        verdict, reason = bench.runner.state.verdict or "", bench.runner.state.reason or ""
        asked = next((data["state"] for kind, data in bench.said if kind == "references"), "")
        if reason.startswith("worn"):
            asked = "worn"
        bench.pull()
        end_us, limit_us = bench.clock.now_us + 3e6, bench.clock.now_us + REST_LIMIT_S * 1e6
        while bench.clock.now_us < end_us or bench.runner.state.name != "asleep":
            assert bench.clock.now_us < limit_us, f"never at rest again, in {bench.runner.state.name}"
            bench.clock.now_us += max(bench.runner.poll(), 5)
        for number in bench.ring.numbers()[:-1]:
            Path(bench.ring.path(number)).unlink()
        return verdict, reason, asked


def played(life: Life) -> list[Cycle]:
    """Every cycle of a life, until the wearer has gone on for a while after "replace me"."""
    rng = random.Random(life.key + " drinks")
    wear = Wear(seed=life.key)
    found: list[Cycle] = []
    cleaned_every = CLEANED_EVERY.get(life.care)
    with tempfile.TemporaryDirectory(prefix="waakzaam-life-") as folder:
        worn = Bracelet(life, Path(folder) / "worn", wear)
        new = Bracelet(life, Path(folder) / "new", None)
        for number in range(life.cycles):
            matrix = rng.choice(worn.matrices)
            drug = "ketamine" if life.kind == "voltammetric" else rng.choice(("GHB", "GBL"))
            amount = concentration_mol_l(drug, doses_mg()[drug][0], VOLUME_ML) * rng.uniform(1.0, 4.0)
            spikes = {drug: amount} if rng.random() < 0.5 else {}
            given: tuple[Any, ...] = (matrix, spikes, float(rng.randrange(18, 27)), f"{life.key} {number}")
            verdict, reason, asked = worn.test(*given)
            verdict_new, reason_new, asked_new = new.test(*given)
            found.append(Cycle(life, number, bool(spikes), verdict, reason, verdict_new, reason_new, asked, asked_new))
            told_at = asked_at(found)
            if told_at is not None and len(found) >= told_at + AFTER:
                break
            for _ in range(1 if life.care == GENTLE else FAST_USES[life.kind]):
                wear.use(matrix)
            if cleaned_every and number % cleaned_every == cleaned_every - 1:
                wear.clean()
    return found


def asked_at(life: list[Cycle]) -> int | None:
    """Number of the first test after which the bracelet asked to be replaced; None when it never did."""
    return next((k + 1 for k, one in enumerate(life) if one.asked in REPLACE), None)


def lives(each: int, cares: tuple[str, ...], seed: int, cycles: int = CYCLES) -> list[Life]:
    """So many lives of each care and each kind of strip."""
    return [Life(kind, care, n, seed, cycles) for care in cares for kind in KINDS for n in range(each)]


def tasks(seed: int, quick: bool) -> list[Task]:
    """Every life in a process of its own, the longest first; what a task returns is its cycles."""
    make_once()
    plan = lives(1, (HARD,), seed, CYCLES_QUICK) if quick else lives(1, (GENTLE, HARD, BUSY), seed)
    return [
        Task(f"life {one.kind} {one.care} {one.number}", functools.partial(played, one), LIFE_LIMIT_S) for one in plan
    ]


def _told(life: list[Cycle]) -> dict[str, Any]:
    """One life in figures: when it asked, its errors by test number, verdict and reason beside the new bracelet's."""
    before = life[: asked_at(life)]
    return {
        "cycles": len(life),
        "replace me at": asked_at(life),
        "clean me at": next((one.number + 1 for one in life if one.asked == "clean"), None),
        "errors before": [
            {"test": one.number + 1, "wanted": one.wanted, "told": one.verdict, "reason": one.reason[:80],
             "new bracelet": one.verdict_new}
            for one in before
            if not one.right
        ],
        "errors after": sum(not one.right for one in life[len(before) :]),
        "errors of a new bracelet before": sum(not one.right_when_new for one in before),
    }  # fmt: skip


def figures(found: list[list[Cycle]], quick: bool) -> list[Figure]:
    """The promises over these lives. The new bracelet's interval is that of the very tests before "replace me"."""
    before = [one for life in found for one in life[: asked_at(life)]]
    after = [one for life in found for one in life[len(life[: asked_at(life)]) :]]
    everything = [one for life in found for one in life]
    wrong = [one for one in before if not one.right]
    wrong_new = [one for one in before if not one.right_when_new]
    low, high = clopper_pearson(len(wrong_new), len(before))
    worse = sum(one.right_when_new for one in wrong)
    better = sum(one.right for one in wrong_new)
    unasked = [life for life in found if life[0].life.care == HARD and asked_at(life) is None]
    alarms = [one for one in everything if one.asked_new]
    return [
        at_most(
            ERROR_RATE,
            len(wrong) / len(before),
            high,
            f"of {len(before)} tests; a new bracelet's interval on the same tests is {low:.4f} to {high:.4f}",
            errors=len(wrong),
            wrong_verdicts=sum(one.verdict in ("positive", "negative") for one in wrong),
            no_answers=sum(one.verdict not in ("positive", "negative") for one in wrong),
            errors_of_a_new_bracelet=len(wrong_new),
            wrong_only_when_worn=worse,
            wrong_only_when_new=better,
            p_of_so_many_by_chance=_chance(worse, worse + better),
            error_rate_after=sum(not one.right for one in after) / len(after) if after else None,
            lives={f"{life[0].life.kind} {life[0].life.care} {life[0].life.number}": _told(life) for life in found},
        ),
        at_most(
            "negative on a spiked drink that a new bracelet finds",
            sum(one.missed and one.right_when_new for one in everything),
            0,
            f"of {len(everything)}",
        ),
        at_most(
            'hard lives without "replace me"',
            0 if quick else len(unasked),
            0,
            f"of {sum(life[0].life.care == HARD for life in found)}",
        ),
        at_most(
            "a new bracelet asked to be cleaned or replaced",
            len(alarms),
            0,
            f"of {len(everything)} tests; at most {clopper_pearson(len(alarms), len(everything))[1]:.4f} of them",
        ),
    ]


def _chance(worse: int, differ: int) -> float:
    """Probability of at least so many of the tests that differ going against the worn one when nothing has changed."""
    return float(stats.binomtest(worse, differ, 0.5, alternative="greater").pvalue) if differ else 1.0
