"""Consoles that ask for not quite the same orders share the look-up of each; each answers for what he read."""

from __future__ import annotations

import copy
from typing import Any

from tests.support.backend import ORDERS, Backend, transition

pytest_plugins = ("tests.support.backend",)
FIRST, SECOND, QUIET = "VL-2026-0001", "VL-2026-0002", "VL-2026-0003"


def _orders() -> dict[str, Any]:
    document = copy.deepcopy(ORDERS)
    [first] = document["orders"]
    document["orders"] = [first | {"order_id": name} for name in (FIRST, SECOND, QUIET)]
    return document


def _asked(backend: Backend, who: str, *orders: str) -> list[str]:
    answer = backend.client(name=who).get("/console/situation", params={"order_id": list(orders)})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"orders", "tracks"}
    return [order["order_id"] for order in answer.json()["orders"]]


def _reads(backend: Backend) -> set[tuple[str, str]]:
    return {(one.actor, one.subject) for one in backend.services.audit.newest() if one.action == "position.read"}


def test_each_console_gets_the_orders_it_asks_for_and_its_reads_are_its_own(backend: Backend) -> None:
    assert backend.gateway.put("/api/v1/orders", json=_orders()).status_code == 200
    backend.post(transition("a-1", order_id=FIRST), transition("a-2", order_id=SECOND))
    assert _asked(backend, "anna", FIRST) == [FIRST]
    assert _asked(backend, "bram", SECOND, FIRST) == [FIRST, SECOND]
    assert _asked(backend, "cleo", SECOND, QUIET) == [SECOND]  # nothing is open about the third
    assert _reads(backend) == {
        ("anna", f"order:{FIRST}"),
        ("bram", f"order:{FIRST}"),
        ("bram", f"order:{SECOND}"),
        ("cleo", f"order:{SECOND}"),
    }
    whole = backend.client(name="dora").get("/console/situation").json()
    assert {order["order_id"] for order in whole["orders"]} == {FIRST, SECOND}
