"""Work instructions: a flat battery far away wakes no victim, and who goes against the policy says why."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarm_backend.alarms.risk import SEVERITY_OF_KIND
from alarm_backend.instructions.plan import ACTIONS, Facts, plan, victim_may_be_called
from alarm_backend.people.vault import Vault, VaultClosed
from alarm_backend.settings import Settings
from tests.support.backend import ORDERS, Backend, transition

pytest_plugins = ("tests.support.backend",)
FAR = Facts("battery_low", 1, 60_000.0, 0.0, 2000.0, {})


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, identity_key=b"i" * 32)


@given(st.sampled_from(sorted(SEVERITY_OF_KIND)), st.integers(1, 5), st.none() | st.floats(0, 1e6))
def test_a_victim_is_always_called_about_danger_and_never_about_upkeep(
    kind: str, severity: int, distance_m: float | None
) -> None:
    allowed, reason = victim_may_be_called(replace(FAR, kind=kind, severity=severity, distance_m=distance_m))
    assert reason
    if kind in {"panic", "proximity_alert", "zone_entry"}:
        assert allowed
    if kind in {"battery_low", "battery_critical", "gateway_silent"}:
        assert not allowed


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(FAR, kind="strap_cut", severity=4, distance_m=3999.0), (True, "near")),
        (replace(FAR, kind="strap_cut", severity=4, distance_m=4001.0), (False, "far")),
        (replace(FAR, kind="contact_loss", distance_m=50_000.0, probability=0.6), (True, "breach_likely")),
        (replace(FAR, kind="jamming", severity=4, distance_m=None, probability=None), (True, "position_unknown")),
        (replace(FAR, kind="gnss_loss", severity=3, distance_m=None, probability=None), (False, "technical")),
        (replace(FAR, kind="panic", victim_contact={"panic": "never"}), (False, "policy_never")),
        (replace(FAR, victim_contact={"battery_low": "always"}), (True, "policy_always")),
        (replace(FAR, kind="strap_cut", victim_contact={"strap_cut": "sometimes"}), (False, "policy_never")),
    ],
)
def test_who_may_be_called_follows_the_order_and_the_risk(facts: Facts, expected: tuple[bool, str]) -> None:
    assert victim_may_be_called(facts) == expected


@pytest.mark.parametrize("kind", [*sorted(SEVERITY_OF_KIND), "meteor"])
def test_every_kind_has_a_checklist_that_ends_in_writing_it_down(kind: str) -> None:
    steps = plan(replace(FAR, kind=kind))
    assert steps[-1].step_id == "write_down"
    assert {step.step_id for step in steps} <= set(ACTIONS)
    assert [step.within_s for step in steps] == sorted(step.within_s for step in steps)


def test_whom_a_warning_about_a_moving_zone_reaches_learns_no_place() -> None:
    calls = [step for step in plan(replace(FAR, kind="proximity_alert")) if step.step_id == "call_monitored"]
    assert [step.caution for step in calls] == ["name_no_place_and_no_direction"]


def _steps(backend: Backend, who: str = "operator") -> dict[str, dict[str, object]]:
    answer = backend.client(who).get("/api/v1/alarms/a-1/instructions")
    assert answer.status_code == 200, answer.text
    return {step["step_id"]: step for step in answer.json()}


def test_a_number_is_at_hand_only_when_the_call_is_allowed_and_its_reading_is_written_down(backend: Backend) -> None:
    for person, name in (("M1", "Jan Test"), ("P1", "An Test")):
        identity = {"full_name": name, "phone": "+32 470 00 00 00"}
        assert backend.client("supervisor").put(f"/api/v1/people/{person}", json=identity).status_code == 204
    backend.gateway.put("/api/v1/orders", json=ORDERS)
    backend.post(transition(kind="strap_cut", distance_m=60_000.0, probability=0.0))
    steps = _steps(backend)
    assert steps["call_protected"]["allowed"] is False
    assert steps["call_protected"]["phone"] is None
    assert steps["call_monitored"]["full_name"] == "Jan Test"
    assert steps["notify_police"]["phone"] == "101"
    reads = [line.subject for line in backend.services.audit.newest() if line.action == "identity.read"]
    assert reads == ["person:M1"]


def test_a_forbidden_call_needs_a_supervisor_and_a_reason(backend: Backend) -> None:
    backend.post(transition(kind="battery_critical", level="warning", distance_m=60_000.0))
    document = json.loads(json.dumps(ORDERS))
    document["orders"][0]["victim_contact"] = {"strap_cut": "never"}
    backend.gateway.put("/api/v1/orders", json=document)
    backend.post(transition(what="escalated", kind="strap_cut", time="2026-05-28T21:00:00Z"))
    path = "/api/v1/alarms/a-1/instructions/call_protected"
    call = {"outcome": "done", "override": True}
    assert backend.client().post(path, json={"outcome": "not_needed"}).status_code == 200
    assert backend.client().post(path, json=call).status_code == 409
    assert backend.client("supervisor").post(path, json=call).status_code == 422
    note = {"note": "she telephoned us herself"}
    assert backend.client("supervisor").post(path, json={**call, **note}).status_code == 200
    log = _steps(backend)["call_protected"]["log"]
    assert [(entry["actor"], entry["overridden"]) for entry in log] == [("operator", False), ("supervisor", True)]  # type: ignore[index,union-attr]
    assert backend.services.audit.verify()[1] == []


def test_a_step_is_logged_with_one_post_and_stands_in_the_history(backend: Backend) -> None:
    backend.post(transition())
    path = "/api/v1/alarms/a-1/instructions/call_protected"
    assert backend.client().post(path, json={"outcome": "no_answer"}).status_code == 200
    assert backend.services.alarms.detail("a-1").transitions[-1].transition == "step_call_protected"
    assert backend.client().post("/api/v1/alarms/a-1/instructions/dance", json={"outcome": "done"}).status_code == 422


def test_a_name_is_nowhere_in_the_database_in_the_clear(backend: Backend) -> None:
    from sqlalchemy import inspect, text

    identity = {"full_name": "Zeer Herkenbaar", "phone": "+32 470 99 88 77"}
    backend.client("supervisor").put("/api/v1/people/P1", json=identity)
    backend.post(transition())
    _steps(backend)
    with backend.services.database.reading() as connection:
        for table in inspect(backend.services.database.engine).get_table_names():
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                assert "Herkenbaar" not in str(row)
                assert "99 88 77" not in str(row)


def test_a_sealed_identity_opens_only_with_its_key_and_for_its_person() -> None:
    vault = Vault(b"a" * 32)
    sealed = vault.seal("person:P1", {"full_name": "An"})
    assert vault.unseal("person:P1", sealed) == {"full_name": "An"}
    for other, about in ((Vault(b"b" * 32), "person:P1"), (vault, "person:P2"), (Vault(None), "person:P1")):
        with pytest.raises(VaultClosed):
            other.unseal(about, sealed)
    with pytest.raises(VaultClosed):
        Vault(None).seal("person:P1", {})
