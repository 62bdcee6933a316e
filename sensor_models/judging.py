"""Files of scans or colour tests against their calibrations, whatever the technique; several strips fused by drink."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from firmware.detection import colour, expired
from firmware.detection.fusion import fuse
from firmware.detection.quality import used_before
from firmware.detection.verdict import Verdict, invalid
from sensor_models import colour_scans, detection, instrument_files
from sensor_models.colour_scans import RecordedColourTest
from sensor_models.errors import MalformedFile
from sensor_models.scans import RecordedScan

COLOUR_KEYS = ("channels", "window_s", "pads", "indicators", "analytes")


@dataclass(frozen=True)
class Judged:
    """A scan or colour test and its verdict; `source` is None when its rows could not be read."""

    scan_id: str
    verdict: Verdict
    source: RecordedScan | RecordedColourTest | None
    calibration: dict[str, Any]

    @property
    def strip(self) -> str:
        return str(self.calibration.get("strip", ""))

    @property
    def drugs(self) -> list[str]:
        return [str(entry["name"]) for entry in self.calibration["analytes"]]

    def to_json(self) -> dict[str, Any]:
        """One entry of `waakzaam detect --json`."""
        return {"scan_id": self.scan_id, **self.verdict.to_dict()}


@dataclass(frozen=True)
class Fused:
    """One drink: the verdict of all strips dipped in it, and what each said."""

    scan_id: str
    verdict: Verdict
    strips: list[Judged] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """One entry of `waakzaam detect --fuse --json`."""
        said = [
            {"strip": one.strip, "scan_id": one.scan_id, "verdict": one.verdict.verdict, "reason": one.verdict.reason}
            for one in self.strips
        ]
        return {"scan_id": self.scan_id, **self.verdict.to_dict(), "strips": said}


def load_calibration(path: Path) -> dict[str, Any]:
    """A calibration file of either technique; raises MalformedFile."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return detection.load_calibration(path)  # says what is wrong with it
    if not isinstance(document, dict) or document.get("schema") != colour.SCHEMA:
        return detection.load_calibration(path)
    for key in COLOUR_KEYS:
        if key not in document:
            raise MalformedFile(str(path), 0, key, "is missing")
    return document


def is_colour(calibration: dict[str, Any]) -> bool:
    """Whether a calibration is one of colour pads."""
    return bool(calibration.get("schema") == colour.SCHEMA)


def _judge_colour(calibration: dict[str, Any], one: RecordedColourTest) -> Verdict:
    named = [entry for entry in calibration["analytes"] if entry["name"] == one.analyte]
    chosen = {**calibration, "analytes": named or calibration["analytes"]}
    return colour.evaluate_colour(chosen, *one.for_detector(calibration["channels"]))


def _first_use(judged: Judged, used: set[str]) -> Judged:
    """The verdict, or invalid when the strip's number was read before; its number is kept."""
    strip_id = judged.source.strip_id if judged.source is not None else ""
    why = used_before(strip_id, used)
    used.add(strip_id)
    return judged if why is None else replace(judged, verdict=invalid(str(why)))


def judge_file(
    calibration: dict[str, Any], path: Path, used: set[str], today: str = ""
) -> tuple[list[Judged], list[MalformedFile]]:
    """(every scan or test of a file with its verdict, what is wrong with the file).

    `used` holds the numbers of strips that were read before, and takes up those of this file. `today` (ISO date): an
    expired calibration gives no verdict.
    A scan whose rows cannot be read is invalid, its fault the reason. Raises MalformedFile when nothing is sound.
    """
    if is_colour(calibration):
        tests, faults = colour_scans.read(path)
        late = expired(calibration, today)
        out = [
            Judged(one.scan_id, invalid(late) if late else _judge_colour(calibration, one), one, calibration)
            for one in tests
        ]
    else:
        scans, faults = instrument_files.read(path)
        judged = detection.judge(calibration, scans, today)
        out = [Judged(one.scan.scan_id, one.verdict, one.scan, calibration) for one in judged]
    out = [_first_use(one, used) for one in out]
    known = {one.scan_id for one in out}
    for fault in faults:
        if fault.scan_id and fault.scan_id not in known:
            out.append(Judged(fault.scan_id, invalid(f"{fault.where}: {fault.reason}"), None, calibration))
    return out, faults


def fuse_drinks(files: list[list[Judged]]) -> list[Fused]:
    """One verdict per drink: scans of one scan_id are strips of one drink; so are lone scans of several files.

    A drug of any calibration for which a drink has no strip is inconclusive there.
    """
    everything = [one for judged in files for one in judged]
    drugs = list(dict.fromkeys(drug for one in everything for drug in one.drugs))
    groups: dict[str, list[Judged]] = {}
    lone = len(files) > 1 and all(len(judged) == 1 for judged in files)
    for one in everything:
        groups.setdefault(everything[0].scan_id if lone else one.scan_id, []).append(one)
    return [
        Fused(scan_id, fuse([(one.strip, one.verdict, one.drugs) for one in members], drugs), members)
        for scan_id, members in groups.items()
    ]
