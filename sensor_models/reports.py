"""Reports of calibrations and verdicts: one PNG, or one page that needs nothing else and follows light and dark."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sensor_models import colour_pictures, picture_style, pictures
from sensor_models.calibration import Calibrated
from sensor_models.colour_calibration import CalibratedColour
from sensor_models.colour_scans import RecordedColourTest
from sensor_models.detection import Judged as JudgedScan
from sensor_models.judging import Fused, Judged
from sensor_models.picture_style import amount, chip, picture, table

PAGE_MOST, PICTURE_MOST = 40, 8  # drawn at most; every verdict stands in the table


def _figure(one: Judged) -> Any:
    """The figure of one judged scan or test, or None when its rows could not be read."""
    if one.source is None:
        return None
    if isinstance(one.source, RecordedColourTest):
        return colour_pictures.test_figure(one.calibration, one.source, one.verdict)
    return pictures.scan_figure(one.calibration, JudgedScan(one.source, one.verdict))


def judged_picture(judged: list[Judged]) -> bytes:
    """PNG of the first judged scans, one below the other."""
    figures = [figure for one in judged[:PICTURE_MOST] if (figure := _figure(one)) is not None]
    return picture_style.stacked([picture_style.png(figure) for figure in figures])


def _row(name: str, found: dict[str, Any]) -> list[str]:
    interval = "" if found["ci_low"] is None else f"{amount(found['ci_low'])} to {amount(found['ci_high'])}"
    if found["ci_low"] is not None and found["ci_high"] is None:
        interval = f"at least {amount(found['ci_low'])}"
    value = amount(found["concentration_mol_l"])
    return [
        name,
        chip(found["verdict"]),
        html.escape(found["analyte"] or ""),
        value,
        interval,
        html.escape(found["reason"]),
    ]


HEAD = ["drink or scan", "verdict", "substance", "estimate", "95 % interval", "why"]


def judged_page(judged: list[Judged], fused: list[Fused]) -> str:
    """HTML of judged scans: a table of all verdicts, then what each of the first ones rests on."""
    entries: Sequence[Judged | Fused] = fused or judged
    counts = Counter(one.verdict.verdict for one in entries)
    lead = ", ".join(f"{chip(word)} {counts[word]}" for word in picture_style.VERDICTS if counts[word])
    rows = []
    for n, one in enumerate(entries):
        name = html.escape(one.scan_id)
        linked = f'<a href="#s{n}">{name}</a>' if not fused and n < PAGE_MOST else name
        rows.append(_row(linked, one.to_json()))
    parts = [f"<section><h2>All verdicts</h2>{table(HEAD, rows, (3, 4))}</section>"]
    for n, each in enumerate(judged[:PAGE_MOST]):
        found = each.to_json()
        substances = [_row(html.escape(each.strip), one) for one in found["analytes"]]
        body = table(["strip", *HEAD[1:]], substances, (3, 4)) if substances else ""
        figure = _figure(each)
        words = f"{each.scan_id}: {found['verdict']}, {found['reason']}"
        drawn = "" if figure is None else picture(figure, words, n)
        parts.append(
            f'<section id="s{n}"><h2>{chip(found["verdict"])} {html.escape(each.scan_id)}</h2>'
            f"<p>{html.escape(found['reason'])}</p>{body}{drawn}</section>"
        )
    if len(judged) > PAGE_MOST:
        parts.append(f'<p class="muted">{len(judged) - PAGE_MOST} more are in the table only.</p>')
    return picture_style.page("Verdicts on drinks", lead, "".join(parts))


def _limits_table(rows: list[tuple[str, dict[str, Any], float | None, str]]) -> str:
    cells = []
    for name, found, dose, against in rows:
        limits = [amount(found[key]) if found[key] else "not reached" for key in ("lc_mol_l", "ld_mol_l", "lq_mol_l")]
        cells.append([html.escape(name), *limits, amount(dose), str(found["n"]), str(found["n_blanks"]),
                      html.escape(against) or "can be tested"])  # fmt: skip
    head = ["substance", "LC", "LD", "LQ", "incapacitating dose", "readings", "blanks", ""]
    return table(head, cells, (1, 2, 3, 4, 5, 6))


def _frame(document: dict[str, Any], excluded: list[tuple[str, str]], limits: str, body: str) -> str:
    lots = ", ".join(document["lots"]) or "not named"
    lead = (
        f"{document['n']} readings, lots {html.escape(lots)}, {len(document['matrices'])} drinks; valid to "
        f"{html.escape(document['expiry'])}. False alarms at most {100 * document['alpha']:g} % of clean drinks (LC), "
        f"misses at LD at most {100 * document['beta']:g} %; intervals hold {100 * document['coverage']:g} %."
    )
    parts = [f"<section><h2>Limits</h2>{limits}</section>", body]
    if excluded:
        rows = [[html.escape(a), html.escape(b)] for a, b in excluded]
        parts.append(f"<section><h2>Left out</h2>{table(['scan', 'why'], rows)}</section>")
    return picture_style.page(f"Calibration of {document['strip']}", lead, "".join(parts))


def _colour_page(made: CalibratedColour) -> str:
    rows: list[tuple[str, dict[str, Any], float | None, str]] = []
    body: list[str] = []
    for n, entry in enumerate(made.document["analytes"]):
        for key, words in (("paired", "beside a clean pour"), ("unpaired", "without a clean pour")):
            part = entry[key]
            if part is None:
                continue
            name = f"{entry['name']}, {words}"
            rows.append((name, part, entry["dose_mol_l"], part["not_testable"]))
            figure = pictures.curve_figure(made.curves[entry["name"], key], made.data[entry["name"], key], part,
                                           (entry["name"], "dye, K/S"))  # fmt: skip
            drawn = picture(figure, f"Calibration curve of {name} with prediction band and limits", 10 * n + len(body))
            body.append(f"<section><h2>{html.escape(name)}</h2>{drawn}</section>")
    figure = colour_pictures.chemistry_figure(made.document)
    words = "What the calibration learned: dyes, kinetics by temperature, response by the pad's pH, indicators"
    body.append(f"<section><h2>The pads' chemistry</h2>{picture(figure, words, 99)}</section>")
    return _frame(made.document, made.excluded, _limits_table(rows), "".join(body))


def calibration_page(made: Calibrated | CalibratedColour) -> str:
    """HTML of a calibration: limits beside the dose, curves with bands, residuals, what was left out."""
    if isinstance(made, CalibratedColour):
        return _colour_page(made)
    rows: list[tuple[str, dict[str, Any], float | None, str]] = []
    body: list[str] = []
    for n, entry in enumerate(made.document["analytes"]):
        name = entry["name"]
        rows.append((name, entry, entry["dose_mol_l"], entry["not_testable"]))
        found = {**entry, "lc_signal": entry["lc_signal_a"]}
        figure = pictures.curve_figure(made.curves[name], made.data[name], found, (name, "peak / A"))
        drawn = picture(figure, f"Calibration curve of {name} with prediction band and limits", n)
        body.append(f"<section><h2>{html.escape(name)}</h2>{drawn}</section>")
    return _frame(made.document, made.excluded, _limits_table(rows), "".join(body))
