"""The page for whoever wears a bracelet: what the light means and what to do now. For a phone, without signing in."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from alarm_backend.console.page_frame import pages

router = APIRouter()
VERDICTS = ("positive", "inconclusive", "invalid", "negative")
HELPLINES = (("112", "112"), ("101", "101"), ("1712", "1712"))


@router.get("/wearer")
def wearer_page(request: Request) -> Response:
    """What each light means, what to do now, whom to call. Holds nothing about anybody."""
    return pages.render(request, "wearer.html", verdicts=VERDICTS, helplines=HELPLINES)
