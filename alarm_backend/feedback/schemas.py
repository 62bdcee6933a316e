"""Feedback on the way in and out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from alarm_backend.stock.schemas import VenueCode

Audience = Literal["user", "staff"]
Score = Annotated[int, Field(ge=1, le=5)]
ScoreName = Literal["easy", "clear", "trust", "comfortable", "workload", "safer"]
Problem = Literal["none", "strip", "light", "strap", "result_unclear", "no_time", "other"]


class FeedbackIn(BaseModel):
    """One answer. Anything else than these choices is refused, so that no identity slips in."""

    model_config = ConfigDict(extra="forbid")

    venue_code: VenueCode
    audience: Audience
    language: Literal["nl", "en", "fr"] = "nl"
    scores: Annotated[dict[ScoreName, Score], Field(max_length=6)] = {}
    again: Literal["yes", "no", "unsure"] | None = None
    problems: Annotated[list[Problem], Field(max_length=7)] = []


class FeedbackStored(BaseModel):
    """Thank you. Nothing comes back that could be looked up later."""

    stored: bool


class FeedbackReport(BaseModel):
    """Figures by audience: `total`, `venues` by code, how many venues are withheld because too few answered."""

    from_day: str
    until_day: str
    user: dict[str, Any]
    staff: dict[str, Any]
