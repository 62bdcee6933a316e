"""NIST's certified regressions reproduced, and the strip simulator against a closed form and a second method."""

from __future__ import annotations

from sensor_models import certified_sets
from simulators.strip.validation import against_closed_form, against_second_method
from waakzaam.benches.report import Figure, at_least, at_most
from waakzaam.machine import ROOT


def figures() -> list[Figure]:
    """Every .dat file of data/nist from both starts; every waveform and mechanism of the simulator's validation."""
    parameters, deviations = {}, {}
    for path in sorted((ROOT / "data/nist").glob("*.dat")):
        one = certified_sets.read(path)
        for start in (0, 1):
            name = f"{one.name} start {start + 1}"
            parameters[name], deviations[name] = certified_sets.reproduce(one, start)
    compared = [*against_closed_form(), *against_second_method()]
    height = max(abs(one.height_fraction) for one in compared)
    place = max(abs(one.potential_v) for one in compared)
    detail = {f"{one.name}, {one.against}": [one.height_fraction, one.potential_v] for one in compared}
    return [
        at_least("NIST StRD digits of parameters, worst set", min(parameters.values()), 6.8, "digits", **parameters),
        at_least("NIST StRD digits of deviations, worst set", min(deviations.values()), 4.6, "digits", **deviations),
        at_most("simulator against closed form and second method, height", 100 * height, 1.0, "%", **detail),
        at_most("simulator against closed form and second method, Ep", 1000 * place, 2.0, "mV"),
    ]
