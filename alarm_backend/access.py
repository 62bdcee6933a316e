"""Who calls: what endpoints and pages declare to get the services, the session, and the right role.

`OperatorUser` for everything about alarms and positions; `AnyUser` where evaluators may look too; unsafe methods of a
signed-in user need the session's CSRF token in `X-CSRF-Token` or in the form field `csrf_token`.
"""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from alarm_backend.auth.schemas import ROLES, SessionView, User
from alarm_backend.errors import Forbidden, NotSignedIn
from alarm_backend.services import Services

COOKIE = "waakzaam_session"
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
GATEWAY = "gateway"


def services_of(request: Request) -> Services:
    """The services of this process."""
    services: Services = request.app.state.services
    return services


async def _services_of(request: Request) -> Services:
    """The same as a dependency: one that waits for nothing is async, or each would cost a change of thread."""
    return services_of(request)


ServicesOf = Annotated[Services, Depends(_services_of)]


def set_session_cookie(request: Request, response: Response, token: str) -> None:
    """Give the browser its session."""
    settings = services_of(request).settings
    response.set_cookie(
        COOKIE,
        token,
        max_age=settings.session_ms // 1000,
        httponly=True,
        samesite="strict" if settings.secure_cookies else "lax",
        secure=settings.secure_cookies,
        path="/",
    )


async def _sent_csrf(request: Request) -> str:
    sent = request.headers.get(CSRF_HEADER, "")
    if not sent and request.headers.get("content-type", "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        value = (await request.form()).get(CSRF_FIELD)
        sent = value if isinstance(value, str) else ""
    return sent


def _session(request: Request, services: ServicesOf) -> SessionView:
    token = request.cookies.get(COOKIE)
    if not token:
        raise NotSignedIn("sign_in_first")
    return services.auth.session(token)


async def session_of(request: Request, session: Annotated[SessionView, Depends(_session)]) -> SessionView:
    """The caller's session; for unsafe methods only with its CSRF token."""
    if request.method not in SAFE_METHODS and not secrets.compare_digest(
        (await _sent_csrf(request)).encode(), session.csrf.encode()
    ):
        raise Forbidden("other_session", header=CSRF_HEADER, field=CSRF_FIELD)
    return session


SessionOf = Annotated[SessionView, Depends(session_of)]


class Allowed:
    """Lets through the users of some roles."""

    def __init__(self, *roles: str) -> None:
        self.roles = frozenset(roles)

    async def __call__(self, session: SessionOf) -> User:
        return self.user_of(session)

    def user_of(self, session: SessionView) -> User:
        """The session's user. Raises Forbidden for one of another role."""
        if session.user.role not in self.roles:
            raise Forbidden("not_this_role", role=session.user.role)
        return session.user


AnyUser = Annotated[User, Depends(Allowed(*ROLES))]
OperatorUser = Annotated[User, Depends(Allowed("operator", "supervisor"))]
SupervisorUser = Annotated[User, Depends(Allowed("supervisor"))]
AdministratorUser = Annotated[User, Depends(Allowed("administrator"))]
DRINK_TEST_READERS = ("operator", "supervisor", "evaluator", "administrator")
DrinkTestReader = Annotated[User, Depends(Allowed(*DRINK_TEST_READERS))]
"""Sees drink tests, which carry no person."""
ORDER_READERS = ("operator", "supervisor", "case_manager")
CASE_WORKERS = ("case_manager", "supervisor")
OrderReader = Annotated[User, Depends(Allowed(*ORDER_READERS))]
"""Sees orders, their versions and which tracker is on whom; not alarms, not positions."""
MAINTENANCE_READERS = (*ORDER_READERS, "administrator")
MaintenanceReader = Annotated[User, Depends(Allowed(*MAINTENANCE_READERS))]
"""Sees what is being worked on."""
CaseUser = Annotated[User, Depends(Allowed(*CASE_WORKERS))]
"""Drafts and signs off orders, hooks up trackers."""
StockUser = Annotated[User, Depends(Allowed("administrator"))]
"""Keeps the stock of bracelets and strips."""
INDICATOR_READERS = ("evaluator", "administrator", "supervisor")
IndicatorReader = Annotated[User, Depends(Allowed(*INDICATOR_READERS))]
"""Sees counts and pseudonyms for the report."""


def _bearer(request: Request, services: Services) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    expected = services.settings.gateway_token.encode()
    return scheme.lower() == "bearer" and secrets.compare_digest(token.strip().encode(), expected)


async def gateway_caller(request: Request, services: ServicesOf) -> str:
    """Only the gateway, by its bearer token."""
    return _gateway(request, services)


def _gateway(request: Request, services: Services) -> str:
    if not _bearer(request, services):
        raise NotSignedIn("send_gateway_token")
    return GATEWAY


GatewayCaller = Annotated[str, Depends(gateway_caller)]


def gateway_or_user(request: Request, services: ServicesOf) -> str:
    """The gateway, or somebody signed in who may read orders (safe methods only)."""
    if "authorization" in request.headers:
        return _gateway(request, services)
    user = _session(request, services).user
    if user.role not in ORDER_READERS:
        raise Forbidden("not_this_role", role=user.role)
    return user.username


GatewayOrUser = Annotated[str, Depends(gateway_or_user)]


async def orders_importer(request: Request, services: ServicesOf) -> str:
    """An administrator; or the gateway, where the backend was started to take unsigned orders from it."""
    if "authorization" in request.headers:
        caller = _gateway(request, services)
        if not services.settings.accept_unsigned_orders:
            raise Forbidden("unsigned_orders")
        return caller
    session = await session_of(request, await run_in_threadpool(_session, request, services))
    return Allowed("administrator").user_of(session).username


OrdersImporter = Annotated[str, Depends(orders_importer)]
