"""mpremote itself drives the board, as the bring-up guide has a person do it."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.virtual_board.board import VirtualBoard
from tests.support.board import TestBench, mpremote

pytestmark = pytest.mark.needs("vm")
SEED = 20261123


@pytest.fixture(params=["pty", "socket"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VirtualBoard]:
    with TestBench().board(tmp_path, port=request.param, runtime="vm") as running:
        yield running


@pytest.fixture
def pty_board(tmp_path: Path) -> Iterator[VirtualBoard]:
    with TestBench().board(tmp_path, port="pty", runtime="vm") as running:
        yield running


def test_exec_prints_what_the_board_prints(board: VirtualBoard) -> None:
    done = mpremote(board.port_name, "exec", "import sys; print(sys.implementation.name, 6 * 7)")
    assert (done.returncode, done.stdout) == (0, "micropython 42\n")


def test_an_error_on_the_board_is_an_error_of_mpremote(board: VirtualBoard) -> None:
    done = mpremote(board.port_name, "exec", "raise ValueError('no such strip')")
    assert done.returncode == 1
    assert "ValueError: no such strip" in done.stdout + done.stderr


def test_eval_and_resume_keep_what_was_set(pty_board: VirtualBoard) -> None:
    mpremote(pty_board.port_name, "exec", "kept = 12345")
    done = mpremote(pty_board.port_name, "resume", "eval", "kept")
    assert done.stdout == "12345\n"


def test_run_runs_a_script_of_the_host(board: VirtualBoard, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("for i in range(3):\n    print('line', i)\n")
    assert mpremote(board.port_name, "run", str(script)).stdout == "line 0\nline 1\nline 2\n"


def test_cp_carries_60_kilobytes_there_and_back_unchanged(board: VirtualBoard, tmp_path: Path) -> None:
    content = random.Random(SEED).randbytes(60_000)
    (tmp_path / "there.bin").write_bytes(content)
    there = mpremote(board.port_name, "cp", str(tmp_path / "there.bin"), ":kept.bin")
    assert there.returncode == 0, there.stderr
    back = mpremote(board.port_name, "cp", ":kept.bin", str(tmp_path / "back.bin"))
    assert back.returncode == 0, back.stderr
    assert (tmp_path / "back.bin").read_bytes() == content


def test_cp_carries_a_folder_and_ls_shows_it(pty_board: VirtualBoard, tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "inner").mkdir(parents=True)
    (package / "one.py").write_text("VALUE = 1\n")
    (package / "inner" / "two.py").write_text("VALUE = 2\n")
    done = mpremote(pty_board.port_name, "cp", "-r", str(package), ":")
    assert done.returncode == 0, done.stderr
    assert "one.py" in mpremote(pty_board.port_name, "ls", ":package").stdout
    assert mpremote(pty_board.port_name, "exec", "import package.inner.two as t; print(t.VALUE)").stdout == "2\n"


def test_df_tells_the_size_of_the_flash(pty_board: VirtualBoard) -> None:
    assert re.search(r"2097152 .* /$", mpremote(pty_board.port_name, "df").stdout, re.MULTILINE)


def test_mount_lets_the_board_import_from_the_host(board: VirtualBoard, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    # Every byte value passes through the mount, the interrupt character 3 among them.
    (shared / "table.bin").write_bytes(bytes(range(256)) * 8)
    (shared / "fresh.py").write_text("TOLD = 'from the host'\n")
    code = "import fresh; print(fresh.TOLD); b = open('table.bin', 'rb').read(); print(len(b), sum(b))"
    done = mpremote(board.port_name, "mount", str(shared), "exec", code)
    assert "from the host\n2048 261120\n" in done.stdout, done.stdout + done.stderr


def test_soft_reset_starts_the_interpreter_again(pty_board: VirtualBoard) -> None:
    mpremote(pty_board.port_name, "exec", "lost = 1")
    assert mpremote(pty_board.port_name, "soft-reset").returncode == 0
    done = mpremote(pty_board.port_name, "resume", "exec", "print(lost)")
    assert "NameError" in done.stdout + done.stderr
    assert pty_board.count("soft_reset") > 0


def test_ctrl_c_ends_a_running_loop_and_mpremote_gets_in(tmp_path: Path) -> None:
    main = "print('busy')\nwhile True:\n    pass\n"
    with TestBench().board(tmp_path, main, port="pty", runtime="vm") as board:
        board.console.wait("busy")
        assert mpremote(board.port_name, "resume", "exec", "print('in')").stdout == "in\n"
        assert board.count("crash") == 0


def test_ctrl_c_of_the_person_ends_a_script_that_mpremote_runs(pty_board: VirtualBoard, tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text("import time\nprint('going')\nwhile True:\n    time.sleep_ms(1000)\n")
    running = subprocess.Popen(
        [sys.executable, "-m", "mpremote", "connect", pty_board.port_name, "run", str(script)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        pty_board.console.wait("going")
        running.send_signal(signal.SIGINT)
        running.wait(20)
    finally:
        running.kill()
        running.wait()
    assert mpremote(pty_board.port_name, "resume", "exec", "print('free again')").stdout == "free again\n"


def test_the_clock_can_be_set_and_read(pty_board: VirtualBoard) -> None:
    assert mpremote(pty_board.port_name, "rtc", "--set").returncode == 0
    assert re.match(r"\(20\d\d, ", mpremote(pty_board.port_name, "rtc").stdout)


def test_a_romfs_is_deployed_and_its_modules_run_in_place(pty_board: VirtualBoard, tmp_path: Path) -> None:
    package = tmp_path / "romfs_root"
    package.mkdir()
    (package / "in_place.py").write_text("def answer():\n    return 'in place'\n")
    done = mpremote(pty_board.port_name, "romfs", "deploy", str(package))
    assert done.returncode == 0, done.stdout + done.stderr
    code = "import in_place; print(in_place.answer(), in_place.__file__)"
    assert mpremote(pty_board.port_name, "exec", code).stdout == "in place /rom/in_place.mpy\n"
