"""`waakzaam backend` starts, says in one line what is wrong with its input, and ends cleanly."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.backend import ORDERS, until
from waakzaam.cli import main


@dataclass
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `waakzaam backend` in this process."""

    def command(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["waakzaam", "backend", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(str(ended.value.code or 0)), said.out, said.err)

    return command


@pytest.fixture
def token_file(tmp_path: Path, run: Run) -> Path:
    path = tmp_path / "token"
    assert run("token", str(path)).status == 0
    assert path.stat().st_mode & 0o077 == 0
    return path


def _orders(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "orders.json"
    path.write_text(text)
    return ["--orders", str(path)]


BAD: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "a database nobody serves": (lambda _: ["--database", "postgresql://x@127.0.0.1:1/x"], "database postgresql"),
    "a URL that is none": (lambda _: ["--database", "foo:bar"], "not a database URL"),
    "a database in memory": (lambda _: ["--database", "sqlite://"], "name a file"),
    "a folder that is none": (lambda _: ["--data", "/proc/nothing"], "/proc/nothing"),
    "orders that are not there": (lambda p: ["--orders", str(p / "none.json")], "none.json: cannot read"),
    "orders that are not JSON": (lambda p: _orders(p, "{"), "not JSON"),
    "an order without a party": (
        lambda p: _orders(p, json.dumps({**ORDERS, "orders": [{"order_id": "x"}]})),
        "orders[0].monitored: missing",
    ),
    "keys that are not there": (lambda p: ["--keys", str(p / "none.json")], "none.json: no such file"),
}


@pytest.mark.parametrize("what", sorted(BAD))
def test_bad_input_is_one_clear_line_and_status_2(what: str, token_file: Path, tmp_path: Path, run: Run) -> None:
    arguments, said = BAD[what]
    done = run("--token-file", str(token_file), "--data", str(tmp_path / "data"), "--port", "0", *arguments(tmp_path))
    assert done.status == 2, done.err
    lines = done.err.strip().splitlines()
    assert len(lines) == 1, done.err
    assert said in lines[0]


def test_there_is_no_backend_without_a_token(tmp_path: Path, run: Run) -> None:
    short = tmp_path / "short"
    short.write_text("secret")
    for arguments in ([], ["--token-file", str(tmp_path / "none")], ["--token-file", str(short)]):
        done = run("--data", str(tmp_path / "data"), *arguments)
        assert done.status == 2
        assert "waakzaam backend token" in done.err


@pytest.mark.parametrize("words", [["backup", "B"], ["audit", "A"], ["retention"], ["erase", "M1"], ["user", "list"]])
def test_upkeep_of_a_misspelt_folder_is_refused_and_makes_nothing(words: list[str], tmp_path: Path, run: Run) -> None:
    """A backup of an empty database that was made on the way would look as good as a real one."""
    words = [str(tmp_path / word) if len(word) == 1 else word for word in words]
    for where in (["--data", str(tmp_path / "waakzam")], ["--database", f"sqlite:///{tmp_path / 'waakzam.db'}"]):
        done = run(*words, *where)
        assert done.status == 2
        assert len(done.err.strip().splitlines()) == 1, done.err
        assert "there is no database" in done.err
    assert list(tmp_path.iterdir()) == []


def test_erasing_or_exporting_a_misspelt_person_does_not_read_as_done(tmp_path: Path, run: Run) -> None:
    data = ["--data", str(tmp_path / "data")]
    assert run("migrate", *data).status == 0
    for words in (["erase", "M99"], ["export-person", "M99", str(tmp_path / "m99.json")]):
        done = run(*words, *data)
        assert done.status == 1
        assert "kept about 'M99'" in done.err
    assert not (tmp_path / "m99.json").exists()


def test_a_file_that_is_not_there_is_said_in_words(tmp_path: Path, run: Run) -> None:
    done = run("--token-file", str(tmp_path / "none"), "--data", str(tmp_path / "data"))
    assert "cannot read the gateway's token: No such file or directory (" in done.err


def test_a_port_in_use_is_said(token_file: Path, tmp_path: Path, run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--token-file", str(token_file), "--data", str(tmp_path / "data"), "--port", str(port))
    assert done.status == 2
    assert f"127.0.0.1:{port}" in done.err


def test_it_serves_signs_in_and_ends_with_an_open_event_stream(token_file: Path, tmp_path: Path, run: Run) -> None:
    data = tmp_path / "data"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    orders = _orders(tmp_path, json.dumps(ORDERS))
    settings = ["--token-file", str(token_file), "--data", str(data)]
    log = (tmp_path / "log").open("w+")
    child = subprocess.Popen(
        [sys.executable, "-m", "waakzaam", "backend", *settings, "--port", str(port), *orders],
        stdout=log,
        stderr=log,
        env={**os.environ, "WAAKZAAM_CLOCK": "1780000000000:1780000000000:2"},
    )

    def ready() -> bool:
        assert child.poll() is None, (tmp_path / "log").read_text()
        try:
            return httpx.get(f"{url}/ready").status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(ready, "the backend is ready", 30)
        assert run("user", "add", "an", "--role", "operator", "--no-password", "--data", str(data)).status == 0
        link = run("login-link", "an", "--base-url", url, "--data", str(data)).out.strip()
        with httpx.Client(base_url=url) as client:
            assert client.get(link, follow_redirects=False).status_code == 303
            assert client.get("/api/v1/orders").json()[0]["order_id"] == "VL-2026-0001"
            with client.stream("GET", "/events") as response:
                assert response.status_code == 200
                child.send_signal(signal.SIGTERM)
                for _line in response.iter_lines():
                    pass
        assert child.wait(10) == 0
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        log.close()
