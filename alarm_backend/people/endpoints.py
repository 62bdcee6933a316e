"""Identities over HTTP: supervisors put them in; they are read only with an alarm at hand (see instructions)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from alarm_backend.access import ServicesOf, SupervisorUser
from alarm_backend.people.schemas import Identity

router = APIRouter(prefix="/api/v1", tags=["people"])
PersonId = Annotated[str, Path(max_length=80, pattern=r"^[^\x00-\x1f]+$")]


@router.put("/people/{person_id}", status_code=204)
def put_identity(person_id: PersonId, body: Identity, services: ServicesOf, user: SupervisorUser) -> None:
    """Keep who a pseudonym is."""
    services.people.put(person_id, body, user.username)
