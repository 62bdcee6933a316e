"""The bracelet's fault campaign: whole drink tests on a virtual clock, each with a fault of bus, chip, strip or flash.

Checked after every test: something was told in time, a spiked drink was never told as "negative", the outcome carries a
reason, the sealed record says the same and judges again to the same verdict.
"""

from __future__ import annotations

import dataclasses
import random
import shutil
import tempfile
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware.detection import Scan, evaluate
from firmware.wire.record import open_record
from simulators.ad5941 import Ad5941, OpenCell, Part, ResistorCell, ShortCell
from simulators.strip import StripCell
from waakzaam.rigs.bracelet import KEY, BraceletBench

LOW_DOSE_MOL_L = 75e-3 / 237.73 / 0.330  # 75 mg of ketamine in 330 mL (drugs.toml)
SPIKED_PART = 0.85
TOLD_WITHIN_S = 400.0
WAVEFORM = {"start_v": 0.5, "end_v": 1.1, "amplitude_v": 0.025, "step_v": 0.004, "frequency_hz": 25}


@dataclass
class Outcome:
    """What one test of the campaign came to."""

    number: int
    fault: str
    spiked: bool
    verdict: str = ""
    reason: str = ""
    logged: bool = False
    wrong: list[str] = field(default_factory=list)
    replayed: bool | None = None


Fault = Callable[[BraceletBench, random.Random], None]


def _later(bench: BraceletBench, rng: random.Random, action: Callable[[], None]) -> None:
    """At a moment anywhere in the test: self-test, wetting, scan or decision."""
    bench.at(rng.uniform(0.0, 16.0), action)


def _faults_of(bench: BraceletBench, **values: Any) -> Callable[[], None]:
    def act() -> None:
        for name, value in values.items():
            setattr(bench.afe.chip.faults, name, value)

    return act


def _momentary(bench: BraceletBench, rng: random.Random, name: str, value: Any, none: Any) -> None:
    begin_s = rng.uniform(0.0, 15.0)
    bench.at(begin_s, _faults_of(bench, **{name: value}))
    bench.at(begin_s + rng.uniform(0.01, 3.0), _faults_of(bench, **{name: none}))


def _stall(bench: BraceletBench, rng: random.Random) -> None:
    def act() -> None:
        bench.clock.now_us += rng.choice((5e3, 30e3, 200e3, 2e6, 20e6))

    _later(bench, rng, act)


def _flash(bench: BraceletBench, rng: random.Random) -> None:
    healthy = bench.ring.open
    left = [rng.randrange(0, 8)]

    def refuse(path: str, mode: str) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(rng.choice((5, 28, 30)), "flash")
        return healthy(path, mode)

    bench.ring.open = refuse


def _cell(bench: BraceletBench, cell: Any) -> Callable[[], None]:
    return lambda: bench.afe.put(cell)


def _loose(bench: BraceletBench, rng: random.Random) -> None:
    """A contact that opens for a while, in the middle of everything."""
    begin_s = rng.uniform(3.0, 16.0)
    strip = bench.afe.cell
    bench.at(begin_s, _cell(bench, OpenCell()))
    bench.at(begin_s + rng.uniform(0.005, 4.0), _cell(bench, strip))


FAULTS: dict[str, Fault] = {
    "none": lambda b, r: None,
    "miso_stuck": lambda b, r: _later(b, r, _faults_of(b, miso_stuck_at=r.choice((0x00, 0xFF)))),
    "miso_stuck_briefly": lambda b, r: _momentary(b, r, "miso_stuck_at", r.choice((0x00, 0xFF)), None),
    "miso_flips": lambda b, r: _later(b, r, _faults_of(b, flip_miso_bit_every=r.choice((13, 150, 1500, 9000)))),
    "mosi_flips": lambda b, r: _later(b, r, _faults_of(b, flip_mosi_bit_every=r.choice((13, 150, 1500, 9000)))),
    "miso_one_flip": lambda b, r: _faults_of(b, flip_miso_at_byte={r.randrange(100, 12_000)})(),
    "stale_fifo": lambda b, r: _later(b, r, _faults_of(b, stale_fifo=True)),
    "interrupts_stuck": lambda b, r: _later(b, r, _faults_of(b, custom_interrupts_stuck=True)),
    "lpdac_frozen": lambda b, r: _later(b, r, _faults_of(b, lpdac_frozen=True)),
    "lpdac_frozen_briefly": lambda b, r: _momentary(b, r, "lpdac_frozen", True, False),
    "adc_jump": lambda b, r: _later(b, r, _faults_of(b, adc_offset_jump_v=r.choice((-0.3, -0.02, 0.02, 0.3)))),
    "brown_out": lambda b, r: _later(b, r, lambda: b.afe.chip.brown_out(b.clock.now_us)),
    "host_stall": _stall,
    "dummy_missing": lambda b, r: setattr(b.afe, "dummy_cell", OpenCell()),
    "dummy_wrong": lambda b, r: setattr(b.afe, "dummy_cell", ResistorCell(r.choice((2_000.0, 50_000.0)))),
    "strip_pulled": lambda b, r: _later(b, r, b.pull),
    "strip_opens": lambda b, r: _later(b, r, _cell(b, OpenCell())),
    "strip_shorts": lambda b, r: _later(b, r, _cell(b, ShortCell(r.choice((1.0, 100.0, 700.0))))),
    "strip_loose": _loose,
    "strip_bridged_weakly": lambda b, r: _later(b, r, _cell(b, ResistorCell(r.choice((3e3, 3e4, 3e5))))),
    "temperature_jump": lambda b, r: _later(
        b, r, lambda: b.afe.chip.set_temperature(r.choice((-10.0, 5.0, 45.0)), b.clock.now_us)
    ),
    "flash_refuses": _flash,
    "texts_missing": lambda b, r: setattr(b.runner, "_texts", {}),
}
CHIPS_OUT_OF_RANGE = (Part(chip_id=0x0000), Part(rtia_tolerance=0.45), Part(adc_offset_v=0.05), Part(lpdac_inl_v=0.05))
DRY_FAULTS = ("dry", "used", "half_wet")
NAMES = (*FAULTS, "part_out_of_range", *DRY_FAULTS)


def _strip(rng: random.Random, name: str, matrix: str, spikes: dict[str, float], seed: int) -> Any:
    wet_s = {"dry": 1e9, "used": -1.0}.get(name, rng.uniform(2.0, 6.0))
    cell = StripCell(matrix, spikes, seed=seed, wet_at_us=wet_s * 1e6, temperature_c=rng.uniform(18.0, 26.0))
    if name == "half_wet":
        cell.dip = dataclasses.replace(cell.dip, wetted=cell.dip.wetted * rng.uniform(0.02, 0.6))
    return cell


def one_test(number: int, seed: int, document: dict[str, Any], folder: Path) -> Outcome:
    """Play test `number` of the campaign; same seed and number, same test."""
    rng = random.Random(f"bracelet campaign {seed} {number}")
    name = NAMES[number % len(NAMES)]
    spiked = rng.random() < SPIKED_PART
    spikes = {"ketamine": LOW_DOSE_MOL_L * rng.uniform(1.0, 4.0)} if spiked else {}
    matrix = rng.choice(sorted(document["matrices"]))
    part = rng.choice(CHIPS_OUT_OF_RANGE) if name == "part_out_of_range" else Part.drawn(rng.randrange(1 << 30))
    place = folder / str(number)
    place.mkdir()
    bench = BraceletBench(
        place,
        document,
        chip=Ad5941(part=part, strict=False, seed=number),
        drink_declared=matrix,
        waveform=WAVEFORM,
        incubate_ms=500,
    )
    outcome = Outcome(number, name, spiked)
    bench.insert(_strip(rng, name, matrix, spikes, number))
    if name in FAULTS:
        FAULTS[name](bench, rng)
    try:
        _judge(bench, outcome, document)
    except AssertionError as error:
        outcome.wrong.append(f"hangs: {error}")
    shutil.rmtree(place)
    return outcome


def _judge(bench: BraceletBench, outcome: Outcome, document: dict[str, Any]) -> None:
    bench.run(TOLD_WITHIN_S)
    finished = bench.runner.state
    outcome.verdict, outcome.reason = finished.verdict or "", finished.reason or ""
    if outcome.verdict not in ("positive", "negative", "inconclusive", "invalid"):
        outcome.wrong.append("no verdict")
    if not outcome.reason:
        outcome.wrong.append("no reason")
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
        fields = open_record(file.read(), bytes.fromhex(KEY))
    if (fields["verdict"], fields["reason"]) != (outcome.verdict, outcome.reason):
        outcome.wrong.append("the record says otherwise")
    if fields["analytes"]:
        outcome.replayed = judged_again(fields, document) == (fields["verdict"], fields["reason"], fields["analytes"])
        if not outcome.replayed:
            outcome.wrong.append("replays to another verdict")


def judged_again(fields: dict[str, Any], document: dict[str, Any]) -> tuple[str, str, list[dict[str, Any]]]:
    """(verdict, reason, analytes) of a record's trace, judged again; numbers as the record writes them."""
    trace = fields["trace"]
    scan = Scan(
        array("f", trace["potential_v"]),
        array("f", trace["forward_a"]),
        array("f", trace["reverse_a"]),
        lot=fields.get("strip_lot", ""),
        matrix=fields.get("drink_declared", ""),
    )
    found = evaluate(document, scan)
    analytes = [one.to_dict() for one in found.analytes]
    for one in analytes:
        for key, value in one.items():
            if isinstance(value, float):
                one[key] = array("f", [value])[0]
    recorded = fields["analytes"]
    for one in recorded:
        for key, value in one.items():
            if isinstance(value, (int, float)):
                one[key] = array("f", [value])[0]
    return found.verdict, found.reason, analytes


def _chunk(task: tuple[range, int, dict[str, Any]]) -> list[Outcome]:
    numbers, seed, document = task
    folder = Path(tempfile.mkdtemp(prefix="waakzaam-campaign-"))
    try:
        return [one_test(number, seed, document, folder) for number in numbers]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(tests: int, seed: int, document: dict[str, Any], processes: int) -> Iterator[Outcome]:
    """Outcomes of the campaign, in order."""
    step = 50
    tasks = [(range(at, min(at + step, tests)), seed, document) for at in range(0, tests, step)]
    with ProcessPoolExecutor(max_workers=processes) as pool:
        for outcomes in pool.map(_chunk, tasks):
            yield from outcomes
