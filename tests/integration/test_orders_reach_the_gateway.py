"""An order signed off at the real backend is judged by the running gateway, and its receipt says so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alarm_backend.drafts.schemas import DraftNew, DraftStep
from alarm_backend.settings import Settings
from gateway.orders_feed import OrdersFeed
from tests.support.backend import LiveBackend, until
from tests.support.broker import BrokerAddress, running_broker
from tests.support.tracker_messages import Trackers, order_document, running_gateway, start_gateway, write_settings
from waakzaam.rigs import nats, postgres
from waakzaam.rigs.fake_backend import TOKEN

pytest_plugins = ("tests.support.backend",)


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """One database is enough here: the drafts have their tests on both."""
    path = tmp_path / "live.db"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=database_url, data_folder=tmp_path, gateway_token=TOKEN)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerAddress]:
    with running_broker("embedded", tmp_path / "broker") as address:
        yield address


def _sign(live: LiveBackend, order_id: str, act: Any = "set", document: dict[str, Any] | None = None) -> int:
    users = {user.username: user for user in live.services.auth.users()}
    drafts = live.services.drafts
    draft = drafts.begin(DraftNew(order_id=order_id, act=act, document=document), users["ann"])
    drafts.submit(draft.draft_id, DraftStep(revision=1), users["ann"])
    return drafts.sign(draft.draft_id, DraftStep(revision=1), users["chief"]).version


def _judged(live: LiveBackend, order_id: str) -> int | None:
    for version in live.services.orders.versions(order_id):
        if version.active_at:
            return version.version
    return None


def test_a_signed_order_is_judged_without_a_restart_and_a_withdrawn_one_no_longer(
    tmp_path: Path, live: LiveBackend, broker: BrokerAddress
) -> None:
    live.services.auth.add_user("ann", "Ann", "case_manager", None, "test")
    live.services.auth.add_user("chief", "Chief", "supervisor", None, "test")
    original = order_document()["orders"][0]
    order_id = original["order_id"]
    folder = tmp_path / "g"
    trackers = Trackers(broker)
    with running_gateway(folder, broker, SimpleNamespace(url=live.url)):  # type: ignore[arg-type]
        wider = {**original, "proximity": {"alert_distance_m": 3_000, "prealert_distance_m": 6_000}}
        live.services.orders.put(order_document(), "test")
        until(lambda: _judged(live, order_id) == 1, "the receipt of the file's order", 30)
        assert _sign(live, order_id, document=wider) == 2
        until(lambda: _judged(live, order_id) == 2, "the receipt of the signed order", 30)
        start_ms = time.time_ns() // 1_000_000 - 20_000
        trackers.fix("trk-p1", 1, start_ms, 0)
        trackers.fix("trk-m1", 1, start_ms + 1_000, 2_000)
        until(lambda: bool(live.services.alarms.queue().alarms), "the alarm of the signed distance", 30)
        alarm = live.services.alarms.queue().alarms[0]
        assert alarm.kind == "proximity_alert"
        _sign(live, order_id, act="withdraw")
        until(lambda: _judged(live, order_id) is None, "the receipt of the withdrawal", 30)
        cleared = lambda: live.services.alarms.detail(alarm.alarm_id).alarm.condition == "cleared"  # noqa: E731
        until(cleared, "the alarm of a withdrawn order is cleared", 30)
    trackers.close()
    assert "stays in force" not in (folder / "gateway.log").read_text()


def test_an_order_withdrawn_while_no_gateway_ran_is_confirmed_as_judged_no_more(
    tmp_path: Path, live: LiveBackend
) -> None:
    live.services.auth.add_user("ann", "Ann", "case_manager", None, "test")
    live.services.auth.add_user("chief", "Chief", "supervisor", None, "test")
    write_settings(tmp_path)
    (order,) = order_document()["orders"]
    live.services.orders.put(order_document(), "test")

    def one_round(judged: dict[str, int]) -> None:
        feed = OrdersFeed(
            live.url, TOKEN, given=tmp_path / "orders.json", data=tmp_path, now_ms=lambda: 0, source="gateway-1"
        )
        feed.prepare()
        feed.loaded = lambda: judged
        feed._ask()
        feed._tell()

    one_round({order["order_id"]: 1})
    assert _judged(live, order["order_id"]) == 1
    _sign(live, order["order_id"], act="withdraw")
    one_round({})
    assert _judged(live, order["order_id"]) is None


@pytest.mark.needs("nats", "postgres")
def test_a_signed_order_reaches_an_intake_and_a_worker_that_know_no_file_of_it(
    tmp_path: Path, live: LiveBackend, broker: BrokerAddress
) -> None:
    """The order is nowhere but at the backend: the intake must route its tracker by it, and the worker judge it."""
    live.services.auth.add_user("ann", "Ann", "case_manager", None, "test")
    live.services.auth.add_user("chief", "Chief", "supervisor", None, "test")
    document = order_document()["orders"][0]
    order_id, there = document["order_id"], SimpleNamespace(url=live.url)
    trackers = Trackers(broker)
    with nats.running() as streams, postgres.running() as server:
        shared = ("--nats", streams.url, "--partitions", "2")
        store = ("--store", server.fresh().replace("+psycopg", ""), "--lease-s", "2")
        for name in ("in", "w"):
            write_settings(tmp_path / name, {"schema": "waakzaam.orders/1", "orders": []})
        worker = start_gateway(tmp_path / "w", broker, there, "--role", "worker", "--source", "w", *shared, *store)
        try:
            with running_gateway(tmp_path / "in", broker, there, "--role", "intake", "--source", "in", *shared):
                _sign(live, order_id, document=document)
                until(lambda: _judged(live, order_id) == 1, "the receipt of the worker", 40)
                followed = tmp_path / "in/data/orders-in-force.json"
                until(lambda: order_id in followed.read_text(), "the intake has the order", 30)
                start_ms = time.time_ns() // 1_000_000 - 20_000
                seq = 0

                def alarmed() -> bool:
                    nonlocal seq
                    seq += 1  # The intake looks at its orders every two seconds: until then it knows no such tracker.
                    trackers.fix("trk-p1", seq, start_ms + 2 * seq, 0)
                    trackers.fix("trk-m1", seq, start_ms + 2 * seq + 1, 100)
                    return bool(live.services.alarms.queue().alarms)

                until(alarmed, "the alarm", 40)
        finally:
            worker.terminate()
            worker.wait(20)
            trackers.close()
    assert live.services.alarms.queue().alarms[0].kind == "proximity_alert"
