"""Errors of the gateway; attributes carry the facts."""

from __future__ import annotations

from pathlib import Path


class GatewayError(Exception):
    """Root of the gateway's errors."""


class FileUnreadable(GatewayError):
    """A file cannot be used as a whole: `where` (path or path:line), `reason`, and what to do about it."""

    def __init__(self, where: str, reason: str, remedy: str = "") -> None:
        self.where = where
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{where}: {reason}")


class JournalFailed(GatewayError):
    """The journal in a file takes no more, or cannot be read: `path` and what the database said."""

    def __init__(self, path: Path, error: Exception) -> None:
        self.path = path
        super().__init__(
            f"{path}: the journal fails: {error} (look at the disk's space and health; the broker keeps what is not"
            " acknowledged, so start again when it is mended)"
        )
