"""Trackers and hook-ups on the way in and out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

DeviceKind = Literal["tracker", "phone"]
Condition = Literal["usable", "lost", "defect", "retired"]
UnhookReason = Literal["end_of_order", "replaced", "lost", "defect", "consent_withdrawn", "mistake"]
Role = Literal["monitored", "protected"]
DeviceId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,30}$")]
"""As on the wire."""
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$")]
ShortText = Annotated[str, StringConstraints(max_length=80, pattern=r"^[^\x00-\x1f]*$")]
NoteText = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]


class DeviceIn(BaseModel):
    """A tracker as it is registered. `key_fingerprint`: first 16 hex digits or more of the SHA-256 of its key.

    Without one its messages cannot be authentic, so no hook-up of it becomes effective."""

    kind: DeviceKind = "tracker"
    model: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
    key_fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")] | None = None
    note: NoteText = ""


class ConditionIn(BaseModel):
    """What became of it. One that somebody wears is unhooked first."""

    condition: Condition
    note: NoteText = ""


class HookupIn(BaseModel):
    """Put a tracker on a person under an order in force. `consent`: the protected person agreed, and it is on file."""

    device_id: DeviceId
    order_id: Identifier
    person_id: Identifier
    strap_number: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f]+$")]
    battery_percent: Annotated[int, Field(ge=0, le=100)]
    fitted_at: ShortText = ""
    consent: bool = False


class UnhookIn(BaseModel):
    """Take it off."""

    reason: UnhookReason


class HookupView(BaseModel):
    """One hook-up. `effective_ms`: the first authentic message after it; until then it protects nobody."""

    hookup_id: str
    device_id: str
    person_id: str
    role: Role
    order_id: str
    mandate_kind: str
    strap_number: str
    battery_percent: int
    fitted_at: str
    fitted_by: str
    consent: bool
    hooked_ms: int
    effective_ms: int | None
    unhooked_ms: int | None
    unhooked_by: str | None
    unhook_reason: str | None


class DeviceView(BaseModel):
    """A tracker and who wears it now."""

    device_id: str
    kind: DeviceKind
    model: str
    key_fingerprint: str | None
    condition: Condition
    note: str
    created_ms: int
    changed_ms: int
    worn: HookupView | None


class DeviceHistory(DeviceView):
    """The same with every hook-up it ever had, newest first."""

    hookups: list[HookupView]
