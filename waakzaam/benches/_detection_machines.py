"""Host against device: the same verdicts and concentrations in the MicroPython VM, and what an evaluation costs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from sensor_models import detection
from sensor_models.scans import RecordedScan
from simulators.strip.chemistry import drinks, load_strip
from simulators.strip.scans import simulate_scan
from waakzaam import machine
from waakzaam.benches._detector_on_device import HEAP, Device
from waakzaam.benches.report import Figure, at_least, at_most

STRIP = machine.ROOT / "sensor_models/strips/ketamine_screen.toml"
CALIBRATION = machine.ROOT / "sensor_models/strips/ketamine_screen.calibration.json"


def _as_measured(values: Any) -> Any:
    """What the device holds: float32."""
    return np.asarray(values, dtype=np.float32).astype(float)


def vectors(count: int, seed: int) -> list[RecordedScan]:
    """Scans of clean and spiked drinks from far below the decision limit to far above the range, as float32."""
    rng = np.random.default_rng(seed)
    strip = load_strip(STRIP)
    names = tuple(drinks())
    out = []
    for n in range(count):
        amount = 0.0 if n % 3 == 0 else float(10 ** rng.uniform(-6.0, -2.7))
        one = simulate_scan(
            strip,
            names[int(rng.integers(len(names)))],
            {"ketamine": amount},
            temperature_c=float(rng.uniform(4, 30)),
            lot=f"L{1 + n % 4}",
            seed=f"vector {seed} {n}",
        )
        forward, reverse = _as_measured(one.forward_a), _as_measured(one.reverse_a)
        potential = _as_measured(one.potential_v)
        out.append(RecordedScan(str(n), one.lot, one.matrix, "", None, potential, forward, reverse, forward - reverse))
    return out


def figures(seed: int, quick: bool) -> list[Figure]:
    """Verdict identity over 10,000 vectors (150 when quick), heap and longest step; no target without the VM."""
    vm = machine.find_vm()
    if vm is None:
        return [Figure("host against device", None, "", "needs the VM (make vm)", False)]
    document = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    scans = vectors(150 if quick else 10_000, seed)
    with tempfile.TemporaryDirectory() as folder:
        device = Device.prepare(vm, Path(folder), document)
        device.give(scans)
        there = device.verdicts()
        costs = device.costs()
    here = detection.judge(document, scans)
    same = sum(a[0] == b.verdict.verdict for a, b in zip(there, here, strict=True))
    off = [
        abs(one[1] / other.concentration_mol_l - 1.0)
        for a, b in zip(there, here, strict=True)
        for one, other in zip(a[1], b.verdict.analytes, strict=False)
        if one[1] is not None and isinstance(other.concentration_mol_l, float) and other.concentration_mol_l > 1e-7
    ]
    kinds = {word: sum(a[0] == word for a in there) for word in ("negative", "positive", "inconclusive", "invalid")}
    ratio = costs["longest_us"] / costs["loop_us"]
    return [
        at_least("same verdict on host and device", same, len(scans), f"of {len(scans)}", verdicts=kinds),
        at_most("concentration, host against device, largest", 100 * max(off, default=0.0), 1.0, "%", n=len(off)),
        at_most("device: peak heap of one evaluation", costs["peak_heap_bytes"] / 1024, 48, "KB", heap=HEAP, **costs),
        at_most("device: longest time without yielding / 1M-iteration loop", ratio, 0.5, ""),
    ]
