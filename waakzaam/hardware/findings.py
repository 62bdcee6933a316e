"""A finding of an electrical rule, and the register that the rules are put in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from waakzaam.hardware.schematic import Schematic


@dataclass(frozen=True)
class Finding:
    """A rule that does not hold, where (pin, net or part), and why."""

    rule: str
    at: str
    reason: str


Complaint = tuple[str, str]  # where, reason
Rule = Callable[[Schematic], Iterator[Complaint]]
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Put a rule in the register under its own name; the first line of its docstring says what must hold."""
    RULES[function.__name__] = function
    return function
