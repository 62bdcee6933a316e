"""Plain forms: what was typed, and trying what it asks for; what is refused comes back with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from alarm_backend.console import refusal_texts
from alarm_backend.console.page_frame import language_of
from alarm_backend.errors import AlarmBackendError

REFUSED = 422


async def fields(request: Request) -> dict[str, str]:
    """What was typed; an empty field counts as not given."""
    return {key: value.strip() for key, value in (await request.form()).items() if isinstance(value, str) and value}


def attempt(language: str, act: Callable[[], Any]) -> tuple[str, int]:
    """("", 303) when it was done, else the reason in this language and the status."""
    try:
        act()
    except ValidationError as error:
        return refusal_texts.invalid(language, error), REFUSED
    except AlarmBackendError as error:
        return refusal_texts.refused(language, error), error.status
    return "", 303


def answered(request: Request, act: Callable[[], Any], again: Callable[[str, int], Response]) -> Response:
    """The page anew when it was done; when it was refused the page `again`, with the reason and the status."""
    failure, status = attempt(language_of(request), act)
    return again(failure, status) if failure else RedirectResponse(request.url.path, status_code=303)


def only(sent: dict[str, Any], model: Any) -> dict[str, Any]:
    """Of what was sent the fields that a model has."""
    return {name: value for name, value in sent.items() if name in model.model_fields}
