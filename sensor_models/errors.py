"""What can be wrong with the input of the detector's host side; every error carries its facts as attributes."""

from __future__ import annotations


class SensorModelError(Exception):
    """Root of this package's errors."""


class MalformedFile(SensorModelError):
    """A file that cannot be read: names the file, the line (0 = the whole file), the field and the reason."""

    def __init__(self, file: str, line: int, field: str, reason: str) -> None:
        self.file = file
        self.line = line
        self.field = field
        self.reason = reason
        self.scan_id = ""  # the scan that is spoilt, when the others of its file are sound
        super().__init__(f"{self.where}: {reason}")

    @property
    def where(self) -> str:
        """`file:line: field`, as much of it as is known."""
        text = self.file + (f":{self.line}" if self.line else "")
        return text + (f": {self.field}" if self.field else "")


class CalibrationRefused(SensorModelError):
    """The scans cannot carry a calibration: names the analyte and the reason."""

    def __init__(self, analyte: str, reason: str) -> None:
        self.analyte = analyte
        self.reason = reason
        super().__init__(f"{analyte}: {reason}")
