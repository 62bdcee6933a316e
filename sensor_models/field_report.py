"""The evaluator's report as one HTML page that needs nothing else, in Dutch, English or French."""

from __future__ import annotations

import html
import tomllib
from pathlib import Path
from typing import Any

from sensor_models.field_log import VERDICTS
from sensor_models.forest_plot import Row, forest_plot

TEXTS: dict[str, dict[str, str]] = tomllib.loads(
    (Path(__file__).parent / "field_report_texts.toml").read_text(encoding="utf-8")
)
LANGUAGES = tuple(TEXTS)
STYLE = """
:root{color-scheme:light dark;--ink:#16202b;--paper:#fff;--soft:#5b6774;--line:#c9d1d9;--own:#0b5fa5;
--peer:#8a929b;--warn:#8a3b00}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#10161d;--soft:#9aa7b4;--line:#364250;--own:#6cb6ff;
--peer:#8a929b;--warn:#ffb27a}}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:var(--ink);
background:var(--paper)}
h1{margin-bottom:.2rem}h2{margin-top:2.2rem}.lead{font-size:1.2rem}.soft{color:var(--soft)}
.warn{border-left:4px solid var(--warn);padding-left:.8rem}.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:.6rem 0 1.4rem}caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{border-bottom:1px solid var(--line);padding:.35rem .8rem;text-align:right;vertical-align:top}
td{white-space:nowrap}th:first-child,td:first-child{text-align:left;padding-left:0;white-space:normal}
.forest{width:100%;min-width:42rem;max-width:54rem;font-size:14px}
.forest text{fill:currentColor}.forest .grid{stroke:var(--line)}
.forest .bar{stroke-width:4;stroke-linecap:round}.own .bar{stroke:var(--own)}.own circle{fill:var(--own)}
.peer{color:var(--soft)}.peer .bar{stroke:var(--peer)}.peer circle{fill:var(--peer)}
"""


class _Page:
    """The texts of one language and the pieces written so far."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.texts = TEXTS[language]
        self.parts: list[str] = []

    def say(self, key: str, **facts: Any) -> str:
        return self.texts[key].format(**facts)

    def head(self, key: str) -> None:
        self.parts.append(f"<h2>{html.escape(self.texts[key])}</h2>")

    def paragraph(self, text: str, kind: str = "") -> None:
        self.parts.append(f'<p class="{kind}">{html.escape(text)}</p>' if kind else f"<p>{html.escape(text)}</p>")

    def warning(self, text: str, places: list[str]) -> None:
        items = "".join(f"<li>{html.escape(place)}</li>" for place in places[:10])
        more = "<li>…</li>" if len(places) > 10 else ""
        self.parts.append(f'<div class="warn"><p>{html.escape(text)}</p><ul>{items}{more}</ul></div>')

    def table(self, caption: str, head: list[str], rows: list[list[str]]) -> None:
        top = "".join(f'<th scope="col">{html.escape(value)}</th>' for value in head)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(value)}</td>" for value in row) + "</tr>" for row in rows)
        said = f"<caption>{html.escape(caption)}</caption>" if caption else ""
        self.parts.append(
            f'<div class="scroll"><table>{said}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
        )

    def number(self, value: float, form: str = ".1f") -> str:
        text = format(value, form)
        return text if self.language == "en" else text.replace(".", ",")

    def percent(self, value: float | None) -> str:
        return "–" if value is None else f"{self.number(100 * value)} %"

    def rate(self, rate: dict[str, Any]) -> str:
        if rate["value"] is None:
            return self.texts["no_trials"]
        low, high = (self.number(100 * v) for v in rate["clopper_pearson_95"])
        return f"{self.percent(rate['value'])} ({low}–{high}), {rate['hits']} {self.texts['of']} {rate['n']}"

    def short_rate(self, rate: dict[str, Any]) -> str:
        return (
            self.texts["no_trials"]
            if rate["value"] is None
            else (f"{self.percent(rate['value'])}, {rate['hits']} {self.texts['of']} {rate['n']}")
        )


def page(found: dict[str, Any], language: str = "en") -> str:
    """The page for an evaluation document; `language` is one of LANGUAGES."""
    told = _Page(language)
    known = found["accuracy"]
    _summary(told, found)
    _warnings(told, found)
    if known:
        _figure(told, found)
        _accuracy(told, known)
        for key in ("by_drug", "by_drink", "by_lot", "by_version"):
            _groups(told, key, found[key])
        _doses(told, found["by_dose"])
    told.head("verdicts")
    told.table("", [told.say(word) for word in VERDICTS], [[str(found["verdicts"][word]) for word in VERDICTS]])
    told.paragraph(told.say("note_negative"), "soft")
    for title, key in (("refusals", "refusals"), ("doubts", "doubts"), ("feedback", "feedback")):
        if found[key]:
            rows = [[why or told.say("unknown"), str(n)] for why, n in found[key].items()]
            told.table(told.say(title), [told.say("reason"), told.say("tests")], rows)
    for title, key in (("per_venue", "venues"), ("per_month", "months")):
        if found[key]:
            rows = [[name, str(n)] for name, n in found[key].items()]
            told.table(told.say(title), ["", told.say("tests")], rows)
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(told.say('title'))}</title><style>{STYLE}</style><body><main>"
        f"<h1>{html.escape(told.say('title'))}</h1>{''.join(told.parts)}</main></body></html>\n"
    )


def _summary(told: _Page, found: dict[str, Any]) -> None:
    known = found["accuracy"]
    sensitivity = known and known["sensitivity"]["inconclusive_counted_as_negative"]
    specificity = known and known["specificity"]["inconclusive_counted_as_positive"]
    if known and sensitivity["value"] is not None and specificity["value"] is not None:
        low, high = sensitivity["clopper_pearson_95"]
        clean_low, clean_high = specificity["clopper_pearson_95"]
        numbers = {
            "sensitivity": sensitivity["value"],
            "low": low,
            "high": high,
            "specificity": specificity["value"],
            "clean_low": clean_low,
            "clean_high": clean_high,
        }
        told.paragraph(
            told.say("headline", **{name: told.number(100 * value) for name, value in numbers.items()}), "lead"
        )
    elif not known:
        told.paragraph(told.say("headline_none"), "lead")
    told.paragraph(
        told.say(
            "summary",
            tests=found["tests"],
            devices=found["devices"],
            lots=len(found["lots"]),
            venues=len(found["venues"]),
            first=(found["first"] or "?")[:10],
            last=(found["last"] or "?")[:10],
            with_truth=found["with_truth"],
        )
    )
    words = ", ".join(f"{n} {told.say(word.replace(' ', '_'))}" for word, n in found["signatures"].items())
    told.paragraph(told.say("signatures", words=words), "soft")


def _warnings(told: _Page, found: dict[str, Any]) -> None:
    chain = found["chain"]
    for key, listed in (
        ("left_out_words", found["lines_left_out"]),
        ("forged", found["signature_wrong"]),
        ("gaps", chain["records_missing_before"]),
        ("forks", chain["two_after_one"]),
    ):
        if listed["n"]:
            told.warning(told.say(key, n=listed["n"]), listed["where"])
    if chain["devices_whose_log_begins_later"]:
        told.paragraph(told.say("later", n=chain["devices_whose_log_begins_later"]), "soft")


def _row(told: _Page, label: str, accuracy: dict[str, Any]) -> Row:
    rate = accuracy["sensitivity"]["inconclusive_counted_as_negative"]
    low, high = rate["clopper_pearson_95"]
    return Row(label, rate["value"], low, high, told.short_rate(rate))


def _figure(told: _Page, found: dict[str, Any]) -> None:
    told.head("figure")
    rows = [_row(told, drug, one) for drug, one in found["by_drug"].items()]
    rows.append(_row(told, told.say("everything"), found["accuracy"]))
    for product in found["products"]:
        value, low, high = product["sensitivity"]
        rows.append(Row(product["name"], value, low, high, told.percent(value), True))
    told.parts.append(f'<div class="scroll">{forest_plot(rows, told.say("figure"))}</div>')
    sources = "; ".join(dict.fromkeys(product["source"] for product in found["products"]))
    told.paragraph(told.say("figure_note", source=sources), "soft")


def _accuracy(told: _Page, known: dict[str, Any]) -> None:
    told.head("table")
    rows = [[told.say(row), *(str(known["table"][row][word]) for word in VERDICTS)] for row in ("spiked", "clean")]
    told.table("", [told.say("truth"), *(told.say(word) for word in VERDICTS)], rows)
    rates = [
        (f"{told.say(name)}, {told.say(how)}", rate)
        for name in ("sensitivity", "specificity")
        for how, rate in known[name].items()
    ]
    rates += [(told.say(name), known[name]) for name in ("right_drug", "yield", "invalid")]
    lines = []
    for label, rate in rates:
        lots = rate.get("lot_clustered_95")
        by_lot = "–" if not lots else f"{told.number(100 * lots[0])}–{told.number(100 * lots[1])} %"
        lines.append([label, told.rate(rate), told.percent(rate.get("at_least_95")), by_lot])
    told.table(told.say("rates"), [told.say(key) for key in ("rate", "value", "at_least", "by_lots")], lines)
    if known["predictive_values"]:
        told.head("predictive")
        told.paragraph(told.say("predictive_note"))
        rows = [
            [told.percent(one["prevalence"]), told.percent(one["ppv"]), told.percent(one["npv"])]
            for one in known["predictive_values"]
        ]
        told.table("", [told.say("prevalence"), told.say("ppv"), told.say("npv")], rows)


def _groups(told: _Page, key: str, groups: dict[str, Any]) -> None:
    rows = [
        [
            told.texts.get(name, name) if name in ("undeclared", "unknown") else name,
            told.rate(one["sensitivity"]["inconclusive_counted_as_negative"]),
            told.rate(one["specificity"]["inconclusive_excluded"]),
            told.rate(one["yield"]),
        ]
        for name, one in groups.items()
    ]
    if rows:
        head = ["", told.say("sensitivity"), told.say("specificity"), told.say("yield_short")]
        told.table(told.say(key), head, rows)


def _doses(told: _Page, doses: dict[str, Any]) -> None:
    for drug, found in doses.items():
        rows = [[told.number(one["concentration_mol_l"], ".3g"), told.rate(one)] for one in found["levels"]]
        told.table(f"{told.say('by_dose')}: {drug}", [told.say("concentration"), told.say("share_positive")], rows)
        curve = found["c5_c50_c95_mol_l"]
        said = (
            told.say("no_curve", reason=found["reason"])
            if curve is None
            else (f"{told.say('curve')}: " + "; ".join(told.number(value, ".3g") for value in curve))
        )
        told.paragraph(said, "soft")
