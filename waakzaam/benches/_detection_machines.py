"""Host against device: the same verdicts and concentrations in the MicroPython VM, and what an evaluation costs."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sensor_models import detection
from sensor_models.scans import RecordedScan
from simulators.strip.chemistry import Strip, drinks
from simulators.strip.electrode import FRESH, Condition
from simulators.strip.panel import swv_strips
from simulators.strip.scans import simulate_scan
from waakzaam import machine
from waakzaam.benches._detector_on_device import HEAP, Device
from waakzaam.benches.report import Figure, at_least, at_most

STRIPS = machine.ROOT / "sensor_models/strips"
# The strip of one peak is evaluated twice as fast as the others, which take all the same paths and the standard's.
VECTORS = {"ketamine_screen": 8_000, "nitro_screen": 500, "azomethine_screen": 500, "scopolamine_screen": 500}
VECTORS["oxidation_screen"] = 500
QUICK = 30  # of each strip


def _as_measured(values: Any) -> Any:
    """What the device holds: float32."""
    return np.asarray(values, dtype=np.float32).astype(float)


def vectors(strip: Strip, count: int, seed: int) -> list[RecordedScan]:
    """Scans of clean and spiked drinks from far below the decision limit to far above the range, as float32.

    One in eight on a strip with a fault: drifted reference, half wet, soiled.
    """
    rng = np.random.default_rng(seed)
    names = tuple(drinks())
    drugs = (*strip.analytes, *(name for name, _ in strip.also))
    # Decades about the doses that the strip is for: ketamine and MDMA in hundreds of umol/L, the others in tens.
    low, high = (-6.0, -2.7) if strip.analytes[0] in ("ketamine",) else (-7.0, -3.7)
    out = []
    for n in range(count):
        amount = 0.0 if n % 3 == 0 else float(10 ** rng.uniform(low, high))
        fault = [
            Condition(reference_shift_v=float(rng.uniform(-0.15, 0.15))),
            Condition(wetted=float(rng.uniform(0.02, 0.9))),
            Condition(activity=float(rng.uniform(0.3, 1.0)), residue=float(rng.uniform(0.0, 1.5))),
        ][n % 24 // 8]
        one = simulate_scan(
            strip,
            names[int(rng.integers(len(names)))],
            {drugs[n % len(drugs)]: amount},
            temperature_c=float(rng.uniform(4, 30)),
            lot=f"L{1 + n % 4}",
            seed=f"vector {seed} {n}",
            condition=fault if n % 8 == 7 else FRESH,
        )
        forward, reverse = _as_measured(one.forward_a), _as_measured(one.reverse_a)
        potential = _as_measured(one.potential_v)
        out.append(RecordedScan(str(n), one.lot, one.matrix, "", None, potential, forward, reverse, forward - reverse))
    return out


def words(reason: str) -> str:
    """A reason without its figures: single precision may round the last digit to the other side."""
    return re.sub(r"-?\d+(\.\d+)?(e[-+]\d+)?", "#", reason)


@dataclass
class _Compared:
    """What host and device said of the same scans."""

    count: int = 0
    same: int = 0
    same_reason: int = 0
    off: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)

    def add(self, strip: str, there: list[Any], here: list[detection.Judged]) -> None:
        """Both sides' verdicts of one strip's scans."""
        for a, b in zip(there, here, strict=True):
            self.count += 1
            self.kinds[a[0]] += 1
            self.same_reason += words(a[1]) == words(b.verdict.reason)
            if a[0] == b.verdict.verdict:
                self.same += 1
            else:
                self.differing.append(f"{strip} {b.scan.scan_id}: {a[1]} | {b.verdict.reason}")
            self.off += [
                abs(one[1] / other.concentration_mol_l - 1.0)
                for one, other in zip(a[2], b.verdict.analytes, strict=False)
                if one[1] is not None
                and isinstance(other.concentration_mol_l, float)
                and other.concentration_mol_l > 1e-7
            ]


def figures(seed: int, quick: bool) -> list[Figure]:
    """Verdict identity over 10,000 vectors of every strip (150 when quick), heap and longest step; needs the VM."""
    vm = machine.find_vm()
    if vm is None:
        return [Figure("host against device", None, "", "needs the VM (make vm)", False)]
    compared = _Compared()
    costs: dict[str, dict[str, Any]] = {}
    for strip in swv_strips(STRIPS):
        document = json.loads((STRIPS / f"{strip.name}.calibration.json").read_text(encoding="utf-8"))
        scans = vectors(strip, QUICK if quick else VECTORS[strip.name], seed)
        with tempfile.TemporaryDirectory() as folder:
            device = Device.prepare(vm, Path(folder), document)
            compared.add(strip.name, device.verdicts(scans), detection.judge(document, scans))
            costs[strip.name] = device.costs(scans[0])
    heap = {name: one["peak_heap_bytes"] / 1024 for name, one in costs.items()}
    ratio = {name: one["longest_us"] / one["loop_us"] for name, one in costs.items()}
    return [
        at_least(
            "same verdict on host and device",
            compared.same,
            compared.count,
            f"of {compared.count}",
            verdicts=dict(compared.kinds),
            differing=compared.differing[:10],
        ),
        Figure("same reason, its figures aside", compared.same_reason, f"of {compared.count}"),
        at_most(
            "concentration, host against device, largest",
            100 * max(compared.off, default=0.0),
            1.0,
            "%",
            n=len(compared.off),
        ),
        at_most("device: peak heap of one evaluation", max(heap.values()), 48, "KB", heap=HEAP, strips=costs),
        at_most("device: longest time without yielding / 1M-iteration loop", max(ratio.values()), 0.5, "", **ratio),
    ]
