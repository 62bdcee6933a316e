"""docs/bracelet-bring-up.md, run as it stands: every command in its order, against the virtual bracelet."""

from __future__ import annotations

import os
import queue
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT

pytestmark = [pytest.mark.needs("vm"), pytest.mark.lives_in_real_time]
GUIDE = ROOT / "docs/bracelet-bring-up.md"
START = "waakzaam board "
DEADLINE_S = 90.0
MADE_HERE = ("keys.json", "config.json", "log.jsonl")


def blocks() -> list[tuple[str, list[str]]]:
    """(language, lines) of the guide's blocks, in order."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [(kind, text.splitlines()) for kind, text in found]


@dataclass
class Bench:
    """A terminal with the virtual bracelet, and another for the commands."""

    folder: Path
    board: subprocess.Popen[str] | None = None
    port: str = ""
    said: queue.Queue[str] = field(default_factory=queue.Queue)
    printed: str = ""

    def start(self, command: str) -> None:
        """The guide's first command; its first line is the port."""
        arguments = [sys.executable, "-m", *shlex.split(command)]
        self.board = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",  # the console carries the raw bytes of mpremote's copies
            cwd=ROOT,
        )
        assert self.board.stdout is not None
        self.port = self.board.stdout.readline().strip()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.board is not None
        assert self.board.stdout is not None
        for line in self.board.stdout:
            self.said.put(line)

    def run(self, line: str) -> None:
        """A command as a person types it; files that it makes go to the test's own folder."""
        for name in MADE_HERE:
            line = re.sub(rf"(?<![\w/:]){re.escape(name)}", str(self.folder / name), line)
        environment = os.environ | {
            "PORT": self.port,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        done = subprocess.run(
            line, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        self.printed = done.stdout

    def type(self, line: str) -> None:
        """What a person does, in the board's terminal."""
        assert self.board is not None
        assert self.board.stdin is not None
        self.board.stdin.write(line + "\n")
        self.board.stdin.flush()

    def hear(self, words: str) -> None:
        """Wait until the bracelet has said this."""
        heard: list[str] = []
        deadline = time.monotonic() + DEADLINE_S
        while not any(words in line for line in heard):
            left = deadline - time.monotonic()
            assert left > 0, f"{words!r} was never said: {heard[-8:]}"
            try:
                heard.append(self.said.get(timeout=left))
            except queue.Empty:
                continue


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    if made.board is not None:
        made.board.kill()
        made.board.wait(20)


def matches(expected: list[str], printed: str) -> bool:
    """Whether the output is what the page shows, `...` standing for anything."""
    pattern = "\n".join(re.escape(line).replace(r"\.\.\.", "(?s:.*)") for line in expected)
    return re.fullmatch(pattern, printed.strip()) is not None


def test_the_guide_runs_command_by_command(bench: Bench) -> None:
    ran = 0
    for kind, lines in blocks():
        for line in lines if kind != "text" else ():
            if kind == "sh" and line.startswith(START):
                bench.start(line)
            elif kind == "sh":
                bench.run(line)
            elif kind == "board":
                bench.type(line)
            elif kind == "console":
                bench.hear(line)
            ran += 1
        if kind == "text":
            assert matches(lines, bench.printed), f"the guide shows {lines}, the board printed {bench.printed!r}"
    assert ran >= 14


def test_what_the_guide_shows_can_be_wrong() -> None:
    assert matches(["a ...", "b"], "a 1\nb\n")
    assert not matches(["a ...", "b"], "a 1\nc\n")
