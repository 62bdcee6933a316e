"""Work instructions on the way out, their log on the way in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

Outcome = Literal["done", "no_answer", "not_possible", "not_needed"]
StepId = Literal["look_at_map", "call_protected", "call_monitored", "notify_police", "check_device", "write_down"]


class LogEntry(BaseModel):
    """What somebody did about a step."""

    outcome: Outcome
    actor: str
    note: str
    overridden: bool
    stored_ms: int


class InstructionView(BaseModel):
    """One step: what, until when, whether it is allowed and why, the telephone number at hand, what was done."""

    step_id: str
    due_ms: int
    allowed: bool
    reason: str
    caution: str
    person_id: str | None
    full_name: str | None
    phone: str | None
    log: list[LogEntry]


class InstructionDone(BaseModel):
    """What was done. A supervisor may go against the policy, with a note that says why."""

    outcome: Outcome
    note: Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")] = ""
    override: bool = False
