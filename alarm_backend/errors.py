"""What can go wrong in the backend, each with the facts; endpoints turn them into answers."""

from __future__ import annotations

from typing import TypeVar

from alarm_backend.refusals import SENTENCES, filled

Row = TypeVar("Row")


class AlarmBackendError(Exception):
    """Root of the backend's errors. `status` is the HTTP status the fault maps to; `code` and `values` say why.

    The code is one of `refusals.SENTENCES`; `text` is the whole as the API's `detail` says it.
    """

    status = 500

    def __init__(self, code: str, text: str | None = None, **values: object) -> None:
        self.code = code
        self.values = values
        self.reason = filled(SENTENCES[code], values)
        super().__init__(self.reason if text is None else text)


class NotFound(AlarmBackendError):
    """The caller named something that is not there."""

    status = 404

    def __init__(self, what: str, identity: str) -> None:
        self.what = what
        self.identity = identity
        super().__init__(f"no_{what.replace(' ', '_').replace('-', '_')}", identity=identity)


def found(row: Row | None, what: str, identity: str) -> Row:
    """The row that was looked for. Raises NotFound."""
    if row is None:
        raise NotFound(what, identity)
    return row


class Refused(AlarmBackendError):
    """The act is not possible in the present state (409): says which state and why."""

    status = 409

    def __init__(self, act: str, state: str, code: str, **values: object) -> None:
        self.act = act
        self.state = state
        super().__init__(code, f"cannot {act} in state {state}: {filled(SENTENCES[code], values)}", **values)


class InvalidRequest(AlarmBackendError):
    """The caller's input cannot be used (422): names the field."""

    status = 422

    def __init__(self, field: str, code: str, **values: object) -> None:
        self.field = field
        super().__init__(code, f"{field}: {filled(SENTENCES[code], values)}", **values)


class NotSignedIn(AlarmBackendError):
    """Nobody is signed in, or the session has ended."""

    status = 401


class Forbidden(AlarmBackendError):
    """Signed in, but this role may not do that."""

    status = 403


class TooManyRequests(AlarmBackendError):
    """The caller must wait `retry_after_s` seconds."""

    status = 429

    def __init__(self, code: str, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(code, seconds=retry_after_s)


class ProviderUnavailable(AlarmBackendError):
    """The OpenID provider does not answer, or answers what cannot be used."""

    status = 503

    def __init__(self, issuer: str, reason: str) -> None:
        self.issuer = issuer
        super().__init__("provider_away", issuer=issuer, reason=reason)
        self.reason = reason


class StoreUnavailable(AlarmBackendError):
    """The database cannot be used."""

    status = 503

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        super().__init__("store_unusable", url=url, reason=reason)
        self.reason = reason
