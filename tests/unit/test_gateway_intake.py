"""The intake of many workers: whose messages are handed on, and those that come before their order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.orders_file import OrdersFile
from gateway.partitions.intake import STRANGERS_MAX, STRANGERS_MS, Intake
from gateway.partitions.stream import Outgoing, StreamAway
from gateway.worker import Delivery
from tests.support.tracker_messages import KEYS, fix_body, order_document, sealed

BEGIN_MS = 1_770_000_000_000


class FakeStream:
    def __init__(self) -> None:
        self.stored: list[Outgoing] = []
        self.away = False

    def publish(self, outgoing: list[Outgoing]) -> None:
        if self.away:
            raise StreamAway("away")
        self.stored += outgoing


class Rig:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "orders.json"
        self.orders(0)
        self.now_ms, self.acknowledged, self.stream = BEGIN_MS, 0, FakeStream()
        stream: Any = self.stream
        self.intake = Intake(stream, KEYS, OrdersFile(self.path), 4, "intake-1", lambda: self.now_ms)

    def orders(self, count: int) -> None:
        self.path.write_text(json.dumps({**order_document(), "orders": order_document()["orders"][:count]}))

    def hear(self, seq: int, device: str = "trk-m1") -> None:
        def acknowledge() -> None:
            self.acknowledged += 1

        payload = sealed(device, fix_body(seq, self.now_ms - 1_000, 0))
        self.intake.take([Delivery(f"wz/1/up/{device}", payload, self.now_ms, acknowledge)])


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_what_comes_before_the_intake_knows_the_order_is_handed_on_once_with_its_own_time(rig: Rig) -> None:
    rig.hear(1)
    rig.now_ms += 2_000
    rig.hear(2)
    assert (rig.stream.stored, rig.acknowledged, rig.intake.without_order) == ([], 2, 2)
    rig.orders(1)
    rig.stream.away = True
    with pytest.raises(StreamAway):
        rig.intake.reload_orders()
    rig.stream.away = False
    for _ in range(2):
        rig.intake.reload_orders()
    assert len(rig.stream.stored) == len({one.identity for one in rig.stream.stored}) == 2
    assert rig.intake.without_order == 0
    assert BEGIN_MS.to_bytes(8, "big") in rig.stream.stored[0].data


def test_what_was_heard_long_before_its_order_is_not_kept_and_never_too_much(rig: Rig) -> None:
    rig.hear(1)
    rig.now_ms += STRANGERS_MS + 1
    rig.hear(2)
    rig.orders(1)
    rig.intake.reload_orders()
    assert len(rig.stream.stored) == 1
    assert rig.intake._strangers.maxlen == STRANGERS_MAX
