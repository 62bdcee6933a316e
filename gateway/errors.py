"""Errors of the gateway; attributes carry the facts."""

from __future__ import annotations


class GatewayError(Exception):
    """Root of the gateway's errors."""


class FileUnreadable(GatewayError):
    """A file cannot be used as a whole: `where` (path or path:line), `reason`, and what to do about it."""

    def __init__(self, where: str, reason: str, remedy: str = "") -> None:
        self.where = where
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{where}: {reason}")
