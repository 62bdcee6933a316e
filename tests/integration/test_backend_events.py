"""A console that is cut off again and again still hears of everything exactly once, in order."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from alarm_backend.event_stream.repository import Stored
from tests.support.backend import GATEWAY, LiveBackend, transition, until

pytest_plugins = ("tests.support.backend",)


def _events(response: httpx.Response) -> Iterator[tuple[int, str, dict[str, object]]]:
    """(id, name, payload) of each event as it arrives."""
    event: dict[str, str] = {}
    deadline = time.monotonic() + 60
    for line in response.iter_lines():
        assert time.monotonic() < deadline, "nothing but pings"
        if not line and "data" in event:
            yield int(event["id"]), event["event"], json.loads(event["data"])
            event = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


def _post(live: LiveBackend, *documents: dict[str, object]) -> None:
    answer = httpx.post(f"{live.url}/api/v1/transitions", json={"transitions": documents}, headers=GATEWAY)
    assert answer.status_code == 200


def test_an_alarm_reaches_a_connected_console_with_both_times(live: LiveBackend) -> None:
    client = live.signed_in()
    with client.stream("GET", "/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        until(lambda: live.services.events.readers == 1, "the console is connected")
        _post(live, transition())
        number, name, payload = next(_events(response))
    assert name == "alarm"
    assert number >= 1
    assert payload["alarm"]["alarm_id"] == "a-1"  # type: ignore[index]
    assert payload["sound"] is True
    assert payload["stored_ms"]
    assert payload["fix_received_ms"]
    client.close()


def test_each_console_is_told_how_many_listen(live: LiveBackend) -> None:
    client = live.signed_in()
    with client.stream("GET", "/events") as first:
        lines = first.iter_lines()
        heard = (json.loads(line[1:])["consoles"] for line in lines if line.startswith(":"))
        assert next(heard) == 1
        with client.stream("GET", "/events"):
            assert next(heard) == 2
    client.close()


def test_a_commit_is_read_once_however_many_consoles_are_told_of_it(
    live: LiveBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = live.services.events
    looks: list[int] = []
    monkeypatch.setattr(events, "_poll_s", 30.0)  # nothing but commits makes it look
    really = events._read

    def read(after: int) -> list[Stored]:
        looks.append(after)
        return really(after)

    monkeypatch.setattr(events, "_read", read)
    client = live.signed_in()
    with ExitStack() as stack:
        consoles = [stack.enter_context(client.stream("GET", "/events")) for _ in range(3)]
        until(lambda: events.readers == len(consoles), "the consoles are connected")
        until(lambda: bool(looks), "it has been looked where they stand")
        streams = [_events(response) for response in consoles]
        for number in range(1, 4):
            _post(live, transition(alarm_id=f"a-{number}", idempotency_key=f"a-{number}:raised"))
            heard = [next(stream)[2]["alarm"]["alarm_id"] for stream in streams]  # type: ignore[index]
            assert heard == [f"a-{number}"] * len(consoles)
    assert looks[-3:] == [0, 1, 2], f"a place that was known to be the last was looked at again: {looks}"
    client.close()


def test_no_event_is_missed_or_repeated_over_forced_disconnects(live: LiveBackend) -> None:
    seed = 7
    print(f"seed {seed}")
    chance = random.Random(seed)
    client = live.signed_in()
    total = 60
    heard: list[str] = []
    numbers: list[int] = []

    def send() -> None:
        with httpx.Client(base_url=live.url, headers=GATEWAY) as gateway:
            for n in range(total):
                body = {"transitions": [transition(f"a-{n}")]}
                gateway.post("/api/v1/transitions", json=body).raise_for_status()

    last = live.services.events.last_event_id()
    pool = ThreadPoolExecutor(1)
    sender = pool.submit(send)
    connections = 0
    while len(heard) < total:
        connections += 1
        assert not sender.done() or sender.exception() is None
        with client.stream("GET", "/events", headers={"Last-Event-ID": str(last)}) as response:
            budget = chance.randrange(0, 12)
            for number, name, payload in _events(response):
                numbers.append(number)
                last = number
                if name == "alarm":
                    heard.append(payload["alarm"]["alarm_id"])  # type: ignore[index]
                budget -= 1
                if budget <= 0 or len(heard) == total:
                    break  # the line is cut in the middle of the stream
    sender.result(10)
    pool.shutdown()
    assert connections > 4
    assert heard == [f"a-{n}" for n in range(total)]
    assert numbers == sorted(set(numbers))
    client.close()


def test_a_console_that_asks_for_removed_events_is_told_to_reload(live: LiveBackend) -> None:
    from alarm_backend.event_stream import repository

    client = live.signed_in()
    for n in range(5):
        _post(live, transition(f"a-{n}"))
    with live.services.database.writing() as connection:
        assert repository.prune(connection, 2**60) > 0
    with client.stream("GET", "/events", headers={"Last-Event-ID": "1"}) as response:
        _number, name, payload = next(_events(response))
    assert (name, payload["what"]) == ("status", "resync")
    with client.stream("GET", "/events", headers={"Last-Event-ID": "999999"}) as response:
        _number, name, payload = next(_events(response))
    assert (name, payload["what"]) == ("status", "resync")
    client.close()


def test_numbers_grow_on_after_old_events_are_removed(live: LiveBackend) -> None:
    from alarm_backend.event_stream import repository

    _post(live, transition("a-1"))
    before = live.services.events.last_event_id()
    with live.services.database.writing() as connection:
        repository.prune(connection, 2**60)
    _post(live, transition("a-2"))
    assert live.services.events.last_event_id() > before
