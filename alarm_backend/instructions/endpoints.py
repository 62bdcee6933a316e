"""Work instructions over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from alarm_backend.access import OperatorUser, ServicesOf
from alarm_backend.instructions.schemas import InstructionDone, InstructionView, StepId
from alarm_backend.operations.tracing import traced_act

router = APIRouter(prefix="/api/v1", tags=["instructions"], dependencies=[Depends(traced_act)])


@router.get("/alarms/{alarm_id}/instructions")
def get_instructions(alarm_id: str, services: ServicesOf, user: OperatorUser) -> list[InstructionView]:
    """The checklist of an alarm with the numbers to call."""
    return services.instructions.of_alarm(alarm_id, user)


@router.post("/alarms/{alarm_id}/instructions/{step_id}")
def log_instruction(
    *, alarm_id: str, step_id: StepId, body: InstructionDone, services: ServicesOf, user: OperatorUser
) -> list[InstructionView]:
    """Write down what was done about a step."""
    services.instructions.log(alarm_id, step_id, body, user)
    return services.instructions.of_alarm(alarm_id, user)
