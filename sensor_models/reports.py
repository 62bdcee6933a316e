"""Reports of calibrations and verdicts, whatever the technique: pictures by `pictures`, pages by this module."""

from __future__ import annotations

from sensor_models import pictures
from sensor_models.calibration import Calibrated
from sensor_models.colour_calibration import CalibratedColour
from sensor_models.detection import Judged as JudgedScan
from sensor_models.judging import Fused, Judged
from sensor_models.scans import RecordedScan


def _scans(judged: list[Judged]) -> list[JudgedScan]:
    return [JudgedScan(one.source, one.verdict) for one in judged if isinstance(one.source, RecordedScan)]


def judged_picture(judged: list[Judged]) -> bytes:
    """PNG of the first judged scans."""
    return pictures.scans_figure(judged[0].calibration, _scans(judged))


def judged_page(judged: list[Judged], fused: list[Fused]) -> str:
    """HTML of judged scans."""
    return pictures.scans_page(judged[0].calibration, _scans(judged))


def calibration_page(made: Calibrated | CalibratedColour) -> str:
    """HTML of a calibration."""
    assert isinstance(made, Calibrated)
    return pictures.calibration_page(made)
