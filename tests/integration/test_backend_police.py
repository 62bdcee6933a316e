"""A hand-over to the police is valid CAP 1.2, is never lost, and shows its state, however the endpoint fails."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from alarm_backend.alarms.risk import SEVERITY_OF_KIND
from alarm_backend.police import courier, webhook
from alarm_backend.police.cap import Place, Report, build
from alarm_backend.police.service import PostFailed
from alarm_backend.settings import Settings
from simulators.police_desk import BEHAVIOURS, PoliceDesk
from tests.support.backend import ORDERS, START_MS, Backend, transition

pytest_plugins = ("tests.support.backend",)
SECRET = "shared-secret-" + "0123456789abcdef" * 2
HELD = ("silent", "drip", "drip_headers")
"""Behaviours that end only when the courier has waited long enough."""
SCHEMA = xmlschema.XMLSchema(Path(__file__).resolve().parents[2] / "data/cap/CAP-v1.2.xsd")


@pytest.fixture
def desk() -> Iterator[PoliceDesk]:
    with PoliceDesk(SECRET) as running:
        yield running


@pytest.fixture
def settings(settings: Settings, desk: PoliceDesk) -> Settings:
    return replace(settings, police_url=desk.url, police_secret=SECRET, identity_key=b"i" * 32)


def _hand_over(backend: Backend, **body: str) -> dict[str, object]:
    answer = backend.client().post("/api/v1/alarms/a-1/police", json=body or None)
    assert answer.status_code == 202, answer.text
    document: dict[str, object] = answer.json()
    return document


def _state(backend: Backend) -> dict[str, object]:
    states: list[dict[str, object]] = backend.client().get("/api/v1/alarms/a-1/police").json()
    return states[-1]


def test_a_message_arrives_is_valid_and_its_receipt_is_kept(backend: Backend, desk: PoliceDesk) -> None:
    backend.gateway.put("/api/v1/orders", json=ORDERS)
    position = {"device_id": "trk-m1", "order_id": "VL-2026-0001", "person_id": "M1", "role": "monitored"}
    position |= {"fix_time": "2026-05-28T20:26:40Z", "lat": "50.85", "lon": "4.35", "horizontal_accuracy_m": "8"}
    backend.gateway.post("/api/v1/positions", json={"positions": [position]})
    backend.client("supervisor").put(
        "/api/v1/people/M1", json={"full_name": "Jan <Test> & Co", "phone": "+32 2 000 00 00"}
    )
    backend.post(transition())
    assert _hand_over(backend)["state"] == "waiting"
    assert backend.services.police.deliver() == 1
    state = _state(backend)
    assert (state["state"], state["attempts"], state["msg_type"]) == ("receipted", 1, "Alert")
    assert str(state["receipt"]).startswith("PV-")
    message = next(iter(desk.messages.values())).decode()
    SCHEMA.validate(message)
    document = SCHEMA.to_dict(message)
    assert document["msgType"] == "Alert"
    info = document["info"][0]
    assert (info["urgency"], info["severity"], info["certainty"]) == ("Immediate", "Extreme", "Likely")
    assert info["area"][0]["circle"] == ["50.850000,4.350000 0.008"]
    assert {"valueName": "monitored_name", "value": "Jan <Test> & Co"} in info["parameter"]
    history = [step.transition for step in backend.services.alarms.detail("a-1").transitions]
    assert history == ["raised", "police_waiting", "police_receipted"]


def test_a_second_message_updates_and_refers_to_the_first_and_a_cancel_to_both(
    backend: Backend, desk: PoliceDesk
) -> None:
    backend.post(transition())
    _hand_over(backend)
    assert _hand_over(backend)["msg_type"] == "Update"
    assert _hand_over(backend, msg_type="Cancel", note="false position")["msg_type"] == "Cancel"
    assert [backend.services.police.deliver() for _ in "12"] == [2, 1], "what cancels goes when the others have arrived"
    messages = [SCHEMA.to_dict(body.decode()) for body in desk.messages.values()]
    assert [message["msgType"] for message in messages] == ["Alert", "Update", "Cancel"]
    assert messages[2]["references"].count(",") == 4


@pytest.mark.parametrize("behaviour", [name for name in BEHAVIOURS if name != "receipt"])
def test_whatever_the_endpoint_does_the_message_stays_until_there_is_a_receipt(
    backend: Backend, desk: PoliceDesk, behaviour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.post(transition())
    _hand_over(backend)
    desk.behaviour = behaviour
    last = backend.services.events.last_event_id()
    with monkeypatch.context() as impatient:  # an answer that is to arrive has the time that it has in production
        if behaviour in HELD:
            impatient.setattr(courier, "READ_S", 0.4)
            impatient.setattr(courier, "TOTAL_S", 0.6)
        assert backend.services.police.deliver() == 0
    state = _state(backend)
    assert (state["state"], state["attempts"], state["receipt"]) == ("failing", 1, None)
    assert state["last_error"]
    assert any('"sound":true' in event.data for event in backend.services.events._read(last)), "operators hear it"
    assert backend.services.police.deliver() == 0, "the next attempt is not due yet"
    backend.clock.forward(2)
    desk.behaviour = "receipt"
    assert backend.services.police.deliver() == 1
    assert _state(backend)["state"] == "receipted"
    assert len(desk.messages) == 1


def test_an_answer_whose_headers_never_end_holds_up_no_other_message(
    desk: PoliceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "TOTAL_S", 0.5)
    desk.behaviour = "drip_headers"
    body = b"<alert/>"
    began = time.monotonic()
    with pytest.raises(PostFailed, match=r"not complete within 0\.5 s"):
        courier.post(desk.url, body, webhook.headers("w-1", body, START_MS, SECRET))
    assert time.monotonic() - began < courier.READ_S


def test_an_attempt_that_breaks_in_our_own_hands_is_a_failing_message_and_holds_up_no_other(
    backend: Backend, desk: PoliceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.post(transition(), transition("a-2"))
    _hand_over(backend)
    backend.clock.forward(0.001)
    backend.client().post("/api/v1/alarms/a-2/police")
    through = courier.post

    def breaks_on_the_first(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        if headers["Idempotency-Key"] == "waakzaam-a-1-1":
            raise OSError("no certificates to be found")
        return through(url, body, headers)

    monkeypatch.setattr(backend.services.police, "_post", breaks_on_the_first)
    assert backend.services.police.deliver() == 1
    state = _state(backend)
    assert (state["state"], state["attempts"]) == ("failing", 1)
    assert "no certificates" in str(state["last_error"])


def test_a_cancel_never_overtakes_the_message_it_cancels(backend: Backend, desk: PoliceDesk) -> None:
    backend.post(transition())
    _hand_over(backend)
    desk.behaviour = "server_error"
    for _ in range(6):
        backend.services.police.deliver()
        backend.clock.forward(60)
    desk.behaviour = "too_many"
    backend.services.police.deliver()  # the alert is not due for a minute
    desk.behaviour = "receipt"
    _hand_over(backend, msg_type="Cancel", note="false position")
    assert [backend.services.police.deliver() for _ in "12"] == [1, 1], "the alert goes first, and now: in no minute"
    sent = [SCHEMA.to_dict(body.decode())["msgType"] for body in desk.messages.values()]
    assert sent == ["Alert", "Cancel"]


def test_a_cancel_waits_while_the_message_it_cancels_does_not_arrive(backend: Backend, desk: PoliceDesk) -> None:
    backend.post(transition())
    _hand_over(backend)
    _hand_over(backend, msg_type="Cancel")
    desk.behaviour = "server_error"
    assert backend.services.police.deliver() == 0
    assert desk.requests == 1, "only the alert was tried"
    assert backend.services.police.deliver() == 0
    assert _state(backend)["state"] == "waiting"


@pytest.mark.parametrize(
    "answer",
    [
        b'{"identifier": "w-2", "receipt": "PV-1"}',
        b'{"identifier": "w-1", "receipt": "PV-1"',
        b'{"identifier": "w-1", "receipt": "PV\\u0000"}',
        b'{"identifier": "w-1", "receipt": "PV\\ud800"}',
        b'{"identifier": "w-1", "receipt": "  "}',
        b'{"identifier": "w-1", "receipt": 7}',
        b"[" * 60_000,
        b"\xff\xfe",
        b"[]",
        b"",
    ],
)
def test_an_answer_with_a_true_seal_that_is_no_receipt_of_this_message_is_refused(answer: bytes) -> None:
    sealed = {"x-waakzaam-receipt-signature": webhook.signature(SECRET, answer)}
    given, wrong = webhook.receipt("w-1", 200, sealed, answer, SECRET)
    assert given == ""
    assert wrong


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_receipt_with_one_byte_changed_is_refused(at: int, put: int) -> None:
    answer = b'{"identifier": "w-1", "receipt": "PV-1"}'
    sealed = {"x-waakzaam-receipt-signature": webhook.signature(SECRET, answer)}
    assert webhook.receipt("w-1", 200, sealed, answer, SECRET) == ("PV-1", "")
    at %= len(answer)
    changed = answer[:at] + bytes([put]) + answer[at + 1 :]
    assert (webhook.receipt("w-1", 200, sealed, changed, SECRET)[0] == "") == (changed != answer)
    assert webhook.receipt("w-1", 200, sealed, answer[:at], SECRET)[0] == "", "truncated"


def test_a_backend_that_cannot_reach_anybody_keeps_trying_at_growing_intervals(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.post(transition())
    _hand_over(backend)
    object.__setattr__(backend.settings, "police_url", "http://127.0.0.1:1/cap")
    waits = []
    for attempt in range(1, 9):
        backend.services.police.deliver()
        state = _state(backend)
        assert state["attempts"] == attempt
        waits.append(int(str(state["next_try_ms"])) - backend.clock.ms)
        backend.clock.forward(waits[-1] / 1000)
    assert waits == [2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]


def test_without_an_endpoint_the_answer_is_to_telephone(backend: Backend) -> None:
    backend.post(transition())
    object.__setattr__(backend.settings, "police_url", None)
    answer = backend.client().post("/api/v1/alarms/a-1/police")
    assert answer.status_code == 409
    assert "101" in answer.json()["detail"]


TEXT = st.text(max_size=60)


@given(
    st.sampled_from([*SEVERITY_OF_KIND, "meteor"]),
    st.integers(1, 5),
    st.sampled_from(["active", "cleared"]),
    st.none() | st.floats(0, 1),
    st.text(min_size=1, max_size=40),
    TEXT,
    st.lists(
        st.builds(
            Place, st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 1e5), st.integers(0, 4_000_000_000_000), TEXT
        ),
        max_size=3,
    ),
)
def test_every_message_is_valid_cap(
    kind: str,
    severity: int,
    condition: str,
    probability: float | None,
    identifier: str,
    words: str,
    places: list[Place],
) -> None:
    report = Report(
        identifier="w-" + identifier,
        sender="a@b",
        sent_ms=START_MS,
        status="Test",
        msg_type="Update",
        references=(("w-" + identifier, START_MS),),
        incident_id="i-1",
        kind=kind,
        severity=severity,
        condition=condition,
        probability=probability,
        headline=words,
        description=words,
        contact=words,
        addresses="police",
        parameters=(("reason", words),),
        places=tuple(places),
        note=words,
    )
    SCHEMA.validate(build(report))


@given(st.integers(1, 500))
def test_waits_grow_and_stay_within_a_minute(attempts: int) -> None:
    assert 2000 <= webhook.wait_ms(attempts) <= webhook.wait_ms(attempts + 1) <= 60_000
