"""Signing in and out over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from alarm_backend.access import COOKIE, AnyUser, ServicesOf, SessionOf, set_session_cookie
from alarm_backend.auth.schemas import SessionView, SignIn
from alarm_backend.errors import NotFound

router = APIRouter(tags=["auth"])


@router.post("/api/v1/session")
def sign_in(body: SignIn, request: Request, response: Response, services: ServicesOf) -> SessionView:
    """Sign in with a name and a password; sets the session cookie."""
    opened = services.auth.sign_in(
        body.username, body.password, body.code, request.client.host if request.client else ""
    )
    set_session_cookie(request, response, opened.token)
    return opened.view


@router.get("/api/v1/session")
def who_am_i(session: SessionOf) -> SessionView:
    """Who is signed in."""
    return session


@router.delete("/api/v1/session", status_code=204)
def sign_out(request: Request, response: Response, services: ServicesOf, _user: AnyUser) -> None:
    """End the session."""
    services.auth.sign_out(request.cookies.get(COOKIE, ""))
    response.delete_cookie(COOKIE, path="/")


@router.post("/single-sign-on/sign-out", status_code=204)
def sign_out_by_provider(logout_token: Annotated[str, Form(max_length=20_000)], services: ServicesOf) -> None:
    """The OpenID provider ends somebody's session (Back-Channel Logout 1.0)."""
    if services.single_sign_on is None:
        raise NotFound("provider", "oidc")
    services.single_sign_on.sign_out_by_provider(logout_token)


@router.get("/sign-in/{token}", response_class=RedirectResponse, status_code=303, responses={401: {}})
def sign_in_by_link(
    token: Annotated[str, Path(max_length=200)], request: Request, services: ServicesOf
) -> RedirectResponse:
    """Sign in once with a link that `waakzaam backend login-link` made, and go to the console."""
    opened = services.auth.sign_in_by_link(token)
    response = RedirectResponse("/", status_code=303)
    set_session_cookie(request, response, opened.token)
    return response
