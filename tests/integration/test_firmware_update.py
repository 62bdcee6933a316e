"""Updates in the MicroPython VM: signed, on trial, rolled back, and whole at every power cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from firmware.update import package
from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.firmware_image import compile_module, compile_tree, rom_image
from simulators.virtual_board.flash_image import SECTOR_BYTES, Factory, FlashImage
from simulators.virtual_board.power_cuts import CutResult, PowerCuts
from tests.support.board import mpremote
from tests.support.local_index import served
from waakzaam import machine, release
from waakzaam.rigs.update_cuts import every_write

pytestmark = pytest.mark.needs("vm")
ROOT = Path(__file__).resolve().parents[2]
UPDATE = ROOT / "firmware" / "update"
ROM_SECTORS = 64
SLOT_BYTES = ROM_SECTORS * SECTOR_BYTES // 2


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return release.new_key()


def _image(folder: Path, version: str, extra: str = "") -> bytes:
    """A small firmware that knows its version, with the real update package inside."""
    source = folder / f"app_{version}.py"
    source.write_text(f"VERSION = {version!r}\nFILLER = {'x' * 6000!r}\n{extra}")
    files = {"lib/app.mpy": compile_module(source, "app.py")}
    files.update({path: mpy for path, mpy in compile_tree(ROOT / "firmware").items() if "/update/" in path})
    files["lib/firmware/__init__.mpy"] = compile_module(ROOT / "firmware" / "__init__.py", "firmware/__init__.py")
    return rom_image(files)


def _package(folder: Path, version: str, code: int, key: rsa.RSAPrivateKey, board: str = "tracker") -> bytes:
    return release.build(_image(folder, version), board, version, code, key)


def _sold(folder: Path, key: rsa.RSAPrivateKey, files: dict[str, bytes | str]) -> FlashImage:
    """A board as it leaves the factory: version 1 in slot 0, nothing in slot 1."""
    flash = FlashImage(folder / "flash.img", sectors=64, rom_sectors=ROM_SECTORS)
    flash.write_rom(release.slot_content(_package(folder, "1", 1, key), SLOT_BYTES))
    vm = machine.find_vm()
    assert vm is not None
    with Factory(vm, flash) as factory:
        factory.write({**release.boot_files(UPDATE, key), **files})
    return flash


INSTALL = """
from firmware.update.install import install_file
from firmware.update.errors import UpdateRefused
try:
    install_file("/update.wzu", "tracker"); print("installed")
except UpdateRefused as error:
    print("refused", error.reason)
"""
RUN = "import app\nprint('runs', app.VERSION, len(app.FILLER))\n"
CONFIRM = "from firmware.update.trial import confirm\nprint('confirmed', confirm())\n"


def _power_on(flash: FlashImage, main: str) -> list[str]:
    """Boot once, run main, and return what was printed."""
    vm = machine.find_vm()
    assert vm is not None
    with Factory(vm, flash) as factory:
        factory.write({"/main.py": main})
    board = VirtualBoard(flash.path, runtime="vm", flash_layout=(flash.sectors, flash.rom_sectors))
    with board:
        return board.console.wait(">>> ").replace("\r", "").splitlines()


def test_an_update_runs_on_trial_and_stays_when_it_is_confirmed(tmp_path: Path, key: rsa.RSAPrivateKey) -> None:
    flash = _sold(tmp_path, key, {"/update.wzu": _package(tmp_path, "2", 2, key)})
    assert "installed" in _power_on(flash, RUN + INSTALL)
    assert "runs 2 6000" in _power_on(flash, RUN + CONFIRM)
    for _ in range(4):
        assert "runs 2 6000" in _power_on(flash, RUN)


def test_an_update_that_is_never_confirmed_is_rolled_back(tmp_path: Path, key: rsa.RSAPrivateKey) -> None:
    flash = _sold(tmp_path, key, {"/update.wzu": _package(tmp_path, "2", 2, key)})
    assert "installed" in _power_on(flash, INSTALL)
    said = [_power_on(flash, RUN) for _ in range(4)]
    versions = [next(line for line in lines if line.startswith("runs")) for lines in said]
    assert versions == ["runs 2 6000", "runs 2 6000", "runs 1 6000", "runs 1 6000"]
    assert any("rolled back: not confirmed" in line for line in said[2])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("other key", "signature"),
        ("header bit", "header"),
        ("image bit", "hash"),
        ("cut short", "length"),
        ("other board", "board"),
        ("older", "older"),
    ],
)
def test_a_package_that_is_not_right_is_refused_and_the_old_one_runs(
    tmp_path: Path, key: rsa.RSAPrivateKey, damage: str, reason: str
) -> None:
    made = bytearray(_package(tmp_path, "2", 2, key))
    if damage == "other key":
        made = bytearray(_package(tmp_path, "2", 2, release.new_key()))
    elif damage == "header bit":
        made[30] ^= 1
    elif damage == "image bit":
        made[package.HEADER_BYTES + 5000] ^= 1
    elif damage == "cut short":
        made = made[:-100]
    elif damage == "other board":
        made = bytearray(_package(tmp_path, "2", 2, key, board="bracelet"))
    elif damage == "older":
        made = bytearray(_package(tmp_path, "0", 0, key))
    flash = _sold(tmp_path, key, {"/update.wzu": bytes(made)})
    assert f"refused {reason}" in _power_on(flash, INSTALL)
    assert "runs 1 6000" in _power_on(flash, RUN)


def test_the_board_is_bootable_at_every_power_cut_of_an_update(tmp_path: Path, key: rsa.RSAPrivateKey) -> None:
    flash = _sold(tmp_path, key, {"/update.wzu": _package(tmp_path, "2", 2, key)})
    vm = machine.find_vm()
    assert vm is not None

    def check(result: CutResult) -> str:
        runs = [line for line in result.found if line.startswith("runs")]
        if runs not in (["runs 1 6000"], ["runs 2 6000"]):
            return f"neither the old nor the new version whole: {result.found}"
        # After a second cut, of the boot itself, the trial may be used up: then the old one is right again.
        if "installed" in result.told and not result.again and runs != ["runs 2 6000"]:
            return f"told installed, but {runs}"
        return ""

    cuts = PowerCuts(vm, flash, tmp_path)
    campaign = cuts.run(INSTALL, RUN + CONFIRM, check, again_at=(0, 3, 10))
    assert not campaign.failures, campaign.failures[:3]
    assert campaign.writes > 20
    assert {result.again for result in campaign.results} > {0, 1, 2}


@pytest.fixture
def local_index(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder served over HTTP on loopback."""
    folder = tmp_path / "index"
    with served(folder) as address:
        yield folder, address


def test_mip_brings_a_package_from_a_local_index(
    tmp_path: Path, key: rsa.RSAPrivateKey, local_index: tuple[Path, str]
) -> None:
    folder, address = local_index
    (folder / "tracker-2.wzu").write_bytes(_package(tmp_path, "2", 2, key))
    (folder / "package.json").write_text(f'{{"urls": [["update.wzu", "{address}/tracker-2.wzu"]], "version": "2"}}')
    flash = _sold(tmp_path, key, {"/main.py": RUN})
    layout = (flash.sectors, flash.rom_sectors)
    with VirtualBoard(flash.path, runtime="vm", port="pty", flash_layout=layout) as board:
        board.console.wait("runs 1")
        done = mpremote(board.port_name, "mip", "install", "--target", "/", f"{address}/package.json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "installed" in mpremote(board.port_name, "exec", INSTALL).stdout
        mark = board.console.mark()
        board.reset()
        board.console.wait("runs 2", since=mark)
        # Every command of mpremote restarts the interpreter; that must not use the trial up.
        for _ in range(3):
            assert mpremote(board.port_name, "exec", "print('alive')").stdout == "alive\n"
        assert mpremote(board.port_name, "exec", CONFIRM).stdout == "confirmed True\n"


def test_an_update_of_the_whole_firmware_survives_a_sample_of_power_cuts(tmp_path: Path) -> None:
    vm = machine.find_vm()
    assert vm is not None
    cuts = every_write(tmp_path, vm, stride=23)
    assert not cuts.wrong, cuts.wrong[:3]
    assert cuts.cuts >= 15


@pytest.mark.campaign
def test_an_update_of_the_whole_firmware_survives_every_power_cut(tmp_path: Path) -> None:
    vm = machine.find_vm()
    assert vm is not None
    cuts = every_write(tmp_path, vm)
    assert not cuts.wrong, cuts.wrong[:3]
    assert cuts.cuts == cuts.writes
