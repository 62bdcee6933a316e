"""`waakzaam firmware`: keys, packages and factory files, and bad input in one line."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware.update import package
from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.flash_image import ROM_SECTORS, SECTOR_BYTES
from waakzaam import release
from waakzaam.cli import build
from waakzaam.exits import BadInput


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def _run(*arguments: str) -> Done:
    result = CliRunner().invoke(build(), ["firmware", *arguments])
    if isinstance(result.exception, BadInput):  # `waakzaam.cli.main` turns it into this line and status 2
        return Done(2, result.stdout, f"waakzaam: {result.exception}\n")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "signing.pem"
    assert _run("key", "--out", str(path)).returncode == 0
    return path


def _build(key_file: Path, out: Path, board: str = "tracker") -> Done:
    wanted = ("--version", "0.2.0", "--code", "2", "--key", str(key_file), "--out", str(out), "--json")
    return _run("build", "--board", board, *wanted)


def test_a_key_is_readable_by_its_owner_only_and_never_overwritten(key_file: Path) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    again = _run("key", "--out", str(key_file))
    assert again.returncode == 2
    assert "is there already" in again.stderr


def test_a_package_of_the_whole_firmware_fits_a_slot_and_says_what_it_is(key_file: Path, tmp_path: Path) -> None:
    done = _build(key_file, tmp_path / "t.wzu")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["image_bytes"] <= 256 * 1024
    header = package.parse((tmp_path / "t.wzu").read_bytes())
    assert (header.board, header.version, header.version_code) == ("tracker", "0.2.0", 2)
    assert header.sha256.hex() == told["image_sha256"]


@pytest.mark.parametrize(
    ("board", "key_text", "words"),
    [("toaster", None, "not one of bracelet, tracker"), ("tracker", "nonsense", "not a private key")],
)
def test_bad_input_is_one_clear_line_and_nothing_is_written(
    key_file: Path, tmp_path: Path, board: str, key_text: str | None, words: str
) -> None:
    if key_text is not None:
        key_file = tmp_path / "bad.pem"
        key_file.write_text(key_text)
    done = _build(key_file, tmp_path / "t.wzu", board)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("*t.wzu*"))


@pytest.mark.needs("vm")
def test_a_board_from_the_factory_boots_the_real_firmware_from_its_signed_slot(key_file: Path, tmp_path: Path) -> None:
    assert _build(key_file, tmp_path / "t.wzu").returncode == 0
    assert _run("factory", "--key", str(key_file), "--out", str(tmp_path / "files")).returncode == 0
    board = VirtualBoard(tmp_path / "flash.img", runtime="vm")
    content = release.slot_content((tmp_path / "t.wzu").read_bytes(), ROM_SECTORS * SECTOR_BYTES // 2)
    board.storage.write_rom(content)  # type: ignore[attr-defined]
    folder = tmp_path / "files"
    files = {f"/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    board.storage.write({**files, "/main.py": "from firmware.tracker.main import run\nrun()\n"})
    with board:
        # Without settings the tracker stops with its reason: said by the firmware in the slot.
        assert "boot: slot 0, 0.2.0" in board.console.wait('"where": "file"')
