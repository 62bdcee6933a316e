"""Any single changed, dropped, added or swapped line of the audit chain is found."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from alarm_backend.audit import chain
from alarm_backend.audit.chain import Line


def build(length: int) -> list[Line]:
    """A whole chain."""
    lines: list[Line] = []
    for seq in range(1, length + 1):
        lines.append(
            chain.seal(
                seq,
                time_ms=1_000 * seq,
                stored_ms=1_000 * seq + 5,
                actor=("gateway", "an", "bo")[seq % 3],
                action="alarm.raised",
                subject=f"alarm:a-{seq // 2}",
                detail=chain.canonical({"n": seq}),
                previous_sha256=lines[-1].sha256 if lines else chain.START_SHA256,
            )
        )
    return lines


LINES = build(24)
HEAD = (24, LINES[-1].sha256)
TEXTS = st.text(max_size=20)
CHANGES = st.one_of(
    st.tuples(st.sampled_from(["seq", "time_ms", "stored_ms"]), st.integers(0, 2**60)),
    st.tuples(
        st.sampled_from(["actor", "action", "subject", "detail", "previous_sha256", "sha256"]), st.text(max_size=70)
    ),
)


def test_a_whole_chain_has_no_finding() -> None:
    assert chain.verify(LINES, HEAD) == []
    assert chain.verify([], (0, chain.START_SHA256)) == []


@given(st.integers(0, 23), CHANGES)
def test_a_changed_field_is_found(at: int, change: tuple[str, object]) -> None:
    name, value = change
    changed = replace(LINES[at], **{name: value})
    if changed != LINES[at]:
        assert chain.verify([*LINES[:at], changed, *LINES[at + 1 :]], HEAD)


@given(st.integers(0, 23))
def test_a_dropped_line_is_found_even_the_last(at: int) -> None:
    assert chain.verify(LINES[:at] + LINES[at + 1 :], HEAD)


@given(st.integers(0, 23), st.integers(0, 23))
def test_two_swapped_lines_are_found(a: int, b: int) -> None:
    lines = list(LINES)
    lines[a], lines[b] = lines[b], lines[a]
    assert bool(chain.verify(lines, HEAD)) == (a != b)


@given(st.integers(0, 23), st.integers(0, 23))
def test_a_repeated_line_is_found(which: int, at: int) -> None:
    assert chain.verify([*LINES[:at], LINES[which], *LINES[at:]], HEAD)


@given(st.integers(0, 22))
def test_a_line_sealed_anew_is_found_by_the_line_behind_it(at: int) -> None:
    facts = {k: v for k, v in vars(LINES[at]).items() if k not in {"seq", "sha256"}}
    forged = chain.seal(LINES[at].seq, **{**facts, "actor": "somebody else"})
    assert chain.verify([*LINES[:at], forged, *LINES[at + 1 :]], HEAD)


def test_a_last_line_sealed_anew_is_found_by_the_head() -> None:
    facts = {k: v for k, v in vars(LINES[-1]).items() if k not in {"seq", "sha256"}}
    assert chain.verify([*LINES[:-1], chain.seal(24, **{**facts, "actor": "x"})], HEAD)
