"""Field tests on the way in and out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

SignatureState = Literal["verified", "unknown_key", "bad"]
RecordLine = Annotated[str, StringConstraints(min_length=1, max_length=70_000)]


class FieldTestsIn(BaseModel):
    """Records as the bracelet wrote them: each the line itself (preferred: its signature is over its bytes), or the

    parsed object, which can only be verified when writing it again gives the same bytes."""

    records: Annotated[list[RecordLine | dict[str, Any]], Field(max_length=500)]


class FieldTestView(BaseModel):
    """One drink test. `flags`: what an evaluator must know (chain_gap, no_time, undated_clock, not_original_line)."""

    line_sha256: str
    record_id: str
    device_id: str
    time_ms: int
    verdict: Literal["negative", "positive", "inconclusive", "invalid"]
    reason: str
    drink_declared: str | None
    volume_ml: float | None
    venue_code: str | None
    analytes: list[dict[str, Any]]
    signature_state: SignatureState
    flags: list[str]
    stored_ms: int
