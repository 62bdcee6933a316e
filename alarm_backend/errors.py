"""What can go wrong in the backend, each with the facts; endpoints turn them into answers."""

from __future__ import annotations

from typing import TypeVar

Row = TypeVar("Row")


class AlarmBackendError(Exception):
    """Root of the backend's errors. `status` is the HTTP status the fault maps to."""

    status = 500


class NotFound(AlarmBackendError):
    """The caller named something that is not there."""

    status = 404

    def __init__(self, what: str, identity: str) -> None:
        self.what = what
        self.identity = identity
        super().__init__(f"no {what} {identity!r}")


def found(row: Row | None, what: str, identity: str) -> Row:
    """The row that was looked for. Raises NotFound."""
    if row is None:
        raise NotFound(what, identity)
    return row


class Refused(AlarmBackendError):
    """The act is not possible in the present state (409): says which state and why."""

    status = 409

    def __init__(self, act: str, state: str, reason: str) -> None:
        self.act = act
        self.state = state
        self.reason = reason
        super().__init__(f"cannot {act} in state {state}: {reason}")


class InvalidRequest(AlarmBackendError):
    """The caller's input cannot be used (422): names the field."""

    status = 422

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class NotSignedIn(AlarmBackendError):
    """Nobody is signed in, or the session has ended."""

    status = 401


class Forbidden(AlarmBackendError):
    """Signed in, but this role may not do that."""

    status = 403


class TooManyRequests(AlarmBackendError):
    """The caller must wait `retry_after_s` seconds."""

    status = 429

    def __init__(self, what: str, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many {what}: wait {retry_after_s} s")


class ProviderUnavailable(AlarmBackendError):
    """The OpenID provider does not answer, or answers what cannot be used."""

    status = 503

    def __init__(self, issuer: str, reason: str) -> None:
        self.issuer = issuer
        self.reason = reason
        super().__init__(f"identity provider {issuer}: {reason}")


class StoreUnavailable(AlarmBackendError):
    """The database cannot be used."""

    status = 503

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url}: {reason}")
