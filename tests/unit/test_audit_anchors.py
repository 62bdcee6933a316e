"""Signed heads outside the database find what a chain that is whole in itself cannot tell: cut short, written anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alarm_backend.audit import anchors, chain, export
from waakzaam.cli import build
from waakzaam.exits import BadInput

KEY = bytes(range(32))
PUBLIC = anchors.public_key(KEY)


def _chain(length: int, actor: str = "gateway") -> list[chain.Line]:
    """A whole chain in which this actor did everything."""
    lines: list[chain.Line] = []
    for seq in range(1, length + 1):
        previous = lines[-1].sha256 if lines else chain.START_SHA256
        facts = {"time_ms": seq, "stored_ms": seq, "actor": actor, "action": "x", "subject": "s", "detail": "{}"}
        lines.append(chain.seal(seq, **facts, previous_sha256=previous))  # type: ignore[arg-type]
    return lines


def _head(lines: list[chain.Line]) -> tuple[int, str]:
    return (lines[-1].seq, lines[-1].sha256)


LINES = _chain(30)
KEPT = [anchors.sign(KEY, _head(LINES[:n]), 1_000 * n) for n in (10, 20)]


def test_anchors_of_a_chain_that_grew_hold_and_survive_their_file() -> None:
    assert anchors.faults(KEPT, PUBLIC, LINES) == []
    assert anchors.read("\n".join(anchor.line for anchor in KEPT) + "\n") == KEPT
    nothing_yet = anchors.sign(KEY, (0, chain.START_SHA256), 1)
    assert anchors.faults([nothing_yet, *KEPT], PUBLIC, LINES) == []


def test_a_chain_cut_short_with_its_head_is_whole_in_itself_and_found_by_the_anchor() -> None:
    cut = LINES[:15]
    assert chain.verify(cut, _head(cut)) == []
    (fault,) = anchors.faults(KEPT, PUBLIC, cut)
    assert "line 20" in fault
    assert "cut short" in fault


def test_a_chain_written_anew_from_its_first_line_is_found_by_every_anchor() -> None:
    anew = _chain(30, actor="somebody else")
    assert chain.verify(anew, _head(anew)) == []
    assert len(anchors.faults(KEPT, PUBLIC, anew)) == 2
    tail_only = LINES[:15] + _retold(LINES[15:], LINES[14].sha256)
    assert chain.verify(tail_only, _head(tail_only)) == []
    assert len(anchors.faults(KEPT, PUBLIC, tail_only)) == 1, "the first anchor lies before what was told anew"


def _retold(lines: list[chain.Line], previous: str) -> list[chain.Line]:
    told: list[chain.Line] = []
    for line in lines:
        facts = {k: v for k, v in vars(line).items() if k not in {"seq", "sha256", "previous_sha256", "actor"}}
        before = told[-1].sha256 if told else previous
        told.append(chain.seal(line.seq, **facts, actor="nobody", previous_sha256=before))
    return told


@pytest.mark.parametrize("name", ["seq", "sha256", "stored_ms", "signature"])
def test_an_anchor_that_was_changed_or_signed_by_another_key_counts_for_nothing(name: str) -> None:
    value = getattr(KEPT[0], name)
    forged = anchors.Anchor(
        **{**vars(KEPT[0]), name: value - 1 if isinstance(value, int) else "00" * (len(value) // 2)}
    )
    assert "not signed by this key" in anchors.faults([forged], PUBLIC, LINES)[0]
    other = anchors.sign(bytes(32), _head(LINES), 5)
    assert anchors.faults([other], PUBLIC, LINES)


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", '{"schema":"other"}', KEPT[0].line.replace('"seq":10', '"seq":"10"')]
)
def test_a_line_that_is_no_anchor_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2: not an anchor"):
        anchors.read(KEPT[0].line + "\n" + line)


def test_the_commands_sign_and_check(tmp_path: Path) -> None:
    """From key to verdict, as the runbook says."""
    runner, app = CliRunner(), build()

    def run(*words: str) -> tuple[int, str]:
        done = runner.invoke(app, list(words))
        return done.exit_code, done.stdout

    data, key, kept, exported = (tmp_path / name for name in ("data", "key", "anchors.jsonl", "chain.json"))
    status, public = run("backend", "anchor-key", str(key))
    assert status == 0
    for number in range(2):
        words = ("--role", "operator", "--no-password", "--data", str(data))
        assert run("backend", "user", "add", f"u{number}", *words)[0] == 0
        assert run("backend", "anchor", str(kept), "--anchor-key", str(key), "--data", str(data))[0] == 0
    assert run("backend", "audit", str(exported), "--data", str(data))[0] == 0
    check = ("--anchors", str(kept), "--anchor-public-key", public.strip(), "--json")
    status, said = run("verify", str(exported), *check)
    assert (status, json.loads(said)["holds"]) == (0, True)
    document = json.loads(exported.read_text())
    document["lines"] = document["lines"][:1]
    document["head"] = {"seq": 1, "sha256": document["lines"][0]["sha256"]}
    exported.write_text(json.dumps(document))
    assert export.faults(document) == []
    assert run("verify", str(exported))[0] == 0
    assert run("verify", str(exported), *check)[0] == 1
    without_key = runner.invoke(app, ["verify", str(exported), "--anchors", str(kept)])
    assert isinstance(without_key.exception, BadInput)
