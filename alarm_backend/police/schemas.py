"""Hand-overs on the way in and out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints


class HandoverIn(BaseModel):
    """A message to the police; the first one about an alarm is an Alert whatever is asked."""

    msg_type: Literal["Alert", "Update", "Cancel"] = "Alert"
    note: Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")] = ""


class HandoverView(BaseModel):
    """A message and what became of it.

    `waiting` (not tried yet), `failing` (tried, no receipt yet, tried again: telephone 101 now), `receipted`.
    """

    identifier: str
    alarm_id: str
    msg_type: str
    state: Literal["waiting", "failing", "receipted"]
    created_by: str
    created_ms: int
    attempts: int
    next_try_ms: int | None
    last_error: str | None
    receipt: str | None
    receipted_ms: int | None
