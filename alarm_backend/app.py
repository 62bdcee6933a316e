"""Composition root: settings and clocks in, a FastAPI application out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from alarm_backend import console, health
from alarm_backend.access import COOKIE
from alarm_backend.alarms import endpoints as alarms
from alarm_backend.auth import endpoints as auth
from alarm_backend.clocks import Clocks, real_clock_ms
from alarm_backend.console.fault_page import fault_page, opened_by_a_person
from alarm_backend.console.shared import Shared
from alarm_backend.devices import endpoints as devices
from alarm_backend.drafts import endpoints as drafts
from alarm_backend.drafts import what_if
from alarm_backend.errors import AlarmBackendError, InvalidRequest, NotSignedIn, TooManyRequests
from alarm_backend.event_stream import endpoints as event_stream
from alarm_backend.feedback import endpoints as feedback
from alarm_backend.field_tests import endpoints as field_tests
from alarm_backend.heartbeats import endpoints as heartbeats
from alarm_backend.instructions import endpoints as instructions
from alarm_backend.maintenance import endpoints as maintenance
from alarm_backend.operations import metrics
from alarm_backend.orders import endpoints as orders
from alarm_backend.people import endpoints as people
from alarm_backend.police import endpoints as police
from alarm_backend.positions import endpoints as positions
from alarm_backend.rate_limits import RateLimits
from alarm_backend.reports import endpoints as reports
from alarm_backend.services import build
from alarm_backend.settings import Settings
from alarm_backend.stock import endpoints as stock
from alarm_backend.watch import Watch

SIGN_IN_PAGE = "/login"
PAGE_FAULTS = (403, 404)
FEATURES = (
    alarms,
    auth,
    devices,
    drafts,
    event_stream,
    feedback,
    field_tests,
    heartbeats,
    instructions,
    maintenance,
    orders,
    people,
    police,
    positions,
    reports,
    stock,
)
FAULT = {
    "type": "object",
    "properties": {
        "detail": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
        "code": {"type": "string", "description": "Stable name of the reason (`alarm_backend/refusals.py`)"},
        "values": {"type": "object", "description": "What the reason's sentence names"},
        "field": {"type": "string", "description": "Which part of the input cannot be used"},
    },
    "required": ["detail"],
}
FAULTS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {"application/json": {"schema": FAULT}},
    }
    for status, text in (
        (400, "The body is no JSON"),
        (401, "Nobody is signed in, or the token is wrong"),
        (403, "This role may not do that, or the CSRF token is missing"),
        (404, "Not there"),
        (409, "Not possible in the present state"),
        (422, "The input cannot be used: says which field"),
        (429, "Too often: Retry-After says how long to wait"),
        (503, "The database cannot be used at the moment; try again"),
    )
}


def create_app(
    settings: Settings,
    now_ms: Callable[[], int],
    wall_ms: Callable[[], int] = real_clock_ms,
    ask_what_if: what_if.Port = what_if.no_port,
) -> FastAPI:
    """The backend. `now_ms` is the process clock, `wall_ms` the real one. Raises StoreUnavailable.

    The database must have its schema (`alarm_backend.store.migrate.upgrade`).
    """
    services = build(settings, Clocks(now_ms, wall_ms), ask_what_if)
    watch = Watch(services)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        services.events.attach(asyncio.get_running_loop())
        watching = asyncio.create_task(watch.run())
        try:
            yield
        finally:
            services.events.end()
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            watch.join()
            services.database.close()

    app = FastAPI(title="Waakzaam alarm backend", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.services = services
    app.state.watch = watch
    app.state.shared_orders = Shared()
    app.state.shared_situations = Shared()
    app.state.shared_alarms = Shared()
    app.state.shared_panels = Shared()
    for feature in FEATURES:
        app.include_router(feature.router, responses=FAULTS)
    app.include_router(health.router)
    app.include_router(metrics.router, responses=FAULTS)
    app.include_router(console.router, include_in_schema=False)
    if settings.rate_limits:
        app.add_middleware(RateLimits, gateway_token=settings.gateway_token, cookie=COOKIE)
    app.add_exception_handler(AlarmBackendError, _answer)
    app.add_exception_handler(HTTPException, _no_such_address)
    app.add_exception_handler(DBAPIError, _database_gone)
    app.add_exception_handler(PoolTimeout, _database_gone)
    app.add_exception_handler(Exception, _unexpected)
    return app


def _answer(request: Request, error: Exception) -> Response:
    """An error of ours as an HTTP answer: for a person a page, for who is not signed in the sign-in page."""
    assert isinstance(error, AlarmBackendError)
    if opened_by_a_person(request) and request.url.path != SIGN_IN_PAGE:
        if isinstance(error, NotSignedIn):
            return RedirectResponse(SIGN_IN_PAGE, status_code=303)
        if error.status in PAGE_FAULTS:
            return fault_page(request, error.status, error)
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooManyRequests) else {}
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    body = {"detail": str(error), "code": error.code, "values": error.values}
    if isinstance(error, InvalidRequest):
        body["field"] = error.field
    return JSONResponse(jsonable_encoder(body), status_code=error.status, headers=headers)


async def _no_such_address(request: Request, error: Exception) -> Response:
    """What the framework answers itself, for a person as a page."""
    assert isinstance(error, HTTPException)
    if error.status_code in PAGE_FAULTS and opened_by_a_person(request):
        return fault_page(request, error.status_code)
    return await http_exception_handler(request, error)


def _unexpected(request: Request, _error: Exception) -> Response:
    """A fault of our own, which is logged with its traceback after this answer."""
    if opened_by_a_person(request):
        return fault_page(request, 500, otherwise="fault.inside")
    return JSONResponse({"detail": "Internal Server Error"}, status_code=500)


def _database_gone(request: Request, error: Exception) -> Response:
    """The database failed under a request: say so with 503, so that the sender keeps the item and tries again."""
    if opened_by_a_person(request):
        return fault_page(request, 503, otherwise="fault.database")
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    body = {"detail": f"database: {reason}", "code": "database_away", "values": {"reason": reason}}
    return JSONResponse(body, status_code=503, headers={"Retry-After": "2"})
