"""The evaluator's report as one HTML page that needs nothing else."""

from __future__ import annotations

import html
from typing import Any

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #888;padding:.3rem .7rem;text-align:right}
th:first-child,td:first-child{text-align:left}caption{text-align:left;font-weight:600;padding:.3rem 0}
"""
VERDICTS = ("positive", "inconclusive", "negative", "invalid")


def _rate(rate: dict[str, Any]) -> str:
    if rate["value"] is None:
        return "no trials"
    low, high = rate["clopper_pearson_95"]
    return f"{100 * rate['value']:.1f} % ({100 * low:.1f} to {100 * high:.1f}), {rate['hits']} of {rate['n']}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _table(caption: str, head: list[str], rows: list[list[str]]) -> str:
    def cells(tag: str, values: list[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(value)}</{tag}>" for value in values) + "</tr>"

    body = "".join(cells("td", row) for row in rows)
    return f"<table><caption>{html.escape(caption)}</caption>{cells('th', head)}{body}</table>"


def _accuracy(title: str, found: dict[str, Any]) -> str:
    table = found["table"]
    rows = [[row, *(str(table[row][word]) for word in VERDICTS)] for row in ("spiked", "clean")]
    parts = [_table(title, ["drink", *VERDICTS], rows)]
    lines = []
    for name in ("sensitivity", "specificity"):
        for how, rate in found[name].items():
            lines.append([f"{name}, {how.replace('_', ' ')}", _rate(rate)])
    lines.append(["yield (positive or negative of all)", _rate(found["yield"])])
    lines.append(["invalid", _rate(found["invalid"])])
    parts.append(_table("Rates with 95 % Clopper-Pearson intervals", ["rate", "value"], lines))
    return "".join(parts)


def _summary_rows(groups: dict[str, Any]) -> list[list[str]]:
    return [
        [
            name,
            _rate(one["sensitivity"]["inconclusive_counted_as_negative"]),
            _rate(one["specificity"]["inconclusive_excluded"]),
            _rate(one["yield"]),
        ]
        for name, one in groups.items()
    ]


def page(found: dict[str, Any]) -> str:
    """The page for an evaluation document."""
    parts = [
        f"<p>{found['tests']} tests, {found['devices']} devices, {len(found['lots'])} lots, "
        f"{len(found['venues'])} venues. Truth known for {found['with_truth']}. "
        f"Signatures: {html.escape(', '.join(f'{n} {word}' for word, n in found['signatures'].items()))}.</p>",
        _table("Verdicts", list(VERDICTS), [[str(found["verdicts"][word]) for word in VERDICTS]]),
    ]
    if found["accuracy"]:
        parts.append(_accuracy("Verdict against truth", found["accuracy"]))
        rows = [
            [f"{100 * one['prevalence']:g} %", *(_percent(one[key]) for key in ("ppv", "npv"))]
            for one in found["accuracy"]["predictive_values"]
        ]
        parts.append(
            "<p>How often an answer is right depends on how common spiking is. The positive predictive value is the "
            "share of positive answers that are true.</p>"
            + _table("Predictive values", ["prevalence", "positive", "negative"], rows)
        )
        head = ["", "sensitivity", "specificity", "yield"]
        parts.append(_table("By drug (specificity over all clean drinks)", head, _summary_rows(found["by_drug"])))
        parts.append(_table("By drink", head, _summary_rows(found["by_drink"])))
    else:
        parts.append("<p>No record states what was in the drink: no sensitivity or specificity can be given.</p>")
    for title, key in (("Why tests were refused", "refusals"), ("Why tests were inconclusive", "doubts")):
        if found[key]:
            parts.append(_table(title, ["reason", "tests"], [[why, str(n)] for why, n in found[key].items()]))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Drink-test evaluation</title>'
        f"<style>{STYLE}</style><h1>Drink-test evaluation</h1>{''.join(parts)}</html>\n"
    )
