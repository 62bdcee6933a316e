"""Maintenance that was planned: who may, what stands aside meanwhile, and that it is back when the window is over."""

from __future__ import annotations

import json
from typing import Any

from alarm_backend.event_stream import repository
from alarm_backend.time_text import to_text
from tests.support.backend import ORDERS, Backend, transition

pytest_plugins = ("tests.support.backend",)
PATH = "/api/v1/maintenance-windows"
HOUR_MS = 3_600_000


def _plan(backend: Backend, name: str = "chief", status: int = 201, **wanted: Any) -> dict[str, Any]:
    body = {"scope": "gateway", "target": "gateway-1", "reason": "new disk", "ends_ms": backend.clock.ms + HOUR_MS}
    sent = {k: v for k, v in (body | wanted).items() if v is not None}
    answer = backend.client("supervisor", name).post(PATH, json=sent)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _agreed(backend: Backend, **wanted: Any) -> dict[str, Any]:
    window = _plan(backend, **wanted)
    answer = backend.client("supervisor", "deputy").post(f"{PATH}/{window['window_id']}/approve")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _beat(backend: Backend, source: str = "gateway-1") -> None:
    answer = backend.gateway.post("/api/v1/heartbeats", json={"source": source, "time": to_text(backend.clock.ms)})
    assert answer.status_code == 200, answer.text


def _queue(backend: Backend) -> list[Any]:
    return backend.services.alarms.queue().alarms


def _with_order(backend: Backend, **changed: Any) -> None:
    document = ORDERS | {"orders": [ORDERS["orders"][0] | changed]}
    assert backend.gateway.put("/api/v1/orders", json=document).status_code == 200


def _told(backend: Backend, what: str) -> list[dict[str, Any]]:
    """What the consoles were sent, oldest first."""
    with backend.services.database.reading() as connection:
        events = [json.loads(stored.data) for stored in repository.after(connection, 0, 1000)]
    return [event for event in events if event.get("what", event.get("transition")) == what]


def test_a_gateway_that_is_worked_on_is_silent_without_a_sound_until_the_window_is_over(backend: Backend) -> None:
    _beat(backend)
    window = _agreed(backend)
    assert window["standing"] == "running"
    backend.clock.forward(300)
    backend.services.heartbeats.look()
    [alarm] = _queue(backend)
    assert (alarm.kind, alarm.maintenance_id) == ("gateway_silent", window["window_id"])
    assert alarm.risk < 0, "it is last in the queue"
    assert backend.services.alarms.escalate() == 0, "nobody is called for it"
    assert backend.services.escalation.check() == []
    backend.clock.forward(3299)
    assert backend.services.maintenance.look() == 0
    backend.clock.forward(1)
    assert backend.services.maintenance.look() == 2, "the window and the alarm"
    [alarm] = _queue(backend)
    assert (alarm.maintenance_id, alarm.state) == (None, "raised")
    assert alarm.risk > 500
    assert alarm.escalation_due_ms == backend.clock.ms + 30_000, "called out as if it had just come"
    assert [line.action for line in backend.services.audit.of_subject(f"maintenance:{window['window_id']}")] == [
        "maintenance.plan",
        "maintenance.approve",
        "maintenance.begin",
        "maintenance.end",
    ]


def test_a_dead_gateway_calls_out_after_the_window_even_when_nothing_ends_the_window(backend: Backend) -> None:
    _beat(backend)
    _agreed(backend)
    backend.clock.forward(600)
    backend.services.heartbeats.look()
    backend.clock.forward(3000 + 31)
    assert backend.services.alarms.escalate() == 1


def test_a_gateway_that_died_before_its_window_stands_aside_and_one_not_named_does_not(backend: Backend) -> None:
    _beat(backend)
    _beat(backend, "gateway-2")
    backend.clock.forward(120)
    backend.services.heartbeats.look()
    assert len([alarm for alarm in _queue(backend) if alarm.risk > 0]) == 2
    _agreed(backend)
    loud = [alarm for alarm in _queue(backend) if alarm.maintenance_id is None]
    assert [alarm.alarm_id.startswith("silent-gateway-2") for alarm in loud] == [True]


def test_a_person_at_risk_is_heard_through_every_window(backend: Backend) -> None:
    _beat(backend)
    _with_order(backend)
    _agreed(backend)
    for scope in ("broker", "backend"):
        _agreed(backend, scope=scope, target=None)
    for device in ("trk-m1", "trk-p1"):
        _agreed(backend, scope="device", target=device)
    kinds = ("proximity_alert", "zone_entry", "panic", "strap_cut", "contact_loss", "gnss_loss", "jamming")
    of_protected = [transition(f"p-{kind}", kind=kind, level="warning") for kind in kinds]
    of_monitored = [transition(f"m-{kind}", kind=kind, level="warning", protected=None) for kind in kinds]
    backend.post(*of_protected, *of_monitored)
    assert {alarm.maintenance_id for alarm in _queue(backend)} == {None}
    assert [event["sound"] for event in _told(backend, "raised")] == [True] * 14


def test_the_battery_of_a_tracker_that_is_worked_on_stands_aside_and_what_gets_worse_does_not(backend: Backend) -> None:
    _with_order(backend)
    window = _agreed(backend, scope="device", target="trk-p1")
    low = {"kind": "battery_low", "level": "info"}
    backend.post(transition("p", **low), transition("m", **low, protected=None))
    marks = {alarm.alarm_id: alarm.maintenance_id for alarm in _queue(backend)}
    assert marks == {"p": window["window_id"], "m": None}, "only the tracker that is worked on"
    assert [event["sound"] for event in _told(backend, "raised")] == [False, True]


def test_a_contact_loss_stands_aside_only_while_no_order_depends_on_it(backend: Backend) -> None:
    _with_order(backend, valid_until="2026-05-01T00:00:00Z")
    window = _plan(backend, scope="device", target="trk-p1")
    assert not window["needs_second_person"], "nobody depends on it"
    backend.post(transition("a-1", kind="contact_loss", level="warning"))
    assert [alarm.maintenance_id for alarm in _queue(backend)] == [window["window_id"]]
    _with_order(backend, version=2)
    assert backend.services.maintenance.look() == 1
    [alarm] = _queue(backend)
    assert alarm.maintenance_id is None, "the order is in force again"
    assert _told(backend, "maintenance_ended")[-1]["sound"] is True


def test_what_gets_dangerous_comes_back_with_a_sound(backend: Backend) -> None:
    _with_order(backend, valid_until="2026-05-01T00:00:00Z")
    _plan(backend, scope="device", target="trk-p1")
    backend.post(transition("a-1", kind="contact_loss", level="warning"))
    later = to_text(backend.clock.ms + 1000)
    backend.post(transition("a-1", "escalated", kind="contact_loss", level="high", time=later))
    [alarm] = _queue(backend)
    assert (alarm.maintenance_id, alarm.severity) == (None, 4)
    assert _told(backend, "escalated")[-1]["sound"] is True


def test_high_risk_needs_a_second_supervisor(backend: Backend) -> None:
    _beat(backend)
    window = _plan(backend)
    assert (window["standing"], window["needs_second_person"]) == ("waiting", True)
    backend.clock.forward(120)
    backend.services.heartbeats.look()
    assert _queue(backend)[0].maintenance_id is None, "one pair of eyes covers nothing"
    again = backend.client("supervisor", "chief").post(f"{PATH}/{window['window_id']}/approve")
    assert again.status_code == 409
    assert backend.client("operator").post(f"{PATH}/{window['window_id']}/approve").status_code == 403
    assert backend.client("operator").post(PATH, json={}).status_code == 403
    assert backend.client("evaluator").get(PATH).status_code == 403
    assert backend.client("operator").get(PATH).json()[0]["standing"] == "waiting"
    backend.clock.forward(3600)
    assert backend.services.maintenance.look() == 1
    assert backend.client("operator").get(PATH).json()[0]["standing"] == "lapsed"


def test_a_window_that_is_ended_sooner_gives_everything_back_at_once(backend: Backend) -> None:
    _beat(backend)
    window = _agreed(backend)
    backend.clock.forward(300)
    backend.services.heartbeats.look()
    ended = backend.client("supervisor", "chief").post(f"{PATH}/{window['window_id']}/end", json={"note": "done"})
    assert ended.json()["standing"] == "over"
    assert [alarm.maintenance_id for alarm in _queue(backend)] == [None]
    assert [event["detail"]["running"] for event in _told(backend, "maintenance")][-1] == []
    again = backend.client("supervisor", "chief").post(f"{PATH}/{window['window_id']}/end", json={})
    assert again.status_code == 409


def test_what_cannot_be_planned_is_refused_with_the_field(backend: Backend) -> None:
    _beat(backend)
    half_a_shift_ms = backend.clock.ms + 4 * HOUR_MS
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({"ends_ms": 5}, 422, "ends_ms"),
        ({"ends_ms": half_a_shift_ms + 1}, 422, "ends_ms"),
        ({"starts_ms": 5}, 422, "starts_ms"),
        ({"scope": "broker"}, 422, "target"),
        ({"target": None}, 422, "target"),
        ({"target": "gateway-9"}, 404, "gateway-9"),
        ({"scope": "device", "target": "trk-9"}, 404, "trk-9"),
        ({"scope": "world"}, 422, "scope"),
        ({"reason": ""}, 422, "reason"),
    ]
    for wanted, status, field in refused:
        assert field in str(_plan(backend, status=status, **wanted)["detail"])
    _plan(backend, ends_ms=half_a_shift_ms)


def test_the_hand_over_names_what_is_worked_on(backend: Backend) -> None:
    _beat(backend)
    _agreed(backend)
    supervisor = backend.client("supervisor", "chief")
    page = supervisor.get("/handover").text
    assert "new disk" in page
    report = supervisor.get("/api/v1/reports/shift", params={"from_ms": 0, "until_ms": backend.clock.ms + 1}).json()
    assert [window["reason"] for window in report["maintenance"]] == ["new disk"]


def test_what_stands_aside_makes_no_flood(backend: Backend) -> None:
    for number in range(12):
        _beat(backend, f"gateway-{number}")
    _agreed(backend, scope="backend", target=None)
    backend.clock.forward(300)
    backend.services.heartbeats.look()
    assert len(_queue(backend)) == 12
    assert backend.services.escalation.look_for_flood() is False
