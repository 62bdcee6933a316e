"""The tracker's settings: whole and right, or not at all."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from firmware.boards import tracker as board
from firmware.tracker.config import ConfigInvalid, load, parse

GOOD: dict[str, Any] = {
    "schema": "waakzaam.tracker/1",
    "device_id": "trk-m1",
    "key": "00" * 32,
    "broker_host": "127.0.0.1",
    "broker_port": 1883,
}


def test_good_settings_are_taken() -> None:
    config = parse(json.dumps(GOOD))
    assert (config.device_id, config.key, config.host, config.port) == ("trk-m1", bytes(32), "127.0.0.1", 1883)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", "waakzaam.tracker/2"),
        ("device_id", "TRK"),
        ("device_id", None),
        ("key", "00" * 31),
        ("key", "zz" * 32),
        ("key", None),
        ("broker_host", ""),
        ("broker_port", 0),
        ("broker_port", True),
        ("broker_port", "1883"),
        ("tls_ca_file", 5),
        ("broker_user", 5),
        ("broker_password", ["x"]),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        parse(json.dumps({**GOOD, field: value}))
    assert caught.value.field == field
    assert "00" * 8 not in str(caught.value)


def test_a_password_needs_a_user() -> None:
    with pytest.raises(ConfigInvalid, match="broker_user"):
        parse(json.dumps({**GOOD, "broker_password": "secret"}))


def test_a_missing_or_broken_file_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        load(str(tmp_path / "none.json"))
    (tmp_path / "half.json").write_text('{"schema"')
    with pytest.raises(ConfigInvalid, match="not JSON"):
        load(str(tmp_path / "half.json"))


def test_the_pins_are_those_of_the_hardware_description(root: Path) -> None:
    described = tomllib.loads((root / "hardware/pins/tracker.toml").read_text())
    pins = {pin["signal"].upper(): pin["gpio"] for pin in described["pin"]}
    ours = {name: value for name, value in vars(board).items() if name in pins}
    assert ours == pins
    bus = described["buses"]["gnss"]
    assert (described["board"], bus["id"], bus["baud"]) == (board.NAME, board.GNSS_UART, board.GNSS_BAUD)
    assert len(set(pins.values())) == len(pins)
    assert not set(pins.values()) & {0, 3, 19, 20, 43, 44, 45, 46}
