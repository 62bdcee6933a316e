"""The whole tracker in the MicroPython VM: its own heap, its own flash, a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from firmware.wire.messages import decode
from simulators.gnss.nmea_sentences import Reception, epoch
from simulators.gnss.tracks import Position
from simulators.gnss.ubx_receiver import UbxReceiver
from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.tracker_world import TrackerWorld, files
from tests.support.broker import BrokerAddress, free_port, running_broker
from tests.support.tracker_bench import KEY, START_MS, Ear, wait_until
from waakzaam.rigs.updated_board import UpdatedBoard

VM = pytest.param("vm", marks=pytest.mark.needs("vm"))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerAddress]:
    with running_broker("embedded", tmp_path_factory.mktemp("broker")) as address:
        yield address


class Bench:
    """A tracker board and its world."""

    def __init__(self, root: Path, flash: Path, device_id: str, address: BrokerAddress, runtime: str = "vm") -> None:
        self.world = TrackerWorld()
        self.board = VirtualBoard(
            flash, firmware_root=root / "firmware", peripherals=self.world.peripherals, runtime=runtime
        )
        self.board.storage.write(
            files(
                {
                    "schema": "waakzaam.tracker/1",
                    "device_id": device_id,
                    "key": KEY.hex(),
                    "broker_host": address.host,
                    "broker_port": address.port,
                }
            )
        )

    def told(self, word: str) -> list[dict[str, Any]]:
        """Lines of that kind on the console."""
        lines = [json.loads(line) for line in self.board.console.text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["told"] == word]

    def receive(self, second: int, fixed: bool = True) -> None:
        """One epoch of the receiver."""
        place = Position(51.0543 + second * 1e-5, 3.7250, 1.4, 0.0)
        self.world.receiver.feed(epoch(START_MS + 1000 * second, place, Reception(fixed=fixed)))


@pytest.mark.parametrize("runtime", [VM, "cpython"])
def test_a_tracker_tells_what_it_is_and_reports(
    root: Path, tmp_path: Path, broker: BrokerAddress, runtime: str
) -> None:
    ear = Ear(broker, f"trk-{runtime}1")
    bench = Bench(root, tmp_path / "flash.img", f"trk-{runtime}1", broker, runtime)
    with bench.board:
        wait_until(lambda: bench.told("connected"), "connection")
        (start,) = bench.told("started")
        assert start["implementation"].lower().startswith({"vm": "micropython", "cpython": "cpython"}[runtime])
        assert start.get("heap_free_bytes", 0) > (50_000 if runtime == "vm" else -1)
        bench.receive(0)
        bench.receive(10)
        wait_until(lambda: len([m for m in ear.once() if m["kind"] == "fix"]) == 2, "two fixes")
        bench.world.cut_strap()
        wait_until(lambda: "strap_cut" in ear.events(), "the cut")
        bench.world.hold_panic()
        wait_until(lambda: "panic" in ear.events(), "the panic call")
        ear.say({"kind": "settings", "sent_ms": START_MS, "report_interval_ms": 2_000})
        wait_until(lambda: bench.told("settings"), "the settings")
    panic = next(m for m in ear.once() if m.get("event") == "panic")
    assert panic["lat_e7"] == pytest.approx(510_544_000, abs=2)
    assert not bench.told("fault")
    ear.close()


@pytest.mark.needs("vm")
def test_a_cut_whose_power_fails_before_it_is_sent_is_delivered_after_the_next_start(
    root: Path, tmp_path: Path, broker: BrokerAddress
) -> None:
    nowhere = BrokerAddress("127.0.0.1", free_port())
    bench = Bench(root, tmp_path / "flash.img", "trk-vm2", nowhere)
    with bench.board:
        wait_until(lambda: bench.told("started"), "start")
        bench.world.cut_strap()
        wait_until(lambda: bench.told("event"), "the cut")
        bench.board.power_cut()
    ear = Ear(broker, "trk-vm2")
    again = Bench(root, tmp_path / "flash.img", "trk-vm2", broker)
    with again.board:
        wait_until(lambda: "strap_cut" in ear.events(), "the cut")
        assert again.told("started")[0]["events_waiting"] == 1
        wait_until(lambda: not again.told("fault") and len(ear.once()) >= 2, "a heartbeat")
    cut = next(m for m in ear.once() if m.get("event") == "strap_cut")
    assert (cut["boot_id"], {m["boot_id"] for m in ear.once()} >= {1, 2}) == (1, True)
    ear.close()


@pytest.mark.needs("vm")
def test_a_jammer_at_the_receiver_becomes_an_event(root: Path, tmp_path: Path, broker: BrokerAddress) -> None:
    ear = Ear(broker, "trk-vm6")
    bench = Bench(root, tmp_path / "flash.img", "trk-vm6", broker)
    receiver = UbxReceiver()
    line = bench.world.receiver
    line.on_receive = lambda data: line.feed(receiver.hear(data))
    with bench.board:
        wait_until(lambda: bench.told("receiver"), "the receiver's settings")
        assert bench.told("receiver")[0]["settings"]["jamming monitor"] == "accepted"
        bench.receive(0)

        def jammed() -> bool:
            line.feed(receiver.epoch(3, 1))
            return "jamming" in ear.events()

        wait_until(jammed, "the event")
    ear.close()


@pytest.mark.needs("vm")
def test_ten_minutes_of_epochs_take_no_heap(root: Path, tmp_path: Path, broker: BrokerAddress) -> None:
    """600 epochs, a fix each two, and outages of the sky; every answer to new settings tells the heap after a sweep."""
    ear = Ear(broker, "trk-vm5")
    bench = Bench(root, tmp_path / "flash.img", "trk-vm5", broker)
    free: list[int] = []
    with bench.board:
        wait_until(lambda: bench.told("connected"), "connection")
        for round_number in range(12):
            for second in range(50):
                wait_until(lambda: bench.world.receiver.unread_bytes() < 1_200, "the board reading its receiver")
                bench.receive(50 * round_number + second, fixed=second % 25 != 7)
            interval_ms = 1_900 + round_number
            ear.say({"kind": "settings", "sent_ms": START_MS + round_number, "report_interval_ms": interval_ms})
            wait_until(partial(ear.answered, interval_ms), "the answer")
            free.append(ear.answered(interval_ms)["heap_free_bytes"])
        wait_until(lambda: len([m for m in ear.once() if m["kind"] == "fix"]) >= 250, "the fixes")
    assert bench.world.receiver.overrun_bytes == 0
    assert min(free[2:]) > 40_000
    assert max(free[2:]) - min(free[2:]) < 2_000, free  # no trend: a few fixes may be on their way
    assert not bench.told("fault")
    ear.close()


@pytest.mark.needs("vm")
def test_settings_that_cannot_be_used_stop_the_tracker_with_one_line(root: Path, tmp_path: Path) -> None:
    bench = Bench(root, tmp_path / "flash.img", "trk-vm3", BrokerAddress("127.0.0.1", 1))
    bench.board.storage.write({"/config.json": "settings"})
    with bench.board:
        wait_until(lambda: bench.told("stopped"), "the line")
    assert bench.told("stopped")[0]["reason"] == "/config.json: file: not JSON"


@pytest.mark.needs("vm")
def test_the_bodies_in_flash_are_messages_of_the_wire(root: Path, tmp_path: Path) -> None:
    bench = Bench(root, tmp_path / "flash.img", "trk-vm4", BrokerAddress("127.0.0.1", free_port()))
    with bench.board:
        wait_until(lambda: bench.told("started"), "start")
        bench.world.open_case()
        wait_until(lambda: bench.told("event"), "the event")
    (name,) = bench.board.storage.files("/events")
    raw = bench.board.storage.read(name)
    body = raw[1 + raw[0] : -4]
    assert decode(body)["event"] == "case_opened"


@pytest.mark.needs("vm")
def test_an_update_of_a_tracker_is_kept_once_it_reached_its_broker(tmp_path: Path, broker: BrokerAddress) -> None:
    config = {
        "schema": "waakzaam.tracker/1",
        "device_id": "trk-updated",
        "key": KEY.hex(),
        "broker_host": broker.host,
        "broker_port": broker.port,
    }
    sold = UpdatedBoard(tmp_path, "tracker", files(config), TrackerWorld().peripherals)
    sold.install(sold.package("2", 2, {}))
    for start in range(3):  # more starts than an unconfirmed trial has
        with sold.board():
            sold.wait_line('"told": "connected"')
            if start == 0:
                sold.wait_line('"told": "firmware_confirmed"')
            assert not any("rolled back" in line for line in sold.lines)


@pytest.mark.needs("vm")
def test_an_update_of_a_tracker_that_never_reaches_a_broker_is_left_for_the_old_one(tmp_path: Path) -> None:
    config = {
        "schema": "waakzaam.tracker/1",
        "device_id": "trk-lost",
        "key": KEY.hex(),
        "broker_host": "127.0.0.1",
        "broker_port": free_port(),
    }
    sold = UpdatedBoard(tmp_path, "tracker", files(config), TrackerWorld().peripherals)
    sold.install(sold.package("2", 2, {}))
    for expected in ("slot 1, 2, on trial", "slot 1, 2, on trial", "slot 0, 1, rolled back: not confirmed"):
        with sold.board():
            assert expected in sold.wait_line("boot: slot")
            sold.wait_line('"told": "started"')
