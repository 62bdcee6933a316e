"""The colour core says the same on CPython and in the MicroPython VM with float32 and the bracelet's heap."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from firmware.detection.colour import evaluate_colour
from sensor_models.colour_scans import RecordedColourTest
from simulators.strip.chemistry import drinks
from tests.support.colour_tests import GBL_DOSE_MOL_L, GHB_DOSE_MOL_L, calibration, pours, simulated
from waakzaam import machine
from waakzaam.benches._detector_on_device import HEAP, Device

PROGRAM = """
import gc, json, sys, time
sys.path.insert(0, FOLDER)
from firmware.detection.colour import ColourTest, colour_steps
with open(FOLDER + "/cal.json") as file:
    calibration = json.load(file)
longest = 0
test = clean = None
gc.collect()
at_rest = gc.mem_alloc()
with open(FOLDER + "/tests.jsonl") as file:
    for line in file:
        one = json.loads(line)
        if one[0] == "new":
            test = ColourTest(lot=one[1], matrix=one[2], temperature_c=one[3])
            clean = ColourTest(lot=one[1], matrix=one[2], temperature_c=one[3]) if one[4] else None
            continue
        if one[0] != "judge":
            (test if one[0] == "test" else clean).add(*one[1:])
            continue
        gc.collect()
        run = colour_steps(calibration, test, clean)
        verdict = None
        while verdict is None:
            start = time.ticks_us()
            verdict = next(run)
            longest = max(longest, time.ticks_diff(time.ticks_us(), start))
        print(json.dumps([verdict.verdict, [[a.verdict, a.concentration_mol_l] for a in verdict.analytes]]))
print(json.dumps({"longest_us": longest, "at_rest": at_rest}))
"""


def _lines(one: RecordedColourTest) -> list[Any]:
    """A test as the bracelet meets it: one reading after the other."""
    channels = calibration()["channels"]
    lines: list[Any] = [["new", one.lot, one.matrix, one.temperature_c, one.clean is not None]]
    for pour, readings in (("test", one.readings), ("clean", one.clean or [])):
        for r in readings:
            lit, unlit = [r.lit[c] for c in channels], [r.unlit[c] for c in channels]
            lines.append([pour, r.pad, r.time_s, lit, unlit, r.saturated])
    return [*lines, ["judge"]]


def _cases() -> list[RecordedColourTest]:
    contents: tuple[dict[str, float], ...] = (
        {},
        {"GHB": GHB_DOSE_MOL_L},
        {"GBL": GBL_DOSE_MOL_L},
        {"GHB": 0.02 * GHB_DOSE_MOL_L},
    )
    found = [
        simulated(drink, contents[n % 4], f"device{n}", temperature_c=4.0 + n % 26, paired=n % 3 != 0, lot=f"C{n % 4}")
        for n, drink in enumerate(drinks())
    ]
    found.append(simulated("lager", {}, "late", times_s=(-5.0, 1000.0)))
    found.append(simulated("vodka", {}, "basic", base_mol_l=0.05))
    return found


@pytest.mark.needs("vm")
def test_the_device_gives_the_hosts_colour_verdicts(tmp_path: Path) -> None:
    vm = machine.find_vm()
    assert vm is not None
    Device.prepare(vm, tmp_path, calibration())
    cases = _cases()
    lines = [json.dumps(line) + "\n" for one in cases for line in _lines(one)]
    (tmp_path / "tests.jsonl").write_text("".join(lines), encoding="utf-8")
    program = tmp_path / "main_program.py"
    program.write_text(PROGRAM.replace("FOLDER", repr(str(tmp_path))), encoding="utf-8")
    command = [str(vm), "-X", f"heapsize={HEAP}", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-400:] + done.stdout[-400:]
    *there, costs = [json.loads(line) for line in done.stdout.splitlines()]
    here = [evaluate_colour(calibration(), *pours(one)) for one in cases]
    assert [one[0] for one in there] == [one.verdict for one in here]
    assert {"negative", "positive", "inconclusive", "invalid"} <= {one.verdict for one in here}
    for device, host in zip(there, here, strict=True):
        for (verdict, amount), mine in zip(device[1], host.analytes, strict=True):
            assert verdict == mine.verdict
            if mine.concentration_mol_l is not None and amount is not None:
                assert amount == pytest.approx(mine.concentration_mol_l, rel=0.01, abs=1e-5)
    assert costs["longest_us"] < 1_000_000, "one step keeps the bracelet from feeding its watchdog"
