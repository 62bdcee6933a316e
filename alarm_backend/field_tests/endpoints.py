"""Field tests over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from alarm_backend.access import DrinkTestReader, GatewayCaller, ServicesOf
from alarm_backend.alarms.schemas import Results
from alarm_backend.field_tests.schemas import FieldTestsIn, FieldTestView

router = APIRouter(prefix="/api/v1", tags=["field tests"])


@router.post("/field-tests")
def post_field_tests(body: FieldTestsIn, services: ServicesOf, caller: GatewayCaller) -> Results:
    """Store records; may be repeated."""
    return Results(results=services.field_tests.ingest(body.records, caller))


@router.get("/field-tests")
def get_field_tests(
    services: ServicesOf, _user: DrinkTestReader, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[FieldTestView]:
    """The records that arrived last."""
    return services.field_tests.newest(limit)
