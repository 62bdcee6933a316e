"""What happens when nobody answers, when too much comes at once, and when the watch itself stops."""

from __future__ import annotations

from sqlalchemy import text

from alarm_backend.console import catalogue
from tests.support.backend import Backend, LiveBackend, transition, until

pytest_plugins = ("tests.support.backend",)


def _alarm(backend: Backend, alarm_id: str = "a-1") -> object:
    return backend.services.alarms.detail(alarm_id).alarm


def test_an_unanswered_alarm_calls_the_next_one_at_each_deadline_for_ever(backend: Backend) -> None:
    backend.post(transition())
    called = []
    for _ in range(40):
        backend.clock.forward(10)
        if backend.services.alarms.escalate():
            called.append(backend.services.alarms.detail("a-1").transitions[-1].reason)
    assert called[:3] == ["calling second_operator", "calling supervisor", "calling duty_officer"]
    assert set(called[3:]) == {"calling duty_officer"}
    assert backend.services.alarms.escalate() == 0


def test_an_answer_stops_the_chain_and_a_lapsed_answer_starts_it_anew(backend: Backend) -> None:
    backend.post(transition())
    backend.client().post("/api/v1/alarms/a-1/acknowledge")
    backend.clock.forward(120)
    assert backend.services.alarms.escalate() == 0
    backend.clock.forward(300)
    backend.services.alarms.expire()
    assert backend.services.alarms.escalate() == 0
    backend.clock.forward(30)
    assert backend.services.alarms.escalate() == 1
    assert backend.services.alarms.detail("a-1").alarm.escalation_level == 1


def test_worsening_shortens_the_deadline(backend: Backend) -> None:
    backend.post(transition(kind="battery_low", level="info", time="2026-05-28T20:00:00Z"))
    slow = backend.services.alarms.detail("a-1").alarm.escalation_due_ms
    backend.post(transition(what="escalated", level="critical", time="2026-05-28T20:01:00Z"))
    fast = backend.services.alarms.detail("a-1").alarm.escalation_due_ms
    assert slow is not None
    assert fast is not None
    assert fast <= backend.clock.ms + 30_000 < slow


def test_the_auditor_raises_an_alarm_when_escalation_stands_still_and_clears_it(backend: Backend) -> None:
    backend.post(transition())
    backend.clock.forward(44)
    assert backend.services.escalation.check() == []
    backend.clock.forward(2)
    assert backend.services.escalation.check()
    assert backend.services.escalation.check()
    stopped = [alarm for alarm in backend.services.alarms.queue().alarms if alarm.kind == "escalation_stopped"]
    assert [(alarm.condition, alarm.severity, alarm.reason) for alarm in stopped] == [("active", 5, "not_passed_on")]
    backend.services.alarms.escalate()
    assert backend.services.escalation.check() == []
    cleared = backend.services.alarms.detail(stopped[0].alarm_id).alarm
    assert cleared.condition == "cleared"
    for reason in ("not_passed_on", "nobody_escalates", "deadlines_watched"):
        assert catalogue.word("nl", "why", reason) != reason


def test_the_auditor_sees_a_deadline_that_was_wiped(backend: Backend) -> None:
    backend.post(transition())
    with backend.services.database.writing() as connection:
        connection.execute(text("UPDATE alarms SET escalation_due_ms = NULL"))
    assert backend.services.escalation.check()


def test_a_watch_that_stops_is_an_alarm_by_itself(live: LiveBackend) -> None:
    watch = live.app.state.watch
    until(lambda: watch.watch.rounds > 0 and watch.auditor.rounds > 0, "both have looked")

    def broken() -> None:
        raise RuntimeError("stuck")

    watch.watch._work = broken
    long_ago = watch.watch.last_round_ms - 60_000

    def told() -> bool:
        watch.watch.last_round_ms = long_ago  # a round that was under way may just have ended
        return any(alarm.kind == "escalation_stopped" for alarm in live.services.alarms.queue().alarms)

    until(told, "the auditor raised an alarm")
    assert "stuck" in watch.complaints()[0]


def test_more_than_ten_new_alarms_in_ten_minutes_are_a_flood_in_which_upkeep_is_silent(backend: Backend) -> None:
    for n in range(10):
        backend.post(transition(f"a-{n}", kind="battery_low", level="info"))
    assert not backend.services.escalation.look_for_flood()
    backend.post(transition("a-10"))
    assert backend.services.escalation.look_for_flood()
    assert backend.services.alarms.queue().flood
    last = backend.services.events.last_event_id()
    backend.post(transition("quiet", kind="battery_low", level="info"), transition("loud"))
    told = backend.services.events._read(last)
    assert ['"sound":true' in event.data for event in told] == [False, True]
    assert backend.services.alarms.queue().alarms[0].severity == 5
    backend.clock.forward(601)
    assert not backend.services.escalation.look_for_flood()
    assert not backend.services.alarms.queue().flood


def test_alarms_of_one_order_that_belong_together_make_one_incident(backend: Backend) -> None:
    backend.post(
        transition("a-1", time="2026-05-28T20:00:00Z"),
        transition("a-2", kind="zone_entry", time="2026-05-28T21:10:00Z"),
        transition("b-1", order_id="VL-2026-0002", time="2026-05-28T20:00:00Z"),
    )
    of = lambda alarm_id: backend.services.alarms.detail(alarm_id).alarm.incident_id  # noqa: E731
    assert of("a-1") == of("a-2") != of("b-1")
    for alarm_id in ("a-1", "a-2"):
        for name in ("take", "resolve"):
            backend.client().post(f"/api/v1/alarms/{alarm_id}/{name}", json={"cause": "test"})
        backend.client(name="other").post(f"/api/v1/alarms/{alarm_id}/confirm-close")
    backend.post(transition("a-3", time="2026-05-28T21:30:00Z"), transition("a-4", time="2026-05-28T23:59:00Z"))
    assert of("a-3") == of("a-1")
    for name in ("take", "resolve"):
        backend.client().post(f"/api/v1/alarms/a-3/{name}", json={"cause": "test"})
    backend.client(name="other").post("/api/v1/alarms/a-3/confirm-close")
    backend.post(transition("a-5", time="2026-05-29T03:00:00Z"))
    assert of("a-5") == of("a-4"), "a-4 is still open"
