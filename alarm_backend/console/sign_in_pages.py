"""Where people sign in and out: by name and password, or through the OpenID provider."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from alarm_backend.access import COOKIE, ServicesOf, SessionOf, services_of, set_session_cookie
from alarm_backend.auth.oidc_settings import CALLBACK
from alarm_backend.auth.single_sign_on import SIGN_IN_MS
from alarm_backend.console import catalogue
from alarm_backend.console.page_frame import home_of, language_of, pages
from alarm_backend.errors import NotFound, NotSignedIn, ProviderUnavailable, TooManyRequests

SIGN_IN_COOKIE = "waakzaam_sign_in"
OIDC_PATH = "/single-sign-on"
SIX_DIGITS = re.compile(r"[0-9]{6}")

router = APIRouter()


def _login_page(request: Request, failure: str = "", status: int = 200, username: str = "") -> Response:
    single_sign_on = services_of(request).single_sign_on is not None
    return pages.render(
        request, "login.html", status=status, failure=failure, single_sign_on=single_sign_on, username=username
    )


def _onward(request: Request, address: str) -> Response:
    """A page that goes on by itself.

    Not a redirect: after an answer to another site's request, browsers leave a strict cookie out of it; and a form's
    redirect to the provider is what our own form-action forbids.
    """
    return pages.render(request, "onward.html", address=address)


@router.get("/login")
def login_page(request: Request) -> Response:
    """Where to sign in."""
    return _login_page(request)


@router.post("/login")
def login(
    request: Request,
    services: ServicesOf,
    username: Annotated[str, Form(max_length=80)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    code: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Sign in and go to the console; the page again, with the reason, when it does not work."""
    language = language_of(request)
    digits = code.replace(" ", "")
    address = request.client.host if request.client else ""
    try:
        opened = services.auth.sign_in(username, password, digits if SIX_DIGITS.fullmatch(digits) else None, address)
    except NotSignedIn:
        return _login_page(request, catalogue.text(language, "login.failed"), 401, username)
    except TooManyRequests as wait:
        return _login_page(request, catalogue.text(language, "login.locked", seconds=wait.retry_after_s), 429, username)
    response = RedirectResponse(home_of(opened.view.user.role), status_code=303)
    set_session_cookie(request, response, opened.token)
    return response


@router.get(OIDC_PATH)
def begin_single_sign_on(request: Request, services: ServicesOf) -> Response:
    """Go to the provider."""
    if services.single_sign_on is None:
        raise NotFound("provider", "oidc")
    try:
        begun = services.single_sign_on.begin()
    except ProviderUnavailable:
        return _login_page(request, catalogue.text(language_of(request), "login.provider_away"), 503)
    response = RedirectResponse(begun.url, status_code=303, headers={"Cache-Control": "no-store"})
    response.set_cookie(
        SIGN_IN_COOKIE,
        begun.cookie,
        max_age=SIGN_IN_MS // 1000,
        httponly=True,
        samesite="lax",  # it must come along when the provider sends the browser back
        secure=services.settings.secure_cookies,
        path=OIDC_PATH,
    )
    return response


@router.get(CALLBACK)
def finish_single_sign_on(
    request: Request,
    services: ServicesOf,
    code: Annotated[str, Query(max_length=2000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str | None, Query(max_length=300)] = None,
) -> Response:
    """The provider sends the browser back: open the session, or say why not."""
    if services.single_sign_on is None:
        raise NotFound("provider", "oidc")
    language = language_of(request)
    try:
        if not code:  # refused or given up at the provider: its words are not ours to repeat
            raise NotSignedIn("no_code")
        cookie = request.cookies.get(SIGN_IN_COOKIE, "")
        opened = services.single_sign_on.finish(cookie=cookie, state=state, code=code, issuer=iss)
    except NotSignedIn:
        response = _login_page(request, catalogue.text(language, "login.provider_refused"), 401)
    except ProviderUnavailable:
        response = _login_page(request, catalogue.text(language, "login.provider_away"), 503)
    else:
        response = _onward(request, home_of(opened.view.user.role))
        set_session_cookie(request, response, opened.token)
    response.delete_cookie(SIGN_IN_COOKIE, path=OIDC_PATH)
    return response


def _signed_in(session: SessionOf) -> None:
    """Only with a session, and only with its CSRF token."""


@router.post("/logout", dependencies=[Depends(_signed_in)])
def logout(request: Request, services: ServicesOf) -> Response:
    """End the session, and the one at the provider when it came from there."""
    how = services.auth.sign_out(request.cookies.get(COOKIE, ""))
    response: Response = RedirectResponse("/login", status_code=303)
    if how == "oidc" and services.single_sign_on is not None:
        try:
            ending = services.single_sign_on.provider.end_session_url()
        except ProviderUnavailable:
            ending = None  # ours has ended; the provider's ends by its own time
        if ending:
            response = _onward(request, ending)
    response.delete_cookie(COOKIE, path="/")
    return response
