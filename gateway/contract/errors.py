"""Errors of the published contract; each carries the facts and says whose fault it was."""

from __future__ import annotations


class ContractError(Exception):
    """Root of the contract's errors: the sender of the document is at fault."""


class OrdersInvalid(ContractError):
    """An orders document cannot be used.

    `path` names the place (`orders[0].zones[1].shape`), `reason` what is wrong there.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")

    def within(self, place: str) -> OrdersInvalid:
        """The same fault as seen from further out: what was read stands at `place`."""
        between = "." if self.path and not self.path.startswith("[") else ""
        return OrdersInvalid(f"{place}{between}{self.path}", self.reason)


class TransitionInvalid(ContractError):
    """A transition document cannot be used: `field` and `reason`."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")
