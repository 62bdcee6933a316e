"""`/health`: the process answers. `/ready`: it can do its work."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from alarm_backend.access import ServicesOf
from alarm_backend.errors import StoreUnavailable
from alarm_backend.store.migrate import head_revision, revision_of
from alarm_backend.watch import Watch

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """Whether something is well, and what is not."""

    status: str
    detail: dict[str, Any] = {}


@router.get("/health")
def health() -> Health:
    """The process is alive."""
    return Health(status="ok")


@router.get("/ready", responses={503: {"model": Health}})
def ready(request: Request, response: Response, services: ServicesOf) -> Health:
    """The database answers with the right schema and the deadlines are being watched."""
    wrong: dict[str, Any] = {}
    try:
        services.database.check()
        revision = revision_of(services.database)
        if revision != head_revision():
            wrong["schema"] = f"{revision}, expected {head_revision()}: run waakzaam backend migrate"
    except StoreUnavailable as error:
        wrong["database"] = error.reason
    watch: Watch = request.app.state.watch
    complaints = watch.complaints()
    if complaints:
        wrong["watch"] = complaints
    if wrong:
        response.status_code = 503
        return Health(status="not ready", detail=wrong)
    return Health(status="ok")
