"""Every text of the console in Dutch, English and French: `catalogue.json` and the `catalogue_*.json` beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from alarm_backend.refusals import SENTENCES, filled

LANGUAGES = ("nl", "en", "fr")
DEFAULT_LANGUAGE = "nl"
FOLDER = Path(__file__).parent


@cache
def texts() -> dict[str, dict[str, str]]:
    """Key to language to text; the English of refusals is in `refusals`. Raises ValueError for a key in two files."""
    loaded: dict[str, dict[str, str]] = {}
    for path in sorted(FOLDER.glob("catalogue*.json")):
        found: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
        if twice := loaded.keys() & found.keys():
            raise ValueError(f"{path.name}: {', '.join(sorted(twice))}: already in another catalogue")
        loaded |= found
    for code, english in SENTENCES.items():
        loaded[f"refusal.{code}"]["en"] = english
    return loaded


def text(language: str, key: str, **values: object) -> str:
    """The text of a key with its {places} filled; raises KeyError for a key that is not in the catalogue."""
    return texts()[key][language].format(**values) if values else texts()[key][language]


def word(language: str, group: str, value: str) -> str:
    """The text of `group.value`; a value the catalogue does not know is shown as it is, never hidden."""
    entry = texts().get(f"{group}.{value}")
    return entry[language] if entry else value.replace("_", " ")


def told(language: str, key: str, values: Mapping[str, object]) -> str:
    """A text whose places may name a group of words (`refusals`)."""
    return filled(texts()[key][language], values, lambda group, value: word(language, group, value))


def for_browser(language: str, prefixes: Iterable[str]) -> dict[str, str]:
    """The texts that the page's scripts need, in one language."""
    chosen = tuple(prefixes)
    return {key: forms[language] for key, forms in texts().items() if key.startswith(chosen)}


def choose(wanted: str | None, accept_language: str | None) -> str:
    """The language of a page: the operator's choice, else the browser's first that we have, else Dutch."""
    if wanted in LANGUAGES:
        return str(wanted)
    for part in (accept_language or "").split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return DEFAULT_LANGUAGE
