"""Records by Bluetooth, in the MicroPython VM: only while the wearer's window is open, over a link that bites."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.wire.record_link import CONTROL
from simulators.ad5941 import ShortCell
from simulators.virtual_board.radio import LinkError
from waakzaam import record_fetch
from waakzaam.record_fetch import Fetch
from waakzaam.rigs.bracelet import DEVICE_ID, ketamine_calibration
from waakzaam.rigs.bracelet_board import BraceletBoard

pytestmark = pytest.mark.needs("vm")
RECORDS = 3


@pytest.fixture
def bracelet(tmp_path: Path) -> Iterator[BraceletBoard]:
    calibration = tmp_path / "cal.json"
    calibration.write_text(json.dumps(ketamine_calibration()), encoding="utf-8")
    made = BraceletBoard(tmp_path, calibration, send="on_command", sleep_after_s=0)
    stored = {f"/records/{n:08d}.wzr": json.dumps({"n": n, "x": "v" * 5000}) for n in range(1, RECORDS + 1)}
    made.board.storage.write(stored)
    with made.board:
        yield made


def test_a_held_button_opens_a_window_and_every_record_comes_over_it_even_cut_off(bracelet: BraceletBoard) -> None:
    world, air = bracelet.world, bracelet.world.peripherals.radio
    bracelet.said("start")
    assert not air.active
    world.press()
    bracelet.said("radio", on=True)
    world.let_go()
    bracelet.said("light", colour="blue")

    link = air.connect()
    # Nothing in the air says who wears it: flags and the service, an address that changes, the same name for all.
    assert len(air.tells[0]) == 21
    assert DEVICE_ID.encode() not in air.tells[0] + json.dumps(air.settings).encode()
    assert (air.settings["addr_mode"], air.settings["gap_name"], air.settings["le_secure"]) == (2, "bracelet", True)

    fetch = Fetch()
    with pytest.raises(LinkError, match="encryption"):
        link.write(CONTROL, fetch.begin())
    link.pair()  # at the smallest packets: a hundred of them, then the link is lost
    link.write(CONTROL, fetch.begin())
    for _ in range(100):
        answer = fetch.packet(link.notification() or b"")
        if answer is not None:
            link.write(CONTROL, answer)
    link.disconnect()
    assert fetch.records == []

    again = air.connect()
    again.pair()
    assert again.exchange_mtu(517) == 247
    record_fetch.over(again, CONTROL, fetch)
    assert [json.loads(line[5:])["n"] for line in fetch.records] == [1, 2, 3]
    closing = bracelet.said("radio", on=False)
    assert closing["records"] >= RECORDS
    assert closing["heap_free_min"] >= 20 * 1024  # with everything of the radio in memory
    bracelet.board.send(b"status\n")
    status = bracelet.said("status")
    assert not air.active
    assert status["heap_free"] >= 20_000
    assert not bracelet.board.violations


def test_a_strip_closes_the_window_and_is_tested(bracelet: BraceletBoard) -> None:
    world, air = bracelet.world, bracelet.world.peripherals.radio
    bracelet.said("start")
    world.press()
    bracelet.said("radio", on=True)
    world.let_go()
    link = air.connect()
    link.pair()
    world.insert_strip(ShortCell(3.0))
    assert bracelet.said("tell")["reason"] == "short"
    with pytest.raises(LinkError):
        link.write(CONTROL, b"\x04")
