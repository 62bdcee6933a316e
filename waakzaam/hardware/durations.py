"""How long the states of a drink test last: the real firmware on simulated chips and a virtual clock."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from simulators.strip.cell import StripCell
from waakzaam.rigs.bracelet import BraceletBench, ketamine_calibration

DIP_S = 5.0
SPIKED_MOL_L = 1e-3


def _entered(bench: BraceletBench) -> list[tuple[str, float]]:
    return [(data["to"], data["at_ms"] / 1000.0) for kind, data in bench.said if kind == "state"]


def measured(data: dict[str, Any]) -> dict[str, float]:
    """Seconds by state of hardware/power, of one positive test; waiting for the person to dip is left out."""
    with tempfile.TemporaryDirectory(prefix="waakzaam-power-") as folder:
        bench = BraceletBench(Path(folder), ketamine_calibration())
        bench.insert()
        bench.at(DIP_S, lambda: bench.insert(StripCell("lager", {"ketamine": SPIKED_MOL_L}, seed=1)))
        told = bench.run()
        end_s = bench.clock.now_us / 1e6
    assert told["verdict"] == "positive", told
    entered = _entered(bench)
    leaves = [*(at for _, at in entered[1:]), end_s]
    lasted: dict[str, float] = {}
    for (name, at), left in zip(entered, leaves, strict=True):
        lasted[name] = lasted.get(name, 0.0) + left - at
    lasted.pop("await_wetting", None)
    return {state["name"]: sum(lasted.get(name, 0.0) for name in state["states"]) for state in data["state"]}
