"""People of the control room."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

Role = Literal["operator", "supervisor", "case_manager", "evaluator", "administrator"]
ROLES: tuple[Role, ...] = ("operator", "supervisor", "case_manager", "evaluator", "administrator")
Username = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]


class User(BaseModel):
    """Somebody who is signed in."""

    username: str
    full_name: str
    role: Role

    @property
    def is_supervisor(self) -> bool:
        return self.role == "supervisor"


class SignIn(BaseModel):
    """A name and a password."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None
    """The six digits of the second factor, for accounts that have one."""


class SessionView(BaseModel):
    """The session of the caller. `csrf` goes back in the header `X-CSRF-Token` (or a form field `csrf_token`)."""

    user: User
    csrf: str
    expires_ms: int
