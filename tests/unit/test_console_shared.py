"""What several consoles ask for at one moment is made once, and an answer of longer ago is not given again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from alarm_backend.console import shared

CONSOLES = 10


def test_ten_consoles_that_ask_at_one_moment_are_answered_from_one_look() -> None:
    answers: shared.Shared[list[str]] = shared.Shared()
    looks: list[list[str]] = []
    ready = Barrier(CONSOLES)

    def look() -> list[str]:
        looks.append(["as it is"])
        return looks[-1]

    def ask(_console: int) -> list[str]:
        ready.wait(10)
        return answers.of(("alarm-1", 7), look)

    with ThreadPoolExecutor(CONSOLES) as consoles:
        heard = list(consoles.map(ask, range(CONSOLES)))
    assert heard == [["as it is"]] * CONSOLES
    assert len(looks) == 1


def test_another_question_and_a_later_one_are_looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(shared.time, "monotonic", lambda: now_s)
    answers: shared.Shared[str] = shared.Shared()
    assert answers.of("a", lambda: "first") == "first"
    assert answers.of("b", lambda: "other") == "other"
    now_s += shared.SHARED_S / 2
    assert answers.of("a", lambda: "second") == "first"
    now_s += shared.SHARED_S
    assert answers.of("a", lambda: "third") == "third"


def test_a_look_that_failed_is_not_kept() -> None:
    answers: shared.Shared[str] = shared.Shared()

    def fails() -> str:
        raise LookupError("not there yet")

    with pytest.raises(LookupError):
        answers.of("a", fails)
    assert answers.of("a", lambda: "there") == "there"
