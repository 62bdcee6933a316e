"""How long the states of a drink test and of a glance last, until the bracelet sleeps: firmware on a virtual clock."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from firmware.bracelet.settings import SLEEP_AFTER_S
from firmware.bracelet.table import STANDBY
from simulators.strip.cell import StripCell
from waakzaam.rigs.bracelet import BraceletBench, ketamine_calibration

DIP_S = 5.0
SLEEP_LIMIT_S = 60.0
GLANCE = "glance"
SPIKED_MOL_L = 1e-3


def _entered(bench: BraceletBench) -> list[tuple[str, float]]:
    return [(data["to"], data["at_ms"] / 1000.0) for kind, data in bench.said if kind == "state"]


def _until_it_sleeps(bench: BraceletBench) -> float:
    """Play on until the firmware asks for deep sleep, as it is set in the factory; the second at which it did."""
    slept: list[float] = []
    bench.runner.sleep_after_ms = SLEEP_AFTER_S * 1000
    bench.runner.standby = lambda *_: slept.append(bench.clock.now_us / 1e6)
    end_us = bench.clock.now_us + SLEEP_LIMIT_S * 1e6
    while not slept:
        assert bench.clock.now_us < end_us, f"it does not sleep: {bench.said[-3:]}"
        bench.clock.now_us += max(bench.runner.poll(), 5)
    return slept[0]


def _glance_s(folder: Path) -> float:
    """From a raised wrist to deep sleep, when nobody does anything."""
    bench = BraceletBench(folder, ketamine_calibration())
    moved = [True]
    bench.runner.motion = lambda: bool(moved) and moved.pop()
    return _until_it_sleeps(bench)


def measured(data: dict[str, Any]) -> dict[str, float]:
    """Seconds by state of hardware/power: one positive test and what follows until deep sleep, and one glance.

    What a person takes is left out: to dip the strip and to pull it.
    """
    with tempfile.TemporaryDirectory(prefix="waakzaam-power-") as folder:
        bench = BraceletBench(Path(folder), ketamine_calibration())
        bench.insert()
        bench.at(DIP_S, lambda: bench.insert(StripCell("lager", {"ketamine": SPIKED_MOL_L}, seed=1)))
        told = bench.run()
        bench.pull()
        end_s = _until_it_sleeps(bench)
        glance_s = _glance_s(Path(folder))
    assert told["verdict"] == "positive", told
    entered = _entered(bench)
    entered = entered[: [name for name, _ in entered].index(STANDBY)]
    leaves = [*(at for _, at in entered[1:]), end_s]
    lasted: dict[str, float] = {}
    for (name, at), left in zip(entered, leaves, strict=True):
        lasted[name] = lasted.get(name, 0.0) + left - at
    lasted.pop("await_wetting", None)
    found = {state["name"]: sum(lasted.get(name, 0.0) for name in state["states"]) for state in data["state"]}
    return {**found, GLANCE: glance_s}
