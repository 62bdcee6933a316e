"""What must not be lost: when the disk is full, a page of the journal is damaged, or the backend answers in part."""

from __future__ import annotations

import json
import queue
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.ingest import decoder
from gateway.journal.port import StateRow
from gateway.journal.store import FileOutbox, Journal
from gateway.orders_file import OrdersFile
from gateway.outbox.sender import Sender
from gateway.worker import Delivery, Worker
from tests.support.broker import BrokerAddress, running_broker
from tests.support.tracker_messages import (
    KEYS,
    Trackers,
    fix_body,
    gateway_command,
    running_gateway,
    sealed,
    start_gateway,
    wait_connected,
    write_settings,
)
from tests.support.waiting import wait_until
from waakzaam.rigs.fake_backend import FakeBackend, running_backend


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    with running_backend() as running:
        yield running


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.needs("mosquitto")
def test_a_full_disk_ends_the_gateway_with_a_clear_line_and_the_broker_keeps_what_it_could_not_take(
    tmp_path: Path, backend: FakeBackend
) -> None:
    folder = tmp_path / "g"
    write_settings(folder)
    with running_broker("mosquitto", tmp_path / "mosquitto") as broker:
        trackers = Trackers(broker)
        # No file of the process may grow beyond this: to the journal that is a disk that is full.
        limited = ["bash", "-c", 'ulimit -f 600; exec "$0" "$@"', *gateway_command(folder, broker, backend.url)]
        with (folder / "gateway.log").open("ab") as log:
            process = subprocess.Popen(limited, stderr=log)
        try:
            wait_connected(folder)
            start = now_ms() - 3_600_000
            sent = 0
            while process.poll() is None:
                assert sent < 20_000, "the limit shows no effect"
                for _ in range(50):
                    trackers.fix("trk-m1", sent, start + sent, 5_000)
                    sent += 1
            assert process.returncode == 1
            last = (folder / "gateway.log").read_text().splitlines()[-1]
            assert "gateway.db" in last
            assert "the journal fails" in last
            trackers.fix("trk-p1", 1, now_ms() - 2_000, 0)
            trackers.fix("trk-m1", sent, now_ms() - 1_000, 100)
            with running_gateway(folder, broker, backend):
                wait_until(lambda: bool(backend.told("proximity_alert", "raised")), "the alarm that waited", 40)
        finally:
            trackers.close()
            if process.poll() is None:
                process.kill()
                process.wait()
    journal = Journal(folder / "data/gateway.db")
    assert journal.last_seq() >= sent + 2
    journal.close()


@pytest.mark.parametrize("damage", ["header", "states"])
def test_a_damaged_journal_is_told_and_not_begun_anew(tmp_path: Path, backend: FakeBackend, damage: str) -> None:
    write_settings(tmp_path)
    path = tmp_path / "data/gateway.db"
    journal = Journal(path)
    with journal.transaction():
        journal.save_states([StateRow(f"VL-{i}", 1, "x" * 300, 1) for i in range(500)], [], 0, 0)
        for i in range(500):
            journal.put_out(f"a-{i}/raised", "{}", None)
    journal.close()
    whole = path.read_bytes()
    spoilt = b"\xa5" * 100 + whole[100:] if damage == "header" else whole[:4096] + b"\xa5" * (len(whole) - 4096)
    path.write_bytes(spoilt)
    command = gateway_command(tmp_path, BrokerAddress("127.0.0.1", 1), backend.url)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    assert "gateway.db" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert path.read_bytes()[:100] == spoilt[:100]


def test_a_message_that_our_own_decoder_fails_on_is_set_aside_and_the_next_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_settings(tmp_path)
    journal = Journal(tmp_path / "gateway.db")
    worker = Worker(journal, KEYS, OrdersFile(tmp_path / "orders.json"), now_ms, now_ms)
    worker.start()
    sound = decoder.open_message

    def failing(topic: str, payload: bytes, *more: Any) -> Any:
        return {}["a defect of ours"] if payload == b"!" else sound(topic, payload, *more)

    monkeypatch.setattr(decoder, "open_message", failing)
    acknowledged: list[int] = []
    payloads = [b"!", sealed("trk-m1", fix_body(1, now_ms() - 1_000, 0))]
    worker.take(
        Delivery("wz/1/up/trk-m1", payload, now_ms(), lambda n=n: acknowledged.append(n))
        for n, payload in enumerate(payloads)
    )
    assert acknowledged == [0, 1]
    assert (journal.last_seq(), journal.quarantined()) == (1, 1)
    journal.close()


# ---- the outbox -----------------------------------------------------------------------------------------------------
def _outbox(path: Path, count: int) -> tuple[Journal, FileOutbox]:
    journal = Journal(path)
    with journal.transaction():
        for i in range(count):
            assert journal.put_out(
                f"a-{i}/raised", f'{{"alarm_id": "a-{i}", "transition": "raised", "number": {i}}}', None
            )
            assert not journal.put_out(f"a-{i}/raised", '{"number": -1}', None)  # decided again after a crash
    return journal, FileOutbox(path)


def test_what_the_backend_does_not_name_in_its_answer_is_sent_again_and_the_rest_is_not(tmp_path: Path) -> None:
    journal, outbox = _outbox(tmp_path / "gateway.db", 5)
    first = outbox.unsent(10)
    assert [one.idempotency_key for one in first] == [f"a-{i}/raised" for i in range(5)]
    outbox.confirmed([first[1].id, first[4].id])
    assert [one.idempotency_key for one in outbox.unsent(10)] == ["a-0/raised", "a-2/raised", "a-3/raised"]
    outbox.mark_confirmed(journal)
    again = FileOutbox(tmp_path / "gateway.db")  # as after a restart
    assert [one.idempotency_key for one in again.unsent(2)] == ["a-0/raised", "a-2/raised"]
    assert outbox.signs().outbox_depth == 3


def test_a_backend_that_stores_and_loses_its_answers_gets_each_transition_once_in_effect(tmp_path: Path) -> None:
    journal, outbox = _outbox(tmp_path / "gateway.db", 7)
    stored: dict[str, Any] = {}
    answers = iter(["lost", "half", "whole"])

    def backend(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/api/v1/transitions":
            return httpx.Response(200, json={})
        sent = json.loads(request.content)["transitions"]
        fate = next(answers, "whole")
        taken = sent[::2] if fate == "half" else sent
        for one in taken:
            stored.setdefault(one["idempotency_key"], one["number"])
        if fate == "lost":
            raise httpx.ReadTimeout("no answer", request=request)
        return httpx.Response(
            200, json={"results": [{"idempotency_key": one["idempotency_key"], "status": "stored"} for one in taken]}
        )

    sender = Sender("http://backend", "token", outbox, queue.Queue(), now_ms)
    sender._client = httpx.Client(base_url="http://backend", transport=httpx.MockTransport(backend))
    sender.start()
    try:
        wait_until(lambda: not outbox.unsent(10) or sender.failure is not None, "everything is confirmed")
        assert sender.failure is None
    finally:
        sender.stop()
    outbox.mark_confirmed(journal)
    assert stored == {f"a-{i}/raised": i for i in range(7)}
    assert journal.outbox_depth() == 0
    assert sender.failure is None


def test_an_outbox_that_cannot_be_read_is_left_as_a_failure_for_the_gateway_to_end_on(tmp_path: Path) -> None:
    journal, outbox = _outbox(tmp_path / "gateway.db", 1)
    outbox.close()
    sender = Sender("http://127.0.0.1:1", "token", outbox, queue.Queue(), now_ms)
    sender.start()
    wait_until(lambda: sender.failure is not None, "the failure is told")
    sender.stop()
    journal.close()


def test_after_a_restart_the_list_of_pairs_at_risk_has_the_alarms_that_stood_before(
    tmp_path: Path, backend: FakeBackend
) -> None:
    folder = tmp_path / "g"
    with running_broker("embedded", tmp_path / "broker") as broker:
        trackers = Trackers(broker)
        with running_gateway(folder, broker, backend):
            trackers.fix("trk-p1", 1, now_ms() - 2_000, 0)
            trackers.fix("trk-m1", 1, now_ms() - 1_000, 100)
            wait_until(lambda: bool(backend.told("proximity_alert", "raised")), "the alarm")
        backend.down = True
        process = start_gateway(folder, broker, backend)
        try:
            listed = folder / "data/at-risk.json"
            wait_until(lambda: listed.exists() and "VL-1" in listed.read_text(), "the pair at risk", 30)
        finally:
            process.terminate()
            process.wait(20)
            trackers.close()
