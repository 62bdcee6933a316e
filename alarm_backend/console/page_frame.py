"""What every page has: language, theme, navigation, headers that let nothing run but our own scripts."""

from __future__ import annotations

import gzip
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from alarm_backend.access import DRINK_TEST_READERS, INDICATOR_READERS, MAINTENANCE_READERS, ORDER_READERS
from alarm_backend.auth.schemas import SessionView
from alarm_backend.console import catalogue, verdict_reasons
from alarm_backend.console.assets import Assets
from alarm_backend.console.libraries import CONSOLE
from alarm_backend.console.rhythms import RHYTHMS

ZONE = ZoneInfo("Europe/Brussels")
LANGUAGE_COOKIE = "waakzaam_language"
THEME_COOKIE = "waakzaam_theme"
THEMES = ("dark", "light")

# Scripts of ours set positions through the CSSOM, which style-src does not govern.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
    "Cache-Control": "no-store",
}

OPERATOR_ROLES = frozenset({"operator", "supervisor"})
PAGES = (
    ("queue", "/", OPERATOR_ROLES),
    ("search", "/search", OPERATOR_ROLES),
    ("orders", "/orders", frozenset(ORDER_READERS)),
    ("devices", "/devices", frozenset(ORDER_READERS)),
    ("handover", "/handover", OPERATOR_ROLES),
    ("field_tests", "/field-tests", frozenset(DRINK_TEST_READERS)),
    ("indicators", "/indicators", frozenset(INDICATOR_READERS)),
    ("stock", "/stock", frozenset(INDICATOR_READERS) - {"supervisor"}),
    ("maintenance", "/maintenance", frozenset(MAINTENANCE_READERS) - OPERATOR_ROLES),
)
"""Name, path and the roles whose bar shows it.

That of operators has no room for the maintenance: they go there from the hand-over and from the line about it."""


def home_of(role: str) -> str:
    """Where this role starts: operators at the queue, case managers at the orders, the others at the drink tests."""
    return next(path for _, path, roles in PAGES if role in roles)


def language_of(request: Request) -> str:
    """The language this browser's operator reads."""
    return catalogue.choose(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language"))


def theme_of(request: Request) -> str:
    """Dark unless light was chosen: control rooms are dim."""
    chosen = request.cookies.get(THEME_COOKIE)
    return chosen if chosen in THEMES else THEMES[0]


def moment_text(ms: int | None) -> str:
    """A time as the control room writes it, in Belgian time; a dash when there is none."""
    return "–" if ms is None else datetime.fromtimestamp(ms / 1000, ZONE).strftime("%d-%m-%Y %H:%M:%S")


def duration_text(language: str, ms: int) -> str:
    """How long something took, as one reads it: seconds with a tenth, minutes with seconds, whole minutes, hours."""

    def unit(name: str) -> str:
        return catalogue.text(language, f"unit.{name}")

    tenths = round(ms / 100)
    if tenths < 600:
        return f"{tenths // 10}{'.' if language == 'en' else ','}{tenths % 10}\u202f{unit('s')}"
    seconds = round(ms / 1000)
    if seconds < 600:
        rest = f" {seconds % 60}\u202f{unit('s')}" if seconds % 60 else ""
        return f"{seconds // 60}\u202f{unit('min')}{rest}"
    minutes = round(ms / 60_000)
    if minutes < 60:
        return f"{minutes}\u202f{unit('min')}"
    rest = f" {minutes % 60}\u202f{unit('min')}" if minutes % 60 else ""
    return f"{minutes // 60}\u202f{unit('h')}{rest}"


def compressed(request: Request, response: Response) -> Response:
    """The same answer in gzip when the browser takes it.

    Only for answers that repeat nothing the caller sent: a secret compressed beside chosen text leaks (BREACH).
    """
    if "gzip" in request.headers.get("accept-encoding", ""):
        response.body = gzip.compress(bytes(response.body), 6, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _working(request: Request, language: str) -> str:
    """What is being worked on now, as every page says it; "" = nothing (as `working` in health.js)."""
    running = request.app.state.services.maintenance.running()
    return " · ".join(
        catalogue.text(
            language,
            "status.working",
            what=window.target or catalogue.text(language, f"status.scope.{window.scope}"),
            until=datetime.fromtimestamp(window.ends_ms / 1000, ZONE).strftime("%H:%M"),
        )
        for window in running
    )


class Pages:
    """Renders templates with the frame that all of them share."""

    def __init__(self, assets: Assets) -> None:
        self.assets = assets
        self._environment = Environment(
            loader=FileSystemLoader(CONSOLE / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(
        self, request: Request, name: str, session: SessionView | None = None, status: int = 200, **facts: Any
    ) -> HTMLResponse:
        """A page or a fragment of one."""
        language = language_of(request)

        def text(key: str, **values: object) -> str:
            return catalogue.text(language, key, **values)

        def word(group: str, value: object) -> str:
            return catalogue.word(language, group, str(value))

        role = session.user.role if session else None
        body = self._environment.get_template(name).render(
            t=text,
            word=word,
            language=language,
            languages=catalogue.LANGUAGES,
            rhythm=lambda verdict: RHYTHMS.get(verdict, ()),
            percent=lambda share: f"{share * 100:.0f} %",
            moment=moment_text,
            duration=lambda ms: duration_text(language, ms),
            reason=lambda words: verdict_reasons.said(language, words),
            theme=theme_of(request),
            asset=self.assets.address,
            vendor_ready=self.assets.libraries_ready,
            path=request.url.path,
            operator=session.user if session else None,
            csrf=session.csrf if session else "",
            working=_working(request, language) if role in MAINTENANCE_READERS else "",
            pages=[{"name": page, "path": path} for page, path, roles in PAGES if role in roles],
            **{"here": "", **facts},
        )
        return HTMLResponse(body, status_code=status, headers=HEADERS)


assets = Assets()
pages = Pages(assets)
