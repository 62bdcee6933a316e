"""Every text the console shows is in one catalogue, in three languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from alarm_backend.alarms.lifecycle import CAUSES, EVENTS, OPERATOR_EVENTS, STATES
from alarm_backend.alarms.schemas import Kind
from alarm_backend.console import case_pages, catalogue
from alarm_backend.console.libraries import CONSOLE
from alarm_backend.console.pages import BROWSER_TEXTS

TEMPLATES = sorted((CONSOLE / "templates").glob("*.html"))
SCRIPTS = sorted((CONSOLE / "static" / "js").glob("*.js"))


@pytest.mark.parametrize("key", sorted(catalogue.texts()))
def test_a_text_exists_in_every_language_with_the_same_places(key: str) -> None:
    forms = catalogue.texts()[key]
    assert set(forms) == set(catalogue.LANGUAGES)
    assert all(form.strip() for form in forms.values())
    places = {language: sorted(re.findall(r"\{(\w+)(?:!r)?(:[\w.]+)?\}", form)) for language, form in forms.items()}
    assert places["nl"] == places["fr"]
    if key.startswith("refusal."):  # the API's English may say more than a person at a desk needs
        assert set(places["nl"]) <= set(places["en"])
    else:
        assert places["nl"] == places["en"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_text_of_its_own(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    text = re.sub(r"\{% block body_class %\}[\w ]+\{% endblock %\}", "", text)
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
    attributes = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*[A-Za-z][^"]*)"', text)
    assert attributes == []
    bare = re.sub(
        r"<!doctype html>|<(script|svg|kbd|title)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE
    )
    assert re.findall(r"[A-Za-zÀ-ÿ]{2,}", bare) == []


def _keys_of(template: Path) -> set[str]:
    return set(re.findall(r"""\bt\(\s*["']([\w.]+)["']\s*[,)]""", template.read_text(encoding="utf-8")))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_names_only_texts_that_exist(template: Path) -> None:
    assert _keys_of(template) - set(catalogue.texts()) == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_names_only_texts_that_exist_and_are_sent_to_the_browser(script: Path) -> None:
    keys = set(re.findall(r'\btext\("([\w.]+)"', script.read_text(encoding="utf-8")))
    assert keys - set(catalogue.texts()) == set()
    assert {key for key in keys if not key.startswith((*BROWSER_TEXTS, *case_pages.BROWSER_TEXTS))} == set()


@pytest.mark.parametrize(
    ("group", "values"),
    [
        ("kind", get_args(Kind)),
        ("state", STATES),
        ("cause", CAUSES),
        ("act", OPERATOR_EVENTS),
        ("transition", EVENTS),
        ("severity", range(1, 6)),
    ],
)
def test_every_word_of_the_domain_has_a_text(group: str, values: tuple[str, ...]) -> None:
    missing = [f"{group}.{value}" for value in values if f"{group}.{value}" not in catalogue.texts()]
    assert missing == []


def test_a_word_nobody_knows_is_shown_as_it_is() -> None:
    assert catalogue.word("nl", "kind", "meteor_strike") == "meteor strike"


@pytest.mark.parametrize(
    ("wanted", "accepted", "chosen"),
    [(None, None, "nl"), ("fr", "en", "fr"), (None, "fr-BE,nl;q=0.8", "fr"), ("xx", "de,en;q=0.5", "en")],
)
def test_the_language_is_the_operators_choice_then_the_browsers_then_dutch(
    wanted: str | None, accepted: str | None, chosen: str
) -> None:
    assert catalogue.choose(wanted, accepted) == chosen
