"""What a person sees who opens an address that is not there, or that is not for this role."""

from __future__ import annotations

from fastapi import Request, Response

from alarm_backend.console import catalogue
from alarm_backend.console.page_frame import language_of, pages
from alarm_backend.console.refusal_texts import refused
from alarm_backend.errors import AlarmBackendError


def opened_by_a_person(request: Request) -> bool:
    """Whether a browser opens the address as a page; scripts and programs get JSON."""
    wants_page = "text/html" in request.headers.get("accept", "")
    return wants_page and request.method == "GET" and "hx-request" not in request.headers


def fault_page(
    request: Request, status: int, error: AlarmBackendError | None = None, otherwise: str = "fault.unknown"
) -> Response:
    """The reason in the reader's language, and the way back; without an error of ours what the catalogue says."""
    language = language_of(request)
    why = refused(language, error) if error else catalogue.text(language, otherwise)
    return pages.render(request, "fault.html", status=status, why=why)
