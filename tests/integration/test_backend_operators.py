"""Operators act on alarms; every act is checked, written down and told."""

from __future__ import annotations

import pytest

from tests.support.backend import GATEWAY, Backend, transition

pytest_plugins = ("tests.support.backend",)


def _act(backend: Backend, act: str, who: str = "operator", name: str | None = None, **body: object) -> tuple[int, str]:
    answer = backend.client(who, name).post(f"/api/v1/alarms/a-1/{act}", json=body or None)
    return answer.status_code, answer.json().get("state", answer.json().get("detail"))


def test_one_key_acknowledges_and_the_name_is_kept(backend: Backend) -> None:
    backend.post(transition())
    assert _act(backend, "acknowledge") == (200, "acknowledged")
    alarm = backend.services.alarms.detail("a-1").alarm
    assert (alarm.acknowledged_by, alarm.acknowledged_ms) == ("operator", backend.clock.ms)


def test_an_alarm_is_worked_through_and_closed_by_two_people(backend: Backend) -> None:
    backend.post(transition())
    assert _act(backend, "acknowledge") == (200, "acknowledged")
    assert _act(backend, "take") == (200, "in_progress")
    assert _act(backend, "take", name="other")[0] == 409
    assert _act(backend, "resolve", cause="contact_prevented", note="he turned round") == (200, "closing")
    assert _act(backend, "confirm-close")[0] == 409
    assert _act(backend, "confirm-close", name="other") == (200, "resolved")
    assert backend.services.alarms.queue().alarms == []
    detail = backend.services.alarms.detail("a-1")
    assert [(t.transition, t.actor) for t in detail.transitions] == [
        ("raised", "gateway"),
        ("acknowledge", "operator"),
        ("take", "operator"),
        ("resolve", "operator"),
        ("confirm_close", "other"),
    ]
    assert detail.alarm.cause == "contact_prevented"
    assert detail.alarm.resolved_by == "other"
    assert len(detail.audit) == 5
    assert _act(backend, "acknowledge")[0] == 409


def test_worsening_after_the_end_opens_the_alarm_again(backend: Backend) -> None:
    test_an_alarm_is_worked_through_and_closed_by_two_people(backend)
    backend.post(transition(what="escalated", time="2026-05-28T21:00:00Z"))
    alarm = backend.services.alarms.queue().alarms[0]
    assert (alarm.state, alarm.acknowledged_by, alarm.resolved_by, alarm.cause) == ("raised", None, None, None)


def test_an_acknowledgement_nobody_follows_up_lapses(backend: Backend) -> None:
    backend.post(transition())
    _act(backend, "acknowledge")
    backend.clock.forward(299)
    assert backend.services.alarms.expire() == 0
    backend.clock.forward(1)
    assert backend.services.alarms.expire() == 1
    alarm = backend.services.alarms.detail("a-1")
    assert alarm.alarm.state == "raised"
    assert alarm.transitions[-1].actor == "system"


def test_shelving_has_a_reason_and_an_end(backend: Backend) -> None:
    backend.post(transition(kind="battery_low", level="info"))
    assert _act(backend, "shelve", minutes=30, reason="spare unit is on its way") == (200, "shelved")
    backend.clock.forward(30 * 60)
    assert backend.services.alarms.expire() == 1
    assert backend.services.alarms.detail("a-1").alarm.state == "raised"
    assert _act(backend, "shelve", minutes=30)[0] == 422
    assert _act(backend, "shelve", minutes=9999, reason="for ever")[0] == 422


def test_no_act_is_possible_on_an_alarm_that_is_not_there(backend: Backend) -> None:
    assert backend.client().post("/api/v1/alarms/nothing/acknowledge").status_code == 404
    assert backend.client().get("/api/v1/alarms/nothing").status_code == 404


def test_search_finds_by_person_kind_and_time(backend: Backend) -> None:
    backend.post(
        transition("a-1", time="2026-05-01T00:00:00Z"),
        transition("a-2", monitored="M2", protected="M1", kind="zone_entry", time="2026-05-02T00:00:00Z"),
        transition("a-3", monitored="M3", protected="P3", time="2026-05-03T00:00:00Z"),
    )
    search = lambda **q: [a["alarm_id"] for a in backend.client().get("/api/v1/alarms/search", params=q).json()]  # noqa: E731
    assert search() == ["a-3", "a-2", "a-1"]
    assert search(person="M1") == ["a-2", "a-1"]
    assert search(person="M1", kind="zone_entry") == ["a-2"]
    assert search(from_ms=1_777_680_000_000, until_ms=1_777_766_400_000) == ["a-2"]
    assert search(limit=1) == ["a-3"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/alarms"),
        ("GET", "/api/v1/alarms/a-1"),
        ("POST", "/api/v1/alarms/a-1/acknowledge"),
        ("GET", "/api/v1/orders"),
        ("GET", "/api/v1/orders/VL-2026-0001/tracks"),
        ("GET", "/api/v1/heartbeats"),
        ("GET", "/api/v1/field-tests"),
        ("GET", "/events"),
    ],
)
def test_nothing_is_shown_or_done_without_signing_in(backend: Backend, method: str, path: str) -> None:
    from fastapi.testclient import TestClient

    assert TestClient(backend.app).request(method, path).status_code == 401


@pytest.mark.parametrize("role", ["case_manager", "evaluator", "administrator"])
def test_who_has_no_business_with_alarms_sees_none(backend: Backend, role: str) -> None:
    for path in ("/api/v1/alarms", "/api/v1/alarms/search", "/api/v1/orders/x/tracks", "/events"):
        assert backend.client(role).get(path).status_code == 403, path
    assert backend.client(role).get("/api/v1/orders").status_code == (200 if role == "case_manager" else 403)


def test_the_gateways_doors_are_closed_to_people_and_to_wrong_tokens(backend: Backend) -> None:
    from fastapi.testclient import TestClient

    for path in ("transitions", "positions", "heartbeats", "field-tests"):
        assert backend.client("supervisor").post(f"/api/v1/{path}", json={}).status_code == 401
        wrong = TestClient(backend.app).post(f"/api/v1/{path}", json={}, headers={"Authorization": "Bearer nope"})
        assert wrong.status_code == 401
    assert TestClient(backend.app).get("/api/v1/alarms", headers=GATEWAY).status_code == 401


def test_an_act_without_the_sessions_csrf_token_is_refused(backend: Backend) -> None:
    backend.post(transition())
    client = backend.client()
    assert client.post("/api/v1/alarms/a-1/acknowledge", headers={"X-CSRF-Token": "wrong"}).status_code == 403
    assert backend.services.alarms.detail("a-1").alarm.state == "raised"
    token = client.headers.pop("X-CSRF-Token")
    answer = client.post("/api/v1/alarms/a-1/acknowledge", data={"csrf_token": token})
    assert answer.status_code in {200, 422}
    client.headers["X-CSRF-Token"] = token


def test_a_password_signs_in_and_a_wrong_one_says_no_more_than_a_wrong_name(backend: Backend) -> None:
    from fastapi.testclient import TestClient

    backend.services.auth.add_user("an", "An", "operator", "correct horse battery", "test")
    browser = TestClient(backend.app)
    wrong = browser.post("/api/v1/session", json={"username": "an", "password": "wrong horse"})
    nobody = browser.post("/api/v1/session", json={"username": "nobody", "password": "wrong horse"})
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json() == nobody.json()
    right = browser.post("/api/v1/session", json={"username": "an", "password": "correct horse battery"})
    assert right.json()["user"]["role"] == "operator"
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=" in cookie
    assert browser.delete("/api/v1/session", headers={"X-CSRF-Token": right.json()["csrf"]}).status_code == 204
    assert browser.get("/api/v1/session").status_code == 401


def test_a_sign_in_link_works_once_and_not_for_long(backend: Backend) -> None:
    from fastapi.testclient import TestClient

    auth = backend.services.auth
    auth.add_user("an", "An", "operator", None, "test")
    link = auth.new_login_link("an", "test")
    browser = TestClient(backend.app, follow_redirects=False)
    assert browser.get(f"/sign-in/{link}").status_code == 303
    assert browser.get(f"/sign-in/{link}").status_code == 401
    late = auth.new_login_link("an", "test")
    backend.clock.forward(15 * 60)
    assert browser.get(f"/sign-in/{late}").status_code == 401


def test_a_session_ends_after_a_shift_and_when_nobody_uses_it(backend: Backend) -> None:
    client = backend.client()
    for _ in range(11):
        backend.clock.forward(3600)
        assert client.get("/api/v1/session").status_code == 200
    backend.clock.forward(3601)
    assert client.get("/api/v1/session").status_code == 401
    other = backend.client("operator", "other")
    backend.clock.forward(2 * 3600 + 1)
    assert other.get("/api/v1/session").status_code == 401


def test_a_closed_account_is_out_at_once(backend: Backend) -> None:
    client = backend.client()
    backend.services.auth.disable_user("operator", "test")
    assert client.get("/api/v1/alarms").status_code == 401


def test_a_read_of_a_location_is_written_down(backend: Backend) -> None:
    backend.client().get("/api/v1/orders/VL-2026-0001/tracks")
    line = backend.services.audit.newest(1)[0]
    assert (line.actor, line.action, line.subject) == ("operator", "position.read", "order:VL-2026-0001")


def test_a_token_or_a_password_is_nowhere_in_the_database(backend: Backend) -> None:
    from sqlalchemy import text

    backend.services.auth.add_user("an", "An", "operator", "correct horse battery", "test")
    session = backend.services.auth.sign_in("an", "correct horse battery")
    with backend.services.database.reading() as connection:
        for table in ("users", "sessions", "audit", "events", "login_tokens"):
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                assert session.token not in str(row)
                assert "correct horse" not in str(row)
