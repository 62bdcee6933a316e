"""The bracelet's fault campaign: whole drink tests on a virtual clock, each with a fault, in scenes of one drink each.

A scene is a drink, a strip (or two), a chip and a temperature; it is played once undisturbed and then once with each
fault. A fault that strikes in the middle begins in a copy of the undisturbed test as it stands at that moment (rigs/
branch.py): up to there the test is the same, and played once. Checked after every test: something was told in time, a
spiked drink was never told as "negative", the outcome carries a typed reason, the sealed record says the same; of every
few records also that it judges again to the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import json
import math
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware.wire.record import open_record
from simulators.ad5941 import Ad5941, Part
from simulators.strip import StripCell
from simulators.strip.chemistry import concentration_mol_l, doses_mg, species
from simulators.strip.colour import ColourStrip
from simulators.strip.remembered import Remembered
from simulators.strip.responses import peak_offsets_v
from waakzaam import record_check
from waakzaam.benches._bracelet_faults import BOTH, COLOUR, FROM_THE_START, VOLTAMMETRIC, Fault
from waakzaam.rigs.bracelet import KEY, SHORT_SCAN, calibration_of_short_scans, colour_calibration
from waakzaam.rigs.bracelet_parts import WholeBracelet
from waakzaam.rigs.branch import BranchFailed, Task, in_a_branch, in_processes

VOLUME_ML = 330.0
SPIKED_PART = 0.85
TOLD_WITHIN_S = 1_500.0
SCENE_LIMIT_S = 300.0  # thirty times what a scene takes
REPLAYED_EVERY = 4  # records that are judged again: one of so many; the rest would tell nothing new
CHIPS_OUT_OF_RANGE = (Part(chip_id=0x0000), Part(rtia_tolerance=0.45), Part(adc_offset_v=0.05), Part(lpdac_inl_v=0.05))
STRIPS_AT_FAULT = ("dry", "used", "half_wet")
FAULTS: dict[str, dict[str, Fault]] = {"voltammetric": VOLTAMMETRIC, "colour": COLOUR, "both": BOTH}
NAMES = {
    "voltammetric": (*VOLTAMMETRIC, "part_out_of_range", *STRIPS_AT_FAULT),
    "colour": (*COLOUR, *STRIPS_AT_FAULT[:2]),
    "both": tuple(BOTH),
}
SHARES = {"voltammetric": 0.72, "colour": 0.23, "both": 0.05}
FILE_OPEN = ("log", "load_next")  # states in which the firmware may have a file open between two of its steps
Plan = list[tuple[float, Callable[[], Any]]]  # at which microsecond what is done


@dataclass(frozen=True)
class Scene:
    """What a drink test is made of, but for the fault. Same kind, number and seed, same scene."""

    kind: str
    number: int
    seed: int

    @property
    def key(self) -> str:
        return f"bracelet campaign {self.seed} {self.kind} {self.number}"


@dataclass
class Outcome:
    """What one test of the campaign came to."""

    kind: str
    scene: int
    fault: str
    spiked: bool
    verdict: str = ""
    reason: str = ""
    logged: bool = False
    wrong: list[str] = field(default_factory=list)
    replayed: bool | None = None

    @property
    def replay(self) -> str:
        """How to play this test again."""
        return f"play(Scene({self.kind!r}, {self.scene}, SEED), {self.fault!r})"


class Stage:
    """One scene, ready to be played with one fault after another."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self._folder = folder
        rng = random.Random(scene.key)
        self.spiked = rng.random() < SPIKED_PART
        self._temperature_c = rng.uniform(18.0, 26.0)
        self._wet_s = rng.uniform(2.0, 6.0)
        self._part = Part.drawn(rng.randrange(1 << 30))
        self._documents = {
            "voltammetric": (calibration_of_short_scans(),),
            "colour": (colour_calibration(),),
            "both": (calibration_of_short_scans(), colour_calibration()),
        }[scene.kind]
        known = [set(one["matrices"]) if "matrices" in one else set() for one in self._documents]
        matrices = sorted(set.intersection(*known)) if all(known) else sorted(known[0])
        self._matrix = rng.choice(matrices)
        self._drug = "ketamine" if scene.kind == "voltammetric" else rng.choice(("GHB", "GBL"))
        low_mol_l = concentration_mol_l(self._drug, doses_mg()[self._drug][0], VOLUME_ML)
        self._amount_mol_l = low_mol_l * rng.uniform(1.0, 4.0) if self.spiked else 0.0
        self._cell = Remembered(self._new_cell)
        self.lasts_s = 16.0

    def _new_cell(self, **changes: Any) -> StripCell:
        spikes = {"ketamine": self._amount_mol_l} if self._drug == "ketamine" and self.spiked else {}
        wet_at_us = (self._begun_us / 1e6 + self._wet_s) * 1e6
        given: dict[str, Any] = {"wet_at_us": wet_at_us, "temperature_c": self._temperature_c, **changes}
        return StripCell(self._matrix, spikes, seed=self.scene.key, **given)

    def _pads(self, now_us: float, fault: str) -> ColourStrip:
        spikes = {self._drug: self._amount_mol_l} if self._drug != "ketamine" and self.spiked else {}
        wet_s = 1e9 if fault == "dry" else self._wet_s + 2.0
        strip = ColourStrip(
            self._matrix,
            spikes,
            temperature_c=round(self._temperature_c),
            seed=self.scene.key,
            used_before=fault == "used",
        )
        strip.wet_at_us = now_us + wet_s * 1e6
        return strip

    def _strip(self, fault: str, rng: random.Random) -> Any:
        if fault == "dry":
            return self._new_cell(wet_at_us=1e15)
        if fault == "used":
            return self._new_cell(wet_at_us=-1e6)
        if fault == "half_wet":
            cell = self._new_cell()
            cell.dip = dataclasses.replace(cell.dip, wetted=cell.dip.wetted * rng.uniform(0.02, 0.6))
            return cell
        return self._cell.cell()

    def play(self, fault: str) -> Outcome:
        """One test of this scene with this fault."""
        outcome = Outcome(self.scene.kind, self.scene.number, fault, self.spiked)
        rng = random.Random(f"{self.scene.key} {fault}")
        place = self._folder / f"{self.scene.kind}-{self.scene.number}-{fault}"
        bench = self._begin(place, fault, rng)
        act = FAULTS[self.scene.kind].get(fault)
        if act is not None:
            act(bench, rng, self.lasts_s)
        self._finish(bench, outcome)
        if fault == "none":
            self.lasts_s = (bench.clock.now_us - self._begun_us) / 1e6
            if bench.violations():
                outcome.wrong.append(f"a register that is not there: {bench.violations()[0]}")
        shutil.rmtree(place)
        return outcome

    def _begin(self, place: Path, fault: str, rng: random.Random) -> WholeBracelet:
        """A bracelet that was just switched on, its strip put in."""
        scene = self.scene
        place.mkdir()
        part = rng.choice(CHIPS_OUT_OF_RANGE) if fault == "part_out_of_range" else self._part
        bench = WholeBracelet(
            place,
            *self._documents,
            chip=Ad5941(part=part, strict=False, seed=scene.number),
            drink_declared=self._matrix,
            waveform=SHORT_SCAN,
            incubate_ms=500,
            colour_lot="C1",
        )
        bench.start()
        self._begun_us = bench.clock.now_us
        if scene.kind == "colour":
            bench.insert_pads(self._pads(bench.clock.now_us, fault))
        else:
            bench.insert(self._strip(fault, rng))
        if scene.kind == "both":
            self._then_pads(bench)
        return bench

    def _finish(self, bench: WholeBracelet, outcome: Outcome) -> Outcome:
        """Play to the end, whatever it is."""
        try:
            bench.run(TOLD_WITHIN_S - (bench.clock.now_us - self._begun_us) / 1e6)
            _check(bench, outcome, self._documents)
        except AssertionError as error:
            outcome.wrong.append(f"hangs: {error}")
        except Exception as error:  # the test ended in it, and so without being told: counted, and the rest is played
            outcome.wrong.append(f"{type(error).__name__}: {error}")
        return outcome

    def play_all(self, faults: Sequence[str]) -> list[Outcome]:
        """One test with each of these faults, after the undisturbed one: the outcomes of `play`, in this order."""
        acts = FAULTS[self.scene.kind]
        played: dict[str, Outcome] = {}
        place = self._folder / "trunk"
        bench = self._begin(place, "", random.Random())
        for fault in faults:
            if fault in acts and fault not in FROM_THE_START:
                rng = random.Random(f"{self.scene.key} {fault}")
                strikes = _planned(bench, lambda act=acts[fault], rng=rng: act(bench, rng, self.lasts_s))  # type: ignore[misc]
                first = min(at_us for at_us, _ in strikes)
                bench.plan.append((first, functools.partial(self._branch, bench, fault, strikes, played)))
        bench.plan.sort(key=lambda one: one[0])
        with contextlib.suppress(AssertionError):  # the undisturbed test hangs: `play` has said so
            bench.run(TOLD_WITHIN_S)
        shutil.rmtree(place)
        return [played[fault] if fault in played else self.play(fault) for fault in faults]

    def _branch(self, bench: WholeBracelet, fault: str, strikes: Plan, played: dict[str, Outcome]) -> None:
        """From this moment of the undisturbed test on, one with a fault."""
        if bench.runner.state.name in FILE_OPEN:
            return

        def act() -> Outcome:
            others = [one for one in bench.plan if getattr(one[1], "func", None) != self._branch]
            bench.plan[:] = sorted(others + strikes, key=lambda one: one[0])
            return self._finish(bench, Outcome(self.scene.kind, self.scene.number, fault, self.spiked))

        try:
            played[fault] = in_a_branch(bench.folder, act)
        except BranchFailed as error:
            wrong = [f"hangs or crashes: {error}"]
            played[fault] = Outcome(self.scene.kind, self.scene.number, fault, self.spiked, wrong=wrong)

    def _then_pads(self, bench: WholeBracelet) -> None:
        """The hand changes the strip when the bracelet asks for the next one."""
        say = bench.runner._say

        def watch(kind: str, data: dict[str, Any]) -> None:
            say(kind, data)
            if kind == "state" and data["to"] == "change_strip":
                bench.at(1.0, bench.pull)
                bench.at(3.0, lambda: bench.insert_pads(self._pads(bench.clock.now_us, "")))

        bench.runner._say = watch


def _planned(bench: WholeBracelet, act: Callable[[], None]) -> Plan:
    """What this plans on a bench, taken off it again."""
    before = list(bench.plan)
    act()
    added = [one for one in bench.plan if one not in before]
    bench.plan[:] = before
    return added


def _check(bench: WholeBracelet, outcome: Outcome, documents: tuple[dict[str, Any], ...]) -> None:
    finished = bench.runner.state
    outcome.verdict, outcome.reason = finished.verdict or "", finished.reason or ""
    if outcome.verdict not in ("positive", "negative", "inconclusive", "invalid"):
        outcome.wrong.append("no verdict")
    if not outcome.reason:
        outcome.wrong.append("no reason")
    if outcome.reason.startswith("firmware") and outcome.fault != "flash_refuses":
        outcome.wrong.append(f"untyped: {outcome.reason}")
    if outcome.spiked and outcome.verdict == "negative":
        outcome.wrong.append("negative on a spiked drink")
    if not any(colour != (0, 0, 0) for _, colour, _ in bench.lights[-40:]):
        outcome.wrong.append("nothing shown")
    numbers = bench.ring.numbers()
    outcome.logged = bool(numbers)
    if not numbers:
        if outcome.fault != "flash_refuses":
            outcome.wrong.append("not logged")
        return
    with open(bench.ring.path(numbers[-1]), encoding="utf-8") as file:
        line = file.read()
    fields = open_record(line, bytes.fromhex(KEY))
    if (fields["verdict"], fields["reason"]) != (outcome.verdict, outcome.reason):
        outcome.wrong.append("the record says otherwise")
    if fields["analytes"] and random.Random(outcome.replay).randrange(REPLAYED_EVERY) == 0:
        outcome.replayed = holds(line, documents, bench.folder)
        if not outcome.replayed:
            outcome.wrong.append("replays to another verdict")


def holds(line: str, documents: tuple[dict[str, Any], ...], folder: Path) -> bool:
    """Whether `waakzaam verify` finds nothing against a sealed line: signed, and judged again to what it says."""
    files = [json.dumps(one).encode() for one in documents]

    def in_the_vm(sealed: str) -> tuple[Any, ...] | None:
        paths = [folder / f"judged-{number}.json" for number in range(len(files))]
        for path, content in zip(paths, files, strict=True):
            path.write_bytes(content)
        return record_check.judged_in_the_vm(sealed, [str(path) for path in paths])

    log = record_check.check([line], lambda device: bytes.fromhex(KEY), files, in_the_vm)
    return log.judged_again == 1 and not log.faults


def play(scene: Scene, fault: str, folder: Path) -> Outcome:
    """One test again, after the undisturbed one that its fault's moment is measured by."""
    stage = Stage(scene, folder)
    undisturbed = stage.play("none")
    return undisturbed if fault == "none" else stage.play(fault)


def scenes(tests: int, seed: int) -> list[Scene]:
    """So many scenes of every kind, at least one each, that they make at least this many tests."""
    counts = {kind: max(1, math.ceil(share * tests / len(NAMES[kind]))) for kind, share in SHARES.items()}
    found = [Scene(kind, number, seed) for kind, count in counts.items() for number in range(count)]
    random.Random(seed).shuffle(found)
    return found


def whole_scene(scene: Scene) -> list[Outcome]:
    """Every test of a scene."""
    folder = Path(tempfile.mkdtemp(prefix="waakzaam-campaign-"))
    try:
        stage = Stage(scene, folder)
        outcomes = [stage.play(NAMES[scene.kind][0])]
        gc.freeze()  # the firmware collects in every test: spare it the libraries and tables of this process
        return outcomes + stage.play_all(NAMES[scene.kind][1:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_once() -> None:
    """Work out what every scene and every life needs and a process keeps: before the processes part."""
    colour_calibration()
    peak_offsets_v(tuple(species().values()))


def tasks(tests: int, seed: int) -> list[Task]:
    """At least so many tests, each scene in a process of its own; what a task returns is its outcomes."""
    make_once()
    return [
        Task(f"scene {one.kind} {one.number}", functools.partial(whole_scene, one), SCENE_LIMIT_S)
        for one in scenes(tests, seed)
    ]


def run(tests: int, seed: int, processes: int) -> Iterator[Outcome]:
    """Outcomes of at least so many tests, scene by scene; BranchFailed when a scene gives none."""
    for ended in in_processes(tasks(tests, seed), processes):
        if ended.failed:
            raise BranchFailed(f"{ended.task.name}: {ended.failed}")
        yield from ended.came
