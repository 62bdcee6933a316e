"""Identities on the way in and out."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, StringConstraints

Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 /.()-]{2,29}$")]


class Identity(BaseModel):
    """Who a pseudonym is."""

    full_name: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
    phone: Phone | None = None
    language: Annotated[str, StringConstraints(pattern=r"^(nl|fr|en|de)$")] = "nl"
