"""`GET /events`: the console's live line."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from alarm_backend.access import COOKIE, OperatorUser, ServicesOf
from alarm_backend.services import Services

router = APIRouter(tags=["events"])


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "Server-sent events; see event_stream/schemas"}
    },
)
async def events(
    request: Request,
    services: ServicesOf,
    user: OperatorUser,
    last_event_id: Annotated[int | None, Header(ge=0, le=2**53)] = None,
    after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
) -> StreamingResponse:
    """Events after `Last-Event-ID` (or `?after=` for the first connection of a page), without loss; then live."""
    resume_after = last_event_id if last_event_id is not None else after
    # Positions go out on this line: who listens from where on is a read of locations like any other.
    await run_in_threadpool(
        services.audit.record_reads,
        user.username,
        "position.stream",
        [("platform:events", {"after": resume_after})],
    )
    return StreamingResponse(
        _while_signed_in(services, request.cookies.get(COOKIE, ""), services.events.stream(resume_after)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _while_signed_in(services: Services, token: str, lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """The lines for as long as the session holds: a role that is taken away must not go on seeing positions.

    Looked at no more often than the line says that it lives; a browser that asks again hears that nobody is signed in.
    """
    looked_s = time.monotonic()
    async for line in lines:
        if time.monotonic() - looked_s >= services.settings.event_ping_ms / 1000:
            looked_s = time.monotonic()
            if await run_in_threadpool(services.auth.has_ended, token):
                return
        yield line
