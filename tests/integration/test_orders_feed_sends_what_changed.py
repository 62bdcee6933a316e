"""The gateway asks for what changed since its revision, and is sent everything when that revision is not known."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, insert

from alarm_backend.orders import delivery, repository
from alarm_backend.store.register_tables import order_changes
from alarm_backend.store.tables import orders
from gateway.orders_feed import OrdersFeed
from tests.support.backend import ORDERS, TOKEN, Backend

pytest_plugins = ("tests.support.backend",)
PATH = "/api/v1/orders/feed"
MANY = 10_000


def _order(order_id: str, version: int = 1) -> dict[str, Any]:
    return {**ORDERS["orders"][0], "order_id": order_id, "version": version}


def _put(backend: Backend, *documents: dict[str, Any]) -> None:
    answer = backend.gateway.put("/api/v1/orders", json={**ORDERS, "orders": list(documents)})
    assert answer.status_code == 200, answer.text


def _feed(backend: Backend, folder: Path) -> OrdersFeed:
    """A gateway's feed that asks this backend; judged is what it wrote down."""
    given = folder / "orders.json"
    given.write_text(json.dumps({**ORDERS, "orders": []}))
    feed = OrdersFeed("http://backend", TOKEN, given=given, data=folder, now_ms=lambda: 0, source="gateway-1")
    feed.prepare()
    feed._client = backend.gateway
    return feed


def _judged(feed: OrdersFeed) -> dict[str, int]:
    return {order.order_id: order.version for order in feed.orders.read()}


def _in_file(feed: OrdersFeed) -> dict[str, int]:
    return {order["order_id"]: order["version"] for order in json.loads(feed.path.read_text())["orders"]}


def test_only_what_changed_is_sent_and_what_is_gone_is_withdrawn(backend: Backend, tmp_path: Path) -> None:
    _put(backend, *(_order(f"VL-{number}") for number in range(5)))
    feed = _feed(backend, tmp_path)
    feed._ask()
    assert _judged(feed) == _in_file(feed) == {f"VL-{number}": 1 for number in range(5)}
    revision = feed._revision
    _put(backend, _order("VL-1", 2))
    _put(backend, _order("VL-7"))
    sent = backend.gateway.get(PATH, params={"since": revision}).json()
    assert ([order["order_id"] for order in sent["orders"]], sent["since"]) == (["VL-1", "VL-7"], revision)
    with backend.services.database.writing() as connection:
        row = dict(repository.current_of(connection, "VL-2") or {}) | {"version": 2, "withdrawn": True}
        repository.add_current(connection, {name: row[name] for name in row if name != "is_current"})
        delivery.changed(connection, 0, ["VL-2"])
    feed._ask()
    wanted = {"VL-0": 1, "VL-1": 2, "VL-3": 1, "VL-4": 1, "VL-7": 1}
    assert _judged(feed) == _in_file(feed) == wanted
    asked_again = backend.gateway.get(PATH, params={"since": feed._revision}, headers={"If-None-Match": feed._revision})
    assert asked_again.status_code == 304


@pytest.mark.parametrize("lost", ["the log of changes was cut", "the database was restored from an older copy"])
def test_a_revision_that_is_not_known_brings_every_order(backend: Backend, tmp_path: Path, lost: str) -> None:
    _put(backend, _order("VL-1"), _order("VL-2"))
    feed = _feed(backend, tmp_path)
    feed._ask()
    _put(backend, _order("VL-3"))
    with backend.services.database.writing() as connection:
        if "cut" in lost:
            connection.execute(delete(order_changes))
    if "restored" in lost:
        feed._revision = "f" * 32
    answer = backend.gateway.get(PATH, params={"since": feed._revision}).json()
    assert (len(answer["orders"]), answer["since"]) == (3, None)
    feed._ask()
    assert _judged(feed) == {"VL-1": 1, "VL-2": 1, "VL-3": 1}


def test_an_answer_that_goes_on_from_another_revision_is_refused_and_everything_asked_for(
    backend: Backend, tmp_path: Path
) -> None:
    _put(backend, _order("VL-1"))
    feed = _feed(backend, tmp_path)
    feed._ask()
    wrong = {"schema": ORDERS["schema"], "orders": [], "withdrawn": [], "revision": "r9", "since": "r8"}
    feed._client = httpx.Client(
        transport=httpx.MockTransport(lambda _request: httpx.Response(200, json=wrong)), base_url="http://x"
    )
    with pytest.raises(ValueError, match="another revision"):
        feed._ask()
    assert feed._revision == ""
    assert _judged(feed) == {"VL-1": 1}


def test_the_log_of_changes_stays_bounded(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "CHANGES_KEPT", 3)
    with backend.services.database.writing() as connection:
        for number in range(6):
            delivery.changed(connection, 0, [f"VL-{number}"])
        kept = list(connection.execute(order_changes.select().order_by(order_changes.c.number)).mappings())
        assert [row["order_ids"] for row in kept] == [["VL-3"], ["VL-4"], ["VL-5"]]
        assert delivery.changed_since(connection, kept[0]["revision"]) == {"VL-4", "VL-5"}


class _Recorded:
    """Answers of the backend, handed over once more: what the gateway does with them is measured alone."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    def get(self, *_args: Any, **_kwargs: Any) -> httpx.Response:
        return self._answer


def _cpu_s(act: Any) -> tuple[float, Any]:
    began_s = time.process_time()
    done = act()
    return time.process_time() - began_s, done


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_change_among_ten_thousand_orders_costs_a_small_part_of_all(backend: Backend, tmp_path: Path) -> None:
    rows = [
        {
            **{"order_id": f"VL-{number:05}", "version": 1, "mandate_kind": "sentence_execution", "stored_ms": 0},
            **{"valid_from_ms": 0, "valid_until_ms": 2**50, "sha256": "", "is_current": True, "withdrawn": False},
            "document": _order(f"VL-{number:05}"),
        }
        for number in range(MANY)
    ]
    with backend.services.database.writing() as connection:
        connection.execute(insert(orders), rows)
        delivery.changed(connection, 0, [row["order_id"] for row in rows])
    feed = _feed(backend, tmp_path)
    whole_s, whole = _cpu_s(lambda: backend.gateway.get(PATH))
    feed._client = _Recorded(whole)  # type: ignore[assignment]
    taken_whole_s, _ = _cpu_s(feed._ask)
    _put(backend, _order("VL-04321", 2))
    one_s, one = _cpu_s(lambda: backend.gateway.get(PATH, params={"since": feed._revision}))
    feed._client = _Recorded(one)  # type: ignore[assignment]
    taken_one_s, _ = _cpu_s(feed._ask)
    judged = _judged(feed)
    assert (len(judged), judged["VL-04321"], judged["VL-04322"]) == (MANY, 2, 1)
    told = f"backend {whole_s:.3f} -> {one_s:.3f} s, gateway {taken_whole_s:.3f} -> {taken_one_s:.3f} s of CPU"
    print(told, len(whole.content), "->", len(one.content), "bytes")
    assert len(one.content) < len(whole.content) / 1000, told
    assert one_s < whole_s / 10, told
    assert taken_one_s < taken_whole_s / 5, told
