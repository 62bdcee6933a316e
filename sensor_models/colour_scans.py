"""Recorded colour tests in memory, and the reader of their CSV: one row for each channel of each pad at each time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmware.detection.colour_test import READINGS_MAX, ColourTest
from sensor_models.delimited_text import Table
from sensor_models.errors import MalformedFile
from sensor_models.grouped_rows import Group, grouped

TEST, CLEAN = "test", "clean"
LABELS = ("lot", "matrix", "analyte", "concentration_mol_l", "temperature_c", "strip_id")
NEEDED = ("scan_id", "temperature_c", "time_s", "pad", "channel", "lit", "unlit")
FULL_SCALE = 65535.0  # of the sensor's 16-bit counters: a count this high is saturation, whatever the flag says
TRUE, FALSE = frozenset({"1", "true", "yes"}), frozenset({"", "0", "false", "no"})


@dataclass
class Reading:
    """Counts of one pad at one time by channel; `saturated` when the sensor or the counts say so."""

    pad: str
    time_s: float
    lit: dict[str, float] = field(default_factory=dict)
    unlit: dict[str, float] = field(default_factory=dict)
    saturated: bool = False


Pours = dict[str, dict[tuple[str, float], Reading]]


@dataclass
class RecordedColourTest:
    """One colour test: readings of its strip and, when `clean` is not None, of a strip in a clean pour beside it."""

    scan_id: str
    lot: str
    matrix: str
    analyte: str
    concentration_mol_l: float | None
    temperature_c: float
    readings: list[Reading]
    clean: list[Reading] | None
    line: int = 0
    strip_id: str = ""

    def for_detector(self, channels: Sequence[str]) -> tuple[ColourTest, ColourTest | None]:
        """(test, clean pour or None) as the verdict core takes them; a missing channel ends a reading short."""
        return self._pour(self.readings, channels), None if self.clean is None else self._pour(self.clean, channels)

    def _pour(self, readings: list[Reading], channels: Sequence[str]) -> ColourTest:
        out = ColourTest(lot=self.lot, matrix=self.matrix, temperature_c=self.temperature_c, scan_id=self.scan_id)
        for one in readings:
            present = [c for c in channels if c in one.lit]
            lit, unlit = [one.lit[c] for c in present], [one.unlit[c] for c in present]
            out.add(one.pad, one.time_s, lit, unlit, one.saturated)
        return out


def read(path: Path) -> tuple[list[RecordedColourTest], list[MalformedFile]]:
    """(the sound tests of a colour CSV in order of first appearance, what is wrong with the others).

    Raises MalformedFile when the file as a whole cannot be read or holds no sound test.
    """
    table = Table(path)
    for name in NEEDED:
        if name not in table.header:
            table.close()
            raise MalformedFile(table.file, table.header_line, name, "column is missing")
    groups, faults = grouped(table, LABELS, _no_pours, _taker(table))
    tests = []
    for group in groups:
        try:
            if group.fault is not None:
                raise group.fault
            tests.append(_finished(table, group))
        except MalformedFile as fault:
            fault.scan_id = group.scan_id
            faults.append(fault)
    if not tests:
        raise faults[0] if faults else MalformedFile(table.file, 0, "", "holds no colour test")
    return tests, faults


def _no_pours() -> Pours:
    return {TEST: {}, CLEAN: {}}


def _taker(table: Table) -> Callable[[Pours, list[str]], None]:
    at = {name: k for k, name in enumerate(table.header)}

    def fault(name: str, reason: str) -> MalformedFile:
        return MalformedFile(table.file, table.line, name, reason)

    def cell(row: list[str], name: str) -> str:
        return row[at[name]].strip() if name in at else ""

    def number(row: list[str], name: str, least: float) -> float:
        value = table.number(row[at[name]], name)
        if not math.isfinite(value) or value < least:
            raise fault(name, f"{cell(row, name)!r} is out of range")
        return value

    def take(pours: Pours, row: list[str]) -> None:
        pour = cell(row, "pour") or TEST
        if pour not in pours:
            raise fault("pour", f"{pour!r} is neither {TEST} nor {CLEAN}")
        flag = cell(row, "saturated").lower()
        if flag not in TRUE | FALSE:
            raise fault("saturated", f"{flag!r} is neither 0 nor 1")
        pad, channel = cell(row, "pad"), cell(row, "channel")
        if not pad or not channel:
            raise fault("channel" if pad else "pad", "is empty")
        time_s, lit, unlit = number(row, "time_s", -1e6), number(row, "lit", 0.0), number(row, "unlit", 0.0)
        exposure = 1.0
        for name in ("gain", "integration_ms"):
            if cell(row, name):
                exposure *= number(row, name, 1e-3)
        readings = pours[pour]
        reading = readings.setdefault((pad, time_s), Reading(pad, time_s))
        if len(readings) > READINGS_MAX:
            raise fault("time_s", f"more than {READINGS_MAX} readings of one strip")
        if channel in reading.lit:
            raise fault("channel", f"{channel!r} of pad {pad!r} at {time_s:g} s appears twice")
        reading.lit[channel] = lit / exposure
        reading.unlit[channel] = unlit / exposure
        reading.saturated = reading.saturated or flag in TRUE or max(lit, unlit) >= FULL_SCALE

    return take


def _finished(table: Table, group: Group[Pours]) -> RecordedColourTest:
    lot, matrix, analyte, concentration, temperature, strip_id = group.labels
    table.line = group.line
    amount = table.number(concentration, "concentration_mol_l") if concentration else None
    if amount is not None and not 0.0 <= amount < 1e3:
        raise MalformedFile(table.file, group.line, "concentration_mol_l", f"{concentration!r} is not a concentration")
    temperature_c = table.number(temperature, "temperature_c")
    if not -100.0 < temperature_c < 200.0:
        raise MalformedFile(table.file, group.line, "temperature_c", f"{temperature!r} is not a temperature")
    readings, clean = (list(group.content[pour].values()) for pour in (TEST, CLEAN))
    if not readings:
        raise MalformedFile(table.file, group.line, "pour", f"{group.scan_id!r} has clean pours only")
    return RecordedColourTest(
        group.scan_id, lot, matrix, analyte, amount, temperature_c, readings, clean or None, group.line, strip_id
    )
