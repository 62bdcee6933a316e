"""How lines of the audit chain are sealed and checked: pure, so that `waakzaam verify` needs no running backend."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

START_SHA256 = "0" * 64


@dataclass(frozen=True)
class Line:
    """One line. `detail` is canonical JSON text, kept as written."""

    seq: int
    time_ms: int
    stored_ms: int
    actor: str
    action: str
    subject: str
    detail: str
    previous_sha256: str
    sha256: str


@dataclass(frozen=True)
class Finding:
    """What is wrong at one place of the chain."""

    seq: int
    reason: str


def canonical(detail: dict[str, Any]) -> str:
    """The one text form of a detail: sorted keys, no spaces, no NaN."""
    return json.dumps(detail, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def seal(
    seq: int,
    *,
    time_ms: int,
    stored_ms: int,
    actor: str,
    action: str,
    subject: str,
    detail: str,
    previous_sha256: str,
) -> Line:
    """The line with its hash over every field and the hash of the line before."""
    facts = json.dumps(
        [seq, time_ms, stored_ms, actor, action, subject, detail, previous_sha256],
        separators=(",", ":"),
        ensure_ascii=False,
    )
    sha256 = hashlib.sha256(facts.encode()).hexdigest()
    return Line(seq, time_ms, stored_ms, actor, action, subject, detail, previous_sha256, sha256)


def verify(lines: Iterable[Line], head: tuple[int, str]) -> list[Finding]:
    """Everything wrong with a chain, in order; empty when it is whole.

    `head` is (number of lines, hash of the last line) as kept apart from the lines: without it a chain that was cut
    short at its end would look whole.
    """
    findings = []
    seq, previous = 0, START_SHA256
    for line in lines:
        if line.seq != seq + 1:
            findings.append(Finding(line.seq, f"follows line {seq}: lines are missing, repeated or out of order"))
        if line.previous_sha256 != previous:
            findings.append(Finding(line.seq, "does not follow from the line before"))
        facts = {name: value for name, value in vars(line).items() if name not in {"sha256", "seq"}}
        if seal(line.seq, **facts).sha256 != line.sha256:
            findings.append(Finding(line.seq, "was changed after it was written"))
        seq, previous = line.seq, line.sha256
    if (seq, previous) != head:
        findings.append(Finding(head[0], f"the chain should end here but ends at line {seq}"))
    return findings
