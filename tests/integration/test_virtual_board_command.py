"""`waakzaam board` as a person starts it: the port's name first, then a board until Ctrl-C."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial
from typer.testing import CliRunner

from waakzaam.cli import build
from waakzaam.exits import BadInput

START_TIMEOUT_S = 60


@contextmanager
def _running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and its first line."""
    command = [sys.executable, "-m", "waakzaam", "board", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            with selectors.DefaultSelector() as selector:
                selector.register(child.stdout, selectors.EVENT_READ)
                assert selector.select(START_TIMEOUT_S), "no line within the time"
            yield child, child.stdout.readline().strip()
        finally:
            child.kill()


def _read_until(port: serial.Serial, word: bytes) -> bytes:
    said = b""
    deadline = time.monotonic() + START_TIMEOUT_S
    while word not in said and time.monotonic() < deadline:
        said += port.read(256)
    assert word in said
    return said


@pytest.mark.needs("vm")
def test_the_first_line_is_a_device_that_answers_and_ctrl_c_ends_the_board() -> None:
    with _running("bracelet", "--pty") as (child, name):
        assert name.startswith("/dev/")
        with serial.Serial(name, 115200, timeout=0.2) as port:
            port.write(b"\x03\x03\x01")
            _read_until(port, b"raw REPL; CTRL-B to exit")
            port.write(b"print(6 * 7)\x04")
            assert b"42" in _read_until(port, b"42")
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 0
        assert not os.path.exists(name)


@pytest.mark.needs("vm")
def test_what_was_written_to_a_kept_flash_is_there_at_the_next_start(tmp_path: Path) -> None:
    flash = str(tmp_path / "kept.img")
    for expected in (b"False", b"True"):
        with _running("tracker", "--socket", "--flash", flash) as (child, name):
            assert name.startswith("socket://127.0.0.1:")
            with serial.serial_for_url(name, timeout=0.2) as port:
                port.write(b"\x03\x03\x01")
                _read_until(port, b"raw REPL; CTRL-B to exit")
                port.write(b"import os\nprint('mine', 'x' in os.listdir())\nopen('x', 'w').close()\n\x04")
                assert expected in _read_until(port, b"\x04")
            assert child.stdin is not None
            child.stdin.write("quit\n")
            child.stdin.flush()
            assert child.wait(20) == 0


def test_the_cpython_stand_in_says_so() -> None:
    with _running("tracker", "--runtime", "cpython") as (child, _):
        child.send_signal(signal.SIGTERM)
        assert "runs on CPython, not in the MicroPython VM" in child.communicate(timeout=20)[1]


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "short.img").write_bytes(b"x")
    (tmp_path / "broken.json").write_text("{")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        cases = [
            (("bracelet", "--pty", "--socket"), "choose one"),
            (("bracelet", "--config", str(tmp_path / "absent.json")), "absent.json: No such file"),
            (("bracelet", "--config", str(tmp_path / "broken.json")), "broken.json: is not JSON"),
            (("bracelet", "--play", "petrol"), "no drink 'petrol'"),
            (("bracelet", "--play", "lager+ketamine=-3"), "'-3' is not a dose"),
            (("bracelet", "--play", "lager+ketamine=nan"), "'nan' is not a dose"),
            (("bracelet", "--heap", "lots"), "'lots' is no size"),
            (("bracelet", "--heap", "-5"), "'-5' is no size"),
            (("tracker", "--socket", "--port", str(taken.getsockname()[1])), "choose another"),
            (("tracker", "--play", "sideways"), "is not monitored or protected"),
        ]
        for case, words in cases:
            error = CliRunner().invoke(build(), ["board", *case]).exception
            assert isinstance(error, BadInput), (case, error)
            assert words in str(error)
            assert "\n" not in str(error)


@pytest.mark.needs("vm")
def test_a_file_that_is_no_flash_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short.img").write_bytes(b"x")
    error = CliRunner().invoke(build(), ["board", "tracker", "--flash", str(tmp_path / "short.img")]).exception
    assert isinstance(error, BadInput)
    assert "not a flash image" in str(error)
    assert (tmp_path / "short.img").read_bytes() == b"x"
