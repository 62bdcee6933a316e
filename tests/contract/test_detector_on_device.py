"""The verdict core says the same on CPython, in batches, and in the MicroPython VM with float32 and a 110 KB heap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware.detection import evaluate
from sensor_models import detection
from tests.support.source_tree import ROOT
from waakzaam import machine
from waakzaam.benches._detection_machines import vectors
from waakzaam.benches._detector_on_device import Device

SEED = 20261123


@pytest.fixture(scope="module")
def calibration() -> dict[str, Any]:
    path = ROOT / "sensor_models/strips/ketamine_screen.calibration.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_batches_and_the_core_itself_give_the_same_verdicts(calibration: dict[str, Any]) -> None:
    scans = vectors(60, SEED)
    for one in detection.judge(calibration, scans):
        alone = evaluate(calibration, one.scan.for_detector())
        assert alone.verdict == one.verdict.verdict, f"seed {SEED}, scan {one.scan.scan_id}"
        if alone.analytes and alone.analytes[0].concentration_mol_l is not None:
            assert one.verdict.analytes[0].concentration_mol_l == pytest.approx(
                alone.analytes[0].concentration_mol_l, rel=5e-3, abs=1e-8
            )


@pytest.mark.needs("vm")
def test_the_device_gives_the_hosts_verdicts_within_its_memory(tmp_path: Path, calibration: dict[str, Any]) -> None:
    vm = machine.find_vm()
    assert vm is not None
    device = Device.prepare(vm, tmp_path, calibration)
    scans = vectors(80, SEED + 1)
    device.give(scans)
    there = device.verdicts()
    here = [one.verdict.verdict for one in detection.judge(calibration, scans)]
    assert [one[0] for one in there] == here
    assert {"negative", "positive"} <= set(here)
    costs = device.costs()
    assert costs["peak_heap_bytes"] <= 48 * 1024
    assert costs["longest_us"] <= 0.5 * costs["loop_us"]
