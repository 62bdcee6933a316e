"""The audit chain as a document that can be checked years later, without the database and without the backend."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from alarm_backend.audit import anchors, chain
from alarm_backend.audit.anchors import Anchor
from alarm_backend.audit.chain import Line

SCHEMA = "waakzaam.audit/1"


def document(lines: list[Line], head: tuple[int, str]) -> dict[str, Any]:
    """The chain with its head."""
    return {"schema": SCHEMA, "head": {"seq": head[0], "sha256": head[1]}, "lines": [vars(line) for line in lines]}


def faults(document: dict[str, Any], kept: list[Anchor] | None = None, public: bytes = b"") -> list[str]:
    """Everything wrong with an exported chain, and what of the anchors it contradicts; empty when it is whole.

    Raises ValueError when it is no exported chain.
    """
    names = {field.name for field in fields(Line)}
    try:
        head = (document["head"]["seq"], document["head"]["sha256"])
        lines = []
        for number, line in enumerate(document["lines"], 1):
            if set(line) != names:
                raise ValueError(f"lines[{number - 1}]: has not the fields of an audit line")
            lines.append(Line(**line))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not an exported audit chain: {error}") from error
    wrong = [f"line {finding.seq}: {finding.reason}" for finding in chain.verify(lines, head)]
    return wrong + (anchors.faults(kept, public, lines) if kept is not None else [])
