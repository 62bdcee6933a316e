"""The firmware's board file says what hardware/pins says."""

from __future__ import annotations

import tomllib

from firmware.boards import bracelet
from tests.support.source_tree import ROOT

PINS = tomllib.loads((ROOT / "hardware/pins/bracelet.toml").read_text(encoding="utf-8"))
STRAPPING_USB_AND_CONSOLE = {0, 3, 45, 46, 19, 20, 43, 44}


def test_every_pin_of_the_map_is_the_board_files_and_the_other_way_round() -> None:
    mapped = {pin["signal"].upper(): pin["gpio"] for pin in PINS["pin"]}
    not_pins = ("_BAUD_HZ", "_ADDRESS", "_SPI", "_I2C")
    coded = {k: v for k, v in vars(bracelet).items() if isinstance(v, int) and not k.endswith(not_pins)}
    assert coded == mapped


def test_no_gpio_is_used_twice_nor_one_that_the_module_needs_itself() -> None:
    used = [pin["gpio"] for pin in PINS["pin"]]
    assert len(used) == len(set(used))
    assert not set(used) & STRAPPING_USB_AND_CONSOLE


def test_buses_and_addresses_agree() -> None:
    assert PINS["buses"]["afe"]["id"] == bracelet.AFE_SPI
    assert PINS["buses"]["afe"]["baud_hz"] == bracelet.AFE_BAUD_HZ
    assert PINS["buses"]["led"]["id"] == bracelet.LED_SPI
    assert PINS["buses"]["led"]["baud_hz"] == bracelet.LED_BAUD_HZ
    assert PINS["buses"]["sensors"]["baud_hz"] == bracelet.SENSORS_BAUD_HZ
    for part, address in PINS["buses"]["sensors"]["addresses"].items():
        assert address == getattr(bracelet, f"{part}_ADDRESS")


def test_every_part_of_the_pin_map_is_in_the_bill_of_materials() -> None:
    bom = tomllib.loads((ROOT / "hardware/bom/bracelet.toml").read_text(encoding="utf-8"))
    listed = {line["part"] for line in bom["line"]}
    named = {part for pin in PINS["pin"] for part in pin["part"].split(", ")}
    assert named <= listed
    assert all(line["mpn"] for line in bom["line"])
    assert PINS["module"].startswith(next(part for part in listed if part.startswith("ESP32")))
