"""Errors that end a command with a defined exit status and one clear line."""

from __future__ import annotations


class BadInput(Exception):
    """The caller's input cannot be used: exit status 2.

    The text is one line that says where (file, line, field), what is wrong, and what to do.
    """

    def __init__(self, where: str, reason: str, remedy: str = "") -> None:
        self.where = where
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{where}: {reason}" + (f" ({remedy})" if remedy else ""))
