"""Errors that end a command with a defined exit status and one clear line."""

from __future__ import annotations

import re

NOT_TEXT = "is not UTF-8 text"
# What to do about what the system says, where the caller knew nothing better.
REMEDIES = {
    "No such file or directory": "check the name and the folder you are in",
    "Is a directory": "name a file in it",
    "Not a directory": "a part of that path is a file",
    "Permission denied": "ask its owner for access, or name another place",
    "No space left on device": "make room, or name another place",
    "Address already in use": "another program has it: end that, or choose another port",
    NOT_TEXT: "was a binary or a compressed file named by mistake?",
}


def plain(reason: str) -> str:
    """A system's or decoder's message in words for a person: without numbers, file names and codec jargon."""
    reason = re.sub(r"'[\w-]+' codec can't decode .*", NOT_TEXT, reason)
    reason = re.sub(r"\[Errno -?\d+\] ([^:]*)(: .*)?$", r"\1", reason)
    return re.sub(rf"^((is )?not (JSON|TOML)|is no JSON): {NOT_TEXT}$", NOT_TEXT, reason)


class BadInput(Exception):
    """The caller's input cannot be used: exit status 2.

    The text is one line that says where (file, line, field), what is wrong, and what to do.
    """

    def __init__(self, where: str, reason: str, remedy: str = "") -> None:
        self.where = where
        self.reason = plain(reason)
        self.remedy = remedy or next((what for said, what in REMEDIES.items() if self.reason.endswith(said)), "")
        text = f"{where}: {self.reason}" + (f" ({self.remedy})" if self.remedy else "")
        super().__init__(" ".join(text.split()))
