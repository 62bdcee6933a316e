"""Which drug which front end can see: potentials, steps and currents of each strip, as a page and a drawing."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sensor_models
from sensor_models import feasibility as model
from sensor_models import strip_definition
from sensor_models.feasibility import AD5941, LMP91000, Finding, FrontEnd
from sensor_models.strip_definition import StripDefinition
from waakzaam.hardware.ink import COLOURS, FAINT, INK, Drawing

STRIPS = Path(sensor_models.__file__).parent / "strips"
GOOD, BAD = "#0c6b58", "#b44d12"


@dataclass(frozen=True)
class Row:
    """One drug on one strip: volts that the pulses need, amperes at both doses, and what each front end says."""

    strip: StripDefinition
    drug: str
    volume_ml: float
    needs_v: tuple[float, float]
    dose_mol_l: tuple[float, float]
    peak_a: tuple[float, float]
    rtia_ohm: float
    noise_a: float
    full_scale_a: float
    findings: dict[str, Finding]

    def to_json(self) -> dict[str, Any]:
        """As a document."""
        return {
            "strip": self.strip.name,
            "drug": self.drug,
            "volume_ml": self.volume_ml,
            "needs_v": self.needs_v,
            "dose_mol_l": self.dose_mol_l,
            "peak_a": self.peak_a,
            "rtia_ohm": self.rtia_ohm,
            "noise_a": self.noise_a,
            "full_scale_a": self.full_scale_a,
            "front_ends": {
                name: {"testable": one.testable, "reasons": one.reasons} for name, one in self.findings.items()
            },
        }


def _row(strip: StripDefinition, analyte: strip_definition.StripAnalyte) -> Row:
    assert strip.waveform is not None
    drug = model.drugs()[analyte.name]
    volume = float(strip.document.get("volume_ml", 330.0))
    low, high = analyte.peak_window_v
    shift = model.matrix_shift_v(drug)
    place = float(drug["peak_potential_v"])
    pulse = strip.waveform.amplitude_v
    needs = (min(low, place + shift[0]) - pulse, max(high, place + shift[1]) + pulse)
    doses = tuple(dose_mg * 1e-3 / float(drug["molar_mass_g_mol"]) / (volume * 1e-3) for dose_mg in drug["dose_mg"])
    peaks = tuple(model.expected_peak_a(strip, drug, dose) for dose in doses)
    afe = strip.document["afe"]
    rtia = float(afe["rtia_ohm"])
    noise = max(float(afe.get("adc_noise_a", 0.0)), AD5941.noise_v / rtia)
    findings = {
        front.name: next(one for one in model.check(strip, front) if one.analyte == analyte.name)
        for front in (AD5941, LMP91000)
    }
    return Row(
        strip,
        analyte.name,
        volume,
        needs,
        (doses[0], doses[1]),
        (peaks[0], peaks[1]),
        rtia,
        noise,
        AD5941.full_scale_v / rtia,
        findings,
    )


def rows() -> list[Row]:
    """Every drug of every voltammetric strip that the project has."""
    out = []
    for path in sorted(STRIPS.glob("*.toml")):
        if tomllib.loads(path.read_text(encoding="utf-8"))["technique"] == "swv":
            strip = strip_definition.load(path)
            out += [_row(strip, analyte) for analyte in strip.analytes if analyte.name in model.drugs()]
    return out


def _volts(drawing: Drawing, all_rows: list[Row], top: float) -> float:
    left, width, low, high = 230.0, 640.0, -1.7, 1.9

    def x(volt: float) -> float:
        return left + width * (volt - low) / (high - low)

    drawing.text(36, top, "Potential that the pulses need, V against the strip's reference", 14, bold=True)
    bottom = top + 54 + 34 * len(all_rows)
    for front, colour, y in ((AD5941, GOOD, top + 14), (LMP91000, BAD, top + 14)):
        drawing.box(
            x(front.lowest_v), y, x(front.highest_v) - x(front.lowest_v), bottom - y, colour + "14", "none", 0, 0
        )
        for edge in (front.lowest_v, front.highest_v):
            drawing.line(x(edge), y, x(edge), bottom, colour, 1.4, 'stroke-dasharray="5 3"')
    drawing.text(
        x(AD5941.lowest_v) + 6, top + 27, f"AD5941 {AD5941.lowest_v:g} to {AD5941.highest_v:g} V", 10, colour=GOOD
    )
    drawing.text(
        x(LMP91000.lowest_v) + 6,
        top + 27,
        f"LMP91000 {LMP91000.lowest_v:g} to {LMP91000.highest_v:g} V",
        10,
        colour=BAD,
    )
    for number, row in enumerate(all_rows):
        y = top + 44 + 34 * number
        drawing.text(left - 14, y + 9, row.drug, 12, "end", bold=True)
        drawing.text(left - 14, y + 22, row.strip.name, 9, "end", FAINT)
        drawing.box(x(row.needs_v[0]), y, x(row.needs_v[1]) - x(row.needs_v[0]), 16, COLOURS["bus"], "none", 3, 0)
        drawing.text(x(row.needs_v[1]) + 6, y + 12, f"{row.needs_v[0]:.2f} to {row.needs_v[1]:.2f}", 10, colour=INK)
    for tick in range(-3, 4):
        volt = tick / 2
        drawing.line(x(volt), bottom, x(volt), bottom + 5)
        drawing.text(x(volt), bottom + 18, f"{volt:g}", 10, "middle", FAINT)
    drawing.line(left, bottom, left + width, bottom)
    return bottom + 46


def _currents(drawing: Drawing, all_rows: list[Row], top: float) -> float:
    left, width, low, high = 230.0, 640.0, -9.0, -3.0

    def x(ampere: float) -> float:
        return left + width * (math.log10(ampere) - low) / (high - low)

    drawing.text(
        36, top, "Current: noise of one reading, peak from the lowest to the highest dose, full scale", 14, bold=True
    )
    bottom = top + 20 + 34 * len(all_rows)
    for decade in range(int(low), int(high) + 1):
        drawing.line(x(10.0**decade), top + 12, x(10.0**decade), bottom, "#e4e7eb", 1)
        name = {-9: "1 nA", -8: "10 nA", -7: "100 nA", -6: "1 uA", -5: "10 uA", -4: "100 uA", -3: "1 mA"}[decade]
        drawing.text(x(10.0**decade), bottom + 18, name, 10, "middle", FAINT)
    for number, row in enumerate(all_rows):
        y = top + 20 + 34 * number
        drawing.text(left - 14, y + 9, row.drug, 12, "end", bold=True)
        drawing.text(left - 14, y + 22, f"RTIA {row.rtia_ohm / 1e3:g} kohm", 9, "end", FAINT)
        drawing.line(x(row.noise_a), y - 1, x(row.noise_a), y + 17, BAD, 2.5)
        clear = row.peak_a[0] > 3.0 * row.noise_a
        drawing.box(
            x(row.peak_a[0]), y, max(2.0, x(row.peak_a[1]) - x(row.peak_a[0])), 16, GOOD if clear else BAD, "none", 3, 0
        )
        drawing.line(x(row.full_scale_a), y - 1, x(row.full_scale_a), y + 17, INK, 2.5)
    drawing.line(left, bottom, left + width, bottom)
    drawing.text(
        left,
        bottom + 38,
        "orange stroke: noise · green bar: dose · black stroke: the converter's full scale",
        10,
        colour=FAINT,
    )
    return bottom + 60


def svg(all_rows: list[Row]) -> str:
    """Windows and currents of all drugs."""
    drawing = Drawing("What the front end can see")
    drawing.text(36, 42, drawing.title, 22, bold=True)
    drawing.text(
        36,
        64,
        "From sensor_models.feasibility; chemistry and noise are ASSUMED where the data say so.",
        11,
        colour=FAINT,
    )
    bottom = _currents(drawing, all_rows, _volts(drawing, all_rows, 104.0))
    return drawing.svg(960, bottom + 6)


def _verdict(finding: Finding) -> str:
    return "can" if finding.testable else "**cannot**: " + "; ".join(finding.reasons)


def _limits(front: FrontEnd) -> str:
    resistors = f"{front.rtia_ohm[0] / 1e3:g} to {front.rtia_ohm[-1] / 1e3:g} kohm"
    return (
        f"| {front.name} | {front.lowest_v:g} to {front.highest_v:g} | {1e3 * front.potential_lsb_v:.3g} | {resistors} "
        f"| {1e6 * front.full_scale_v / front.rtia_ohm[-1]:.3g} to {1e6 * front.full_scale_v / front.rtia_ohm[0]:.3g} "
        f"| {1e6 * front.noise_v:g} |"
    )


def page(all_rows: list[Row], generated: str) -> str:
    """The page of docs/hardware."""
    lines = [
        "# Front end: which drug it can see",
        generated,
        "Every voltammetric strip against two front ends. Volts include the pulses and what the drinks' pH does to the",
        "peak. Currents: reversible or slow planar diffusion at the incapacitating dose in the stated volume, by",
        "`sensor_models.feasibility`. The converter's noise and much of the chemistry are ASSUMED:",
        "[sensor_models/chemistry](../../sensor_models/chemistry) says which.",
        "",
        "![Potentials and currents](feasibility.svg)",
        "",
        "| front end | reaches, V | step, mV | RTIA | full scale, uA | noise of one reading, uV |",
        "| --- | --- | --- | --- | --- | --- |",
        _limits(AD5941),
        _limits(LMP91000),
        "",
        "| drug (strip) | volume, mL | needs, V | step, mV | lowest dose, umol/L | its peak, uA | noise, nA "
        "| peak / noise | highest dose's peak, uA | full scale, uA | AD5941 | LMP91000 |",
        "| --- " * 12 + "|",
    ]
    for row in all_rows:
        assert row.strip.waveform is not None
        cells = [
            f"{row.drug} ({row.strip.name})",
            f"{row.volume_ml:g}",
            f"{row.needs_v[0]:.2f} to {row.needs_v[1]:.2f}",
            f"{1e3 * row.strip.waveform.step_v:g}",
            f"{1e6 * row.dose_mol_l[0]:.3g}",
            f"{1e6 * row.peak_a[0]:.3g}",
            f"{1e9 * row.noise_a:.3g}",
            f"{row.peak_a[0] / row.noise_a:.3g}",
            f"{1e6 * row.peak_a[1]:.3g}" + (" (clips)" if row.peak_a[1] > row.full_scale_a else ""),
            f"{1e6 * row.full_scale_a:.3g}",
            *(_verdict(row.findings[front.name]) for front in (AD5941, LMP91000)),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        '"Can" means that the front end does not stand in the way. Whether a calibrated strip reaches its detection',
        "limit at the dose is another question, answered by its calibration (`waakzaam calibrate`). A dose whose peak",
        "clips is told as a clipped trace, never as nothing found.",
        "",
    ]
    return "\n".join(lines)
