"""The verdict core says the same on CPython, in batches, and in the MicroPython VM with float32 and a 110 KB heap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware.detection import evaluate
from sensor_models import detection
from sensor_models.scans import RecordedScan
from simulators.strip.panel import swv_strips
from tests.support.source_tree import ROOT
from waakzaam import machine
from waakzaam.benches._detection_machines import vectors, words
from waakzaam.benches._detector_on_device import Device

SEED = 20261123


# One strip whose drug's peak is alone, and one with an internal standard.
STRIPS = {s.name: s for s in swv_strips(ROOT / "sensor_models/strips") if s.name.split("_")[0] in ("ketamine", "nitro")}


def calibration_of(name: str) -> dict[str, Any]:
    path = ROOT / f"sensor_models/strips/{name}.calibration.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def run_otherwise(scan: RecordedScan) -> RecordedScan:
    """The scan with every fifth point alone: a step of 20 mV."""
    assert scan.forward_a is not None
    assert scan.reverse_a is not None
    few = (scan.potential_v[::5], scan.forward_a[::5], scan.reverse_a[::5], scan.net_a[::5])
    return RecordedScan("fifth", scan.lot, scan.matrix, "", None, *few)


def changed_round(scan: RecordedScan) -> RecordedScan:
    """The scan with its forward and reverse currents changed round."""
    traces = (scan.potential_v, scan.reverse_a, scan.forward_a, -scan.net_a)
    return RecordedScan("round", scan.lot, scan.matrix, "", None, *traces)


@pytest.mark.parametrize("name", STRIPS)
def test_batches_and_the_core_itself_give_the_same_verdicts(name: str) -> None:
    calibration = calibration_of(name)
    scans = vectors(STRIPS[name], 60, SEED)
    for one in detection.judge(calibration, scans):
        alone = evaluate(calibration, one.scan.for_detector())
        assert alone.verdict == one.verdict.verdict, f"seed {SEED}, scan {one.scan.scan_id}"
        if alone.analytes and alone.analytes[0].concentration_mol_l is not None:
            assert one.verdict.analytes[0].concentration_mol_l == pytest.approx(
                alone.analytes[0].concentration_mol_l, rel=5e-3, abs=1e-8
            )


@pytest.mark.needs("vm")
@pytest.mark.parametrize("name", STRIPS)
def test_the_device_gives_the_hosts_verdicts_within_its_memory(tmp_path: Path, name: str) -> None:
    calibration = calibration_of(name)
    vm = machine.find_vm()
    assert vm is not None
    device = Device.prepare(vm, tmp_path, calibration)
    scans = vectors(STRIPS[name], 60, SEED + 1)
    scans += [run_otherwise(scans[0]), changed_round(scans[1])]
    there = device.verdicts(scans)
    here = [(one.verdict.verdict, words(one.verdict.reason)) for one in detection.judge(calibration, scans)]
    assert [(one[0], words(one[1])) for one in there] == here, f"seed {SEED + 1}"
    assert {"negative", "positive", "invalid"} <= {verdict for verdict, _ in here}
    mine = [one.verdict.analytes for one in detection.judge(calibration, scans)]
    for n, (a, b) in enumerate(zip(there, mine, strict=True)):
        for (_, found, _), other in zip(a[2], b, strict=False):
            if found is not None and other.concentration_mol_l is not None:
                least = calibration["limits"][other.analyte]["LC"]
                assert abs(found - other.concentration_mol_l) <= 0.01 * max(other.concentration_mol_l, least), n
    costs = device.costs(scans[0])
    assert costs["peak_heap_bytes"] <= 48 * 1024
    assert costs["longest_us"] <= 0.5 * costs["loop_us"]


def golden() -> list[tuple[str, RecordedScan]]:
    """(strip, scan) of every vector on which the machines were once apart; `was` in the file says how."""
    found = []
    for one in json.loads((ROOT / "tests/contract/detector_vectors.json").read_text(encoding="utf-8")):
        potential, forward, reverse = (
            np.array(one[key], dtype=np.float32).astype(float) for key in ("potential_v", "forward_a", "reverse_a")
        )
        pair = (potential, forward, reverse, forward - reverse)
        found.append((one["strip"], RecordedScan(one["found_as"], one["lot"], one["matrix"], "", None, *pair)))
    return found


@pytest.mark.needs("vm")
@pytest.mark.parametrize(("name", "scan"), golden(), ids=lambda one: one if isinstance(one, str) else one.scan_id)
def test_vectors_on_which_the_machines_were_once_apart(tmp_path: Path, name: str, scan: RecordedScan) -> None:
    calibration = calibration_of(name)
    vm = machine.find_vm()
    assert vm is not None
    there = Device.prepare(vm, tmp_path, calibration).verdicts([scan])[0]
    batch = detection.judge(calibration, [scan])[0].verdict
    for here in (evaluate(calibration, scan.for_detector()), batch):
        assert (there[0], words(there[1])) == (here.verdict, words(here.reason))
        for (_, found, signal), other in zip(there[2], here.analytes, strict=True):
            noise_a = next(e["noise_a"] for e in calibration["analytes"] if e["name"] == other.analyte)
            assert signal == pytest.approx(other.signal, rel=1e-3, abs=0.01 * noise_a)
            assert found == pytest.approx(other.concentration_mol_l, rel=2e-3)
