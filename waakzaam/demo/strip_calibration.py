"""The calibration of the demo's bracelet: simulated scans through the product's own calibration, kept once made."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from sensor_models import calibration, scans, strip_definition
from simulators.strip.__main__ import calibration_set
from simulators.strip.chemistry import load_strip
from simulators.strip.scans import write_scans_csv
from waakzaam import machine

STRIP = machine.ROOT / "sensor_models" / "strips" / "ketamine_screen.toml"
LOTS = ("L1", "L2", "L3")
DRINKS = ("water", "cola", "lager")
SEED = 1
EXPIRY = "2099-01-01"  # a simulated strip does not age in its drawer


def _digest() -> str:
    """What the calibration depends on: strip, chemistry, simulator and calibration code."""
    total = hashlib.sha256()
    for folder in ("sensor_models", "simulators/strip", "firmware/detection"):
        for path in sorted((machine.ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".toml"}:
                total.update(path.read_bytes())
    return total.hexdigest()[:24]


def calibration_file() -> Path:
    """The calibration file of the demo's strip; made within about fifteen seconds when it is not there yet."""
    kept = machine.BUILD / "demo" / f"ketamine-{_digest()}.json"
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    table = kept.with_suffix(".csv")
    write_scans_csv(
        table, calibration_set(load_strip(STRIP), lots=LOTS, matrices=DRINKS, blanks=20, repeats=2, seed=SEED)
    )
    result = calibration.calibrate(
        strip_definition.load(STRIP), scans.read_csv(table), EXPIRY, {"file": table.name, "seed": SEED}
    )
    temporary = kept.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(result.document), encoding="utf-8")
    temporary.replace(kept)
    table.unlink()
    return kept
