"""A broker that is away is an alarm, even while its gateway is well."""

from __future__ import annotations

import queue

from gateway.outbox.sender import Sender
from tests.support.backend import TOKEN, Backend, LiveBackend, until
from tests.support.outbox import NothingToSend

pytest_plugins = ("tests.support.backend",)


def _sources(live: LiveBackend) -> set[str]:
    return {source.source for source in live.services.heartbeats.freshness()}


def test_a_gateway_gives_its_brokers_sign_of_life_only_while_the_broker_is_there(live: LiveBackend) -> None:
    alive = {"now": False}
    sender = Sender(
        live.url,
        TOKEN,
        NothingToSend(),  # type: ignore[arg-type]
        queue.Queue(),
        lambda: 0,
        broker_alive=lambda: alive["now"],
    )
    sender._send_heartbeat()
    assert _sources(live) == {"gateway-1", "gateway-1-broker"}, "named once, so that one that never comes is missed"
    first = {source.source: source.stored_ms for source in live.services.heartbeats.freshness()}
    until(lambda: (sender._send_heartbeat(), _stored(live, "gateway-1") > first["gateway-1"])[1], "a later heartbeat")
    assert _stored(live, "gateway-1-broker") == first["gateway-1-broker"]
    alive["now"] = True
    sender._send_heartbeat()
    assert _stored(live, "gateway-1-broker") > first["gateway-1-broker"]


def _stored(live: LiveBackend, name: str) -> int:
    return next(source.stored_ms for source in live.services.heartbeats.freshness() if source.source == name)


def test_a_silent_broker_raises_an_alarm_that_names_it(backend: Backend) -> None:
    beat = {"time": "2026-05-28T20:26:40Z", "journal_seq": 1, "outbox_depth": 0, "quarantined": 0}
    for source in ("gateway-1", "gateway-1-broker"):
        backend.gateway.post("/api/v1/heartbeats", json={"source": source, **beat}).raise_for_status()
    backend.clock.forward(20)
    backend.gateway.post("/api/v1/heartbeats", json={"source": "gateway-1", **beat}).raise_for_status()
    backend.clock.forward(15)
    assert backend.services.heartbeats.look() == ["gateway-1-broker"]
    alarm = backend.services.alarms.queue().alarms[0]
    assert alarm.kind == "gateway_silent"
    evidence = backend.services.alarms.detail(alarm.alarm_id).transitions[0].evidence
    assert (alarm.reason, evidence) == ("source_silent", {"source": "gateway-1-broker", "silent_s": 35})
