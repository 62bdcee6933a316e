"""`waakzaam provision`: a key once and for ever, private, and what a board needs."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
from typer.testing import CliRunner

from firmware.bracelet.settings import checked_config, of_strip
from firmware.drivers.ad5941_scan import plan_of
from firmware.tracker import config
from gateway.ingest import keys as gateway_keys
from simulators.virtual_board.board import VirtualBoard
from waakzaam import broker_accounts, provisioning
from waakzaam.commands import provision as command
from waakzaam.exits import BadInput


class Done(NamedTuple):
    """How a run of the command ended."""

    returncode: int
    stdout: str
    stderr: str


def provision(*arguments: object) -> Done:
    """The command in this process: starting one anew costs seconds and shows nothing more."""
    app = typer.Typer()
    command.register(app)
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(done.exception, BadInput):
        return Done(2, done.stdout, f"{done.stderr}waakzaam: {done.exception}")
    return Done(done.exit_code, done.stdout, done.stderr)


def test_from_the_shell_bad_input_ends_with_status_2_and_one_line(tmp_path: Path) -> None:
    command_line = [sys.executable, "-m", "waakzaam", "provision", "TRK", "--keys", str(tmp_path / "keys.json")]
    done = subprocess.run(command_line, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_a_tracker_gets_a_key_that_the_gateway_reads_and_settings_that_the_firmware_takes(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    done = provision("trk-p1", "--keys", keys, "--broker-host", "broker.example", "--broker-port", "8883", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    settings = config.load(told["settings"])
    assert gateway_keys.read(keys) == {"trk-p1": settings.key}
    assert (settings.device_id, settings.host, settings.port) == ("trk-p1", "broker.example", 8883)
    assert settings.key.hex() not in done.stdout + done.stderr
    assert told["key_fingerprint"] == hashlib.sha256(settings.key).hexdigest()[:16]
    for path in (keys, Path(told["settings"])):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_is_never_replaced_but_its_settings_can_be_written_again(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    assert provision("trk-p1", "--keys", keys).returncode == 0
    before = keys.read_bytes()
    refused = provision("trk-p1", "--keys", keys, "--out", tmp_path / "other.json")
    assert refused.returncode == 2
    assert "never replaced" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "other.json").exists()
    assert provision("trk-p1", "--keys", keys, "--out", tmp_path / "other.json", "--reissue").returncode == 0
    assert keys.read_bytes() == before
    assert (tmp_path / "other.json").read_text() == (tmp_path / "trk-p1.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["TRK"], "does not match"),
        (["trk-p1", "--reissue"], "has no key"),
        (["trk-p1", "--out", "missing/folder/x.json"], "is not a folder"),
        (["trk-p1", "--broker-passwords", "missing/folder/passwords"], "is not a folder"),
        (["gateway", "--kind", "gateway"], "gets only an account"),
        (["brc-1", "--kind", "bracelet", "--broker-passwords", "passwords"], "not for a bracelet"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = provision(*arguments, "--keys", tmp_path / "keys.json")
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "keys.json").exists()


def test_an_account_at_the_broker_is_never_replaced_unasked_and_no_key_is_made_for_a_refused_one(
    tmp_path: Path,
) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("trk-p1:$7$101$c2FsdA==$aGFzaA==\nsomebody:$7$101$c2FsdA==$aGFzaA==\n")
    passwords.chmod(0o440)
    asked = ("trk-p1", "--keys", tmp_path / "keys.json", "--broker-passwords", passwords)
    refused = provision(*asked)
    assert (refused.returncode, "has an account already" in refused.stderr) == (2, True)
    assert not (tmp_path / "keys.json").exists()
    provisioning.key_for(tmp_path / "keys.json", "trk-p1", reissue=False)
    done = provision(*asked, "--reissue")
    assert done.returncode == 0, done.stderr
    kept, renewed = passwords.read_text().splitlines()
    assert kept == "somebody:$7$101$c2FsdA==$aGFzaA=="
    assert renewed.startswith("trk-p1:$7$101$")
    assert "c2FsdA==" not in renewed
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o440
    password = json.loads((tmp_path / "trk-p1.json").read_text())["broker_password"]
    assert password not in done.stdout + done.stderr + passwords.read_text()


def test_an_account_is_not_written_into_a_file_that_is_no_password_file(tmp_path: Path) -> None:
    other = tmp_path / "acl"
    other.write_text("pattern write wz/1/up/%u\n")
    done = provision("trk-p1", "--keys", tmp_path / "keys.json", "--broker-passwords", other)
    assert (done.returncode, "line 1: is not user:password" in done.stderr) == (2, True)
    assert other.read_text() == "pattern write wz/1/up/%u\n"


@pytest.mark.needs("mosquitto")
def test_the_line_of_an_account_is_the_one_that_mosquitto_writes(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    subprocess.run(["mosquitto_passwd", "-b", "-c", theirs, "trk-p1", "secret"], check=True)
    salt = base64.b64decode(theirs.read_text().split("$")[3])
    assert broker_accounts.password_line("trk-p1", "secret", salt) == theirs.read_text().strip()


@pytest.mark.parametrize("content", ["{", '{"schema": "other"}', '{"schema": "waakzaam.keys/1", "keys": []}'])
def test_a_keys_file_that_cannot_be_read_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(content)
    with pytest.raises(BadInput):
        provisioning.key_for(keys, "trk-p1", reissue=False)
    assert keys.read_text() == content


def test_a_settings_file_that_exists_is_never_overwritten_and_no_key_is_made_for_it(tmp_path: Path) -> None:
    (tmp_path / "trk-p1.json").write_text("mine")
    done = provision("trk-p1", "--keys", tmp_path / "keys.json")
    assert done.returncode == 2
    assert (tmp_path / "trk-p1.json").read_text() == "mine"
    assert not (tmp_path / "keys.json").exists()


def test_many_at_once_lose_no_key(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    threads = [
        threading.Thread(target=provisioning.key_for, args=(keys, f"trk-{number}", False)) for number in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    found = provisioning.read_keys(keys)
    assert sorted(found) == sorted(f"trk-{number}" for number in range(24))
    assert len(set(found.values())) == 24


@pytest.mark.needs("vm")
def test_the_settings_arrive_on_a_board_through_mpremote(tmp_path: Path) -> None:
    with VirtualBoard(tmp_path / "flash.img", port="pty", runtime="vm") as board:
        board.console.wait(">>> ", 20)
        done = provision("trk-p1", "--keys", tmp_path / "keys.json", "--board", board.port_name)
        assert done.returncode == 0, done.stderr
    assert board.storage.read("/config.json") == (tmp_path / "trk-p1.json").read_bytes()


def test_a_bracelet_gets_the_waveform_of_its_strip_without_further_settings(tmp_path: Path) -> None:
    done = provision("brc-1", "--kind", "bracelet", "--keys", tmp_path / "keys.json", "--json")
    assert done.returncode == 0, done.stderr
    settings = checked_config(json.loads(Path(json.loads(done.stdout)["settings"]).read_text(encoding="utf-8")))
    assert plan_of(settings["waveform"], settings["rtia_ohm"]).points == 338
    assert settings["volume_ml"] == 330


def test_each_strip_of_a_test_gets_its_own_waveform(tmp_path: Path) -> None:
    strips = [command.STRIP.with_name(f"{name}_screen.toml") for name in ("ketamine", "nitro")]
    given = [word for strip in strips for word in ("--strip", strip)]
    done = provision("brc-1", "--kind", "bracelet", "--keys", tmp_path / "keys.json", "--json", *given)
    assert done.returncode == 0, done.stderr
    settings = checked_config(json.loads(Path(json.loads(done.stdout)["settings"]).read_text(encoding="utf-8")))
    assert settings["strips"] == ["/cal.json", "/cal_2.json"]
    assert of_strip(settings, "/cal.json")["waveform"]["end_v"] == 1.35
    assert of_strip(settings, "/cal_2.json")["waveform"]["end_v"] == -1.1
    assert of_strip(settings, "/cal_2.json")["key"] == settings["key"]


def test_a_strip_without_a_whole_waveform_is_one_clear_line_and_makes_no_key(tmp_path: Path) -> None:
    strip = tmp_path / "strip.toml"
    strip.write_text('name = "x"\ntechnique = "colour"\n', encoding="utf-8")
    done = provision("brc-1", "--kind", "bracelet", "--strip", strip, "--keys", tmp_path / "keys.json")
    assert done.returncode == 2
    assert "waveform.start_v" in done.stderr
    assert not (tmp_path / "keys.json").exists()
