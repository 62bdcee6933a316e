"""Why something was not done, in the reader's language (for scripts: `refusals.js`)."""

from __future__ import annotations

from pydantic import ValidationError

from alarm_backend.console import catalogue
from alarm_backend.errors import AlarmBackendError, InvalidRequest

BROWSER_TEXTS = ("refusal.", "invalid.", "field.")
UNNAMED = "other"
"""What is said of a fault of the input that has no text of its own: never English words in another language."""


def refused(language: str, error: AlarmBackendError) -> str:
    """The reason of a refusal, with the field when it is about one."""
    said = catalogue.told(language, f"refusal.{error.code}", error.values)
    return f"{catalogue.word(language, 'field', error.field)}: {said}" if isinstance(error, InvalidRequest) else said


def invalid(language: str, error: ValidationError) -> str:
    """The first fault of an input that a model does not take."""
    first = error.errors()[0]
    key = f"invalid.{first['type']}"
    if key not in catalogue.texts():
        key = f"invalid.{UNNAMED}"
    said = catalogue.told(language, key, first.get("ctx", {}))
    field = next((str(part) for part in reversed(first["loc"]) if isinstance(part, str)), "")
    return f"{catalogue.word(language, 'field', field)}: {said}" if field else said
