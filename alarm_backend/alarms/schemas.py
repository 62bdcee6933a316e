"""What alarms look like on the way in (a transition) and out (views)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from alarm_backend.alarms import lifecycle
from gateway.contract import transitions as contract

Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
PLATFORM_KINDS = ("order_not_active", "gateway_silent", "escalation_stopped")
"""What the backend raises by itself, about the platform and not about a person's acts."""
if TYPE_CHECKING:  # a checker of types cannot read words that are kept in one place, in the contract
    Kind = str
    State = str
    Cause = str
    Change = str
    Condition = str
else:
    Kind = Literal[(*contract.KINDS, contract.NOT_JUDGED, *PLATFORM_KINDS)]
    State = Literal[lifecycle.STATES]
    Cause = Literal[lifecycle.CAUSES]
    Change = Literal[contract.TRANSITIONS]
    Condition = Literal[lifecycle.CONDITIONS]


class TransitionIn(BaseModel):
    """One alarm transition of the gateway with its idempotency key."""

    model_config = ConfigDict(extra="allow")

    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
    fix_received_ms: Annotated[int, Field(ge=0, le=2**53)] | None = None
    time: AwareDatetime
    alarm_id: Name
    order_id: Name
    kind: Kind
    transition: Change
    level: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00]+$")]
    monitored: Name | None = None
    protected: Name | None = None
    zone_id: Name | None = None
    distance_m: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    reason: Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")] = ""
    evidence: Any = None
    traceparent: Any = None
    """W3C trace context; one that cannot be used is left out, and never costs an alarm."""


AnyTransition = Annotated[dict[str, Any], WithJsonSchema(TransitionIn.model_json_schema())]
"""Checked one by one, so that a single bad transition is rejected by itself and never blocks the ones behind it."""


class TransitionsIn(BaseModel):
    """A batch from the gateway's outbox; may be repeated."""

    transitions: Annotated[list[AnyTransition], Field(max_length=1000)]


class Result(BaseModel):
    """What became of one item of a batch. `rejected` items are kept aside and shown to the operators."""

    idempotency_key: str | None
    status: Literal["stored", "duplicate", "rejected"]
    stored_ms: int
    reason: str | None = None


class Results(BaseModel):
    """One result per item, in the order sent."""

    results: list[Result]


class AlarmView(BaseModel):
    """An alarm as the queue shows it. `revision` grows with every change; times are Unix milliseconds."""

    alarm_id: str
    order_id: str
    kind: str
    level: str
    severity: int
    risk: float
    state: State
    condition: Condition
    monitored: str | None
    protected: str | None
    zone_id: str | None
    distance_m: float | None
    probability: float | None
    reason: str
    raised_ms: int
    updated_ms: int
    cleared_ms: int | None
    stored_ms: int
    changed_ms: int
    acknowledged_by: str | None
    acknowledged_ms: int | None
    taken_by: str | None
    closing_by: str | None
    resolved_by: str | None
    resolved_ms: int | None
    cause: str | None
    note: str | None
    deadline_ms: int | None
    incident_id: str | None
    escalation_level: int
    escalation_due_ms: int | None
    """While raised: when the next one is called (0 operators, 1 second operator, 2 supervisor, 3 duty officer)."""
    maintenance_id: str | None
    maintenance_until_ms: int | None
    """Until then (real clock) it stands aside, because what it is about is being worked on."""


class TransitionView(BaseModel):
    """One step of an alarm's history: the gateway's or an operator's."""

    transition_id: int
    alarm_id: str
    time_ms: int
    transition: str
    level: str
    actor: str
    state_before: str | None
    state_after: str
    reason: str
    evidence: Any = None
    fix_received_ms: int | None
    stored_ms: int


class AuditView(BaseModel):
    """One line of the audit chain."""

    seq: int
    time_ms: int
    stored_ms: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    sha256: str


class AlarmDetail(BaseModel):
    """One alarm with all that happened to it."""

    alarm: AlarmView
    transitions: list[TransitionView]
    audit: list[AuditView]
    possible: list[str]
    """The acts that the lifecycle allows whoever asks now (acknowledge, take, release, shelve, unshelve, …)."""


class Note(BaseModel):
    """Free words that go with an act."""

    note: Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")] = ""


class Resolution(Note):
    """How an alarm ended."""

    cause: Cause


class Shelving(BaseModel):
    """Put aside with a reason, for a limited time."""

    reason: Annotated[str, StringConstraints(min_length=3, max_length=2000, pattern=r"^[^\x00]*$")]
    minutes: Annotated[int, Field(ge=1, le=480)]


class Queue(BaseModel):
    """The open alarms, the worst first. `last_event_id` is where to resume the event stream from."""

    alarms: list[AlarmView]
    last_event_id: int
    now_ms: int
    flood: bool = False
    """More than 10 new alarms in 10 minutes: upkeep makes no sound."""
