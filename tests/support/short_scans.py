"""Scans of half the strip's range, for tests of what is around them, and a calibration that takes them for its own."""

from __future__ import annotations

from typing import Any

from waakzaam.rigs.bracelet import ketamine_calibration

SCAN = {"start_v": 0.5, "end_v": 1.1, "amplitude_v": 0.025, "step_v": 0.004, "frequency_hz": 25}


def calibration_of_short_scans() -> dict[str, Any]:
    """The ketamine strip's calibration, as if its scans had run from 0.5 to 1.1 V."""
    document = ketamine_calibration()
    ends = {"first_v": [SCAN["start_v"]] * 2, "last_v": [SCAN["end_v"]] * 2}
    document["quality"]["waveform"] = {**document["quality"]["waveform"], **ends}
    return document
