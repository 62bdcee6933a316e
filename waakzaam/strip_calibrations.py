"""`python -m waakzaam.strip_calibrations [STRIP...]`: the calibration files beside the strip definitions, made anew.

From simulated scans of known content, lots L1 to L3, through the product's own calibration. To be run after a change of
a strip, of the chemistry, of the simulator or of what a calibration file holds; `make calibrations` runs it for all.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from sensor_models import calibration, strip_definition
from simulators.strip.chemistry import Strip
from simulators.strip.panel import swv_strips
from waakzaam.benches._detection_panel import STRIPS, calibration_scans

LOTS = ("L1", "L2", "L3")
SEED = 1
EXPIRY = "2028-12-31"


def path_of(strip: str) -> Path:
    """Where a strip's calibration file lies."""
    return STRIPS / f"{strip}.calibration.json"


def made(strip: Strip) -> dict[str, Any]:
    """The calibration document of a strip; raises CalibrationRefused."""
    known = calibration_scans(strip, SEED, LOTS)
    source = {
        "simulated": "python -m waakzaam.strip_calibrations",
        "lots": list(LOTS),
        "seed": SEED,
        "scans": len(known),
    }
    definition = strip_definition.load(STRIPS / f"{strip.name}.toml")
    return calibration.calibrate(definition, known, EXPIRY, source).document


def main(names: list[str]) -> int:
    """Exit status 0, or 2 with one line when a name is no strip's."""
    strips = {strip.name: strip for strip in swv_strips(STRIPS)}
    for name in names:
        if name not in strips:
            print(f"{name}: no square-wave strip of that name ({', '.join(strips)})", file=sys.stderr)
            return 2
    for name in names or strips:
        partial = path_of(name).with_suffix(".partial")
        partial.write_text(json.dumps(made(strips[name]), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(partial, path_of(name))
        print(path_of(name), file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
