"""NIST's certified regressions reproduced, and the strip simulator against a closed form and a second method."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from sensor_models import certified_sets
from simulators.strip.validation import against_closed_form, against_second_method
from waakzaam.benches.report import Figure, at_least, at_most
from waakzaam.machine import ROOT

PROCESSES = 2


def _both(path: Path) -> tuple[str, list[tuple[float, float]]]:
    one = certified_sets.read(path)
    return one.name, [certified_sets.reproduce(one, start) for start in (0, 1)]


def certified(paths: list[Path]) -> list[Figure]:
    """Digits reached on each StRD nonlinear file from both starts; raises MalformedFile before any is fitted."""
    for path in paths:
        certified_sets.read(path)
    parameters, deviations = {}, {}
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for path, (stem, found) in zip(paths, pool.map(_both, paths), strict=True):
            name = stem if [one.stem for one in paths].count(stem) == 1 else str(path)  # two sets of one name
            for start, pair in enumerate(found, 1):
                parameters[f"{name} start {start}"], deviations[f"{name} start {start}"] = pair
    return [
        at_least("NIST StRD digits of parameters, worst set", min(parameters.values()), 6.8, "digits", **parameters),
        at_least("NIST StRD digits of deviations, worst set", min(deviations.values()), 4.6, "digits", **deviations),
        Figure("NIST StRD sets", len(paths), "sets, two starts each"),
    ]


def figures(quick: bool = False) -> list[Figure]:
    """Every .dat file of data/nist (eight when quick); every waveform and mechanism of the simulator's validation."""
    paths = sorted((ROOT / "data/nist").glob("*.dat"))
    compared = [*against_closed_form(), *against_second_method()]
    height = max(abs(one.height_fraction) for one in compared)
    place = max(abs(one.potential_v) for one in compared)
    detail = {f"{one.name}, {one.against}": [one.height_fraction, one.potential_v] for one in compared}
    return [
        *certified(paths[::4] if quick else paths),
        at_most("simulator against closed form and second method, height", 100 * height, 1.0, "%", **detail),
        at_most("simulator against closed form and second method, Ep", 1000 * place, 2.0, "mV"),
    ]
