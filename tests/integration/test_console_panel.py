"""The panel of an alarm is written once for all consoles, and yet each operator sees what is true for him, now."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from alarm_backend.settings import Settings
from tests.support.backend import ORDERS, Backend, transition

pytest_plugins = ("tests.support.backend",)
PANEL = "/console/alarms/a-1"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, identity_key=b"i" * 32)


def _panel(backend: Backend, role: str = "operator", name: str | None = None) -> str:
    answer = backend.client(role, name).get(PANEL)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def _state(panel: str) -> str:
    found = re.search(r'data-detail-state data-state="(\w+)"', panel)
    assert found is not None
    return found[1]


def _acts(panel: str) -> set[str]:
    return set(re.findall(r'data-act="(\w+)"', panel))


def test_each_act_is_in_the_next_panel_of_everybody(backend: Backend) -> None:
    backend.post(transition())
    assert {_state(_panel(backend)), _state(_panel(backend, name="other"))} == {"raised"}
    for act, state in (("acknowledge", "acknowledged"), ("take", "in_progress")):
        assert backend.client().post(f"/api/v1/alarms/a-1/{act}").status_code == 200
        assert _state(_panel(backend, name="other")) == _state(_panel(backend)) == state
    step = backend.client().post("/api/v1/alarms/a-1/instructions/notify_police", json={"outcome": "done"})
    assert step.status_code == 200
    assert 'data-step="notify_police" data-allowed="true" data-outcome="done"' in _panel(backend, name="other")
    backend.post(transition(what="cleared", time="2026-05-28T21:00:00Z"))
    assert 'class="over"' in _panel(backend)


def test_a_colleague_is_offered_his_own_acts_at_the_same_moment(backend: Backend) -> None:
    backend.post(transition())
    backend.client().post("/api/v1/alarms/a-1/take")
    mine, lead = _panel(backend), _panel(backend, "supervisor")
    assert "take" not in _acts(mine)
    assert "take" in _acts(lead)


def test_a_colleague_is_offered_no_act_that_would_be_refused_and_reads_who_has_the_alarm(backend: Backend) -> None:
    backend.post(transition())
    backend.client().post("/api/v1/alarms/a-1/take")
    theirs = _panel(backend, name="other")
    assert _acts(theirs) <= {"police"}
    assert "in behandeling door operator" in theirs
    assert "operator heeft het alarm; een supervisor kan het overnemen" in theirs
    assert 'data-act-form="resolve"' not in theirs
    assert "Overnemen van operator" in _panel(backend, "supervisor")
    assert "heeft het alarm" not in re.sub('data-refused="[^"]*"', "", _panel(backend))
    for role, name in (("operator", None), ("operator", "other"), ("supervisor", None)):
        possible = set(backend.client(role, name).get("/api/v1/alarms/a-1").json()["possible"])
        assert possible == _acts(_panel(backend, role, name)) - {"police"}


def test_the_second_person_is_offered_the_closing_and_the_first_reads_why_not(backend: Backend) -> None:
    backend.post(transition())
    backend.client().post("/api/v1/alarms/a-1/take")
    answer = backend.client().post("/api/v1/alarms/a-1/resolve", json={"cause": "contact_prevented"})
    assert answer.json()["state"] == "closing", answer.text
    assert "confirm_close" not in _acts(_panel(backend))
    timeline = _panel(backend).split('class="timeline"')[1]
    assert "Sluiten gevraagd" in timeline
    assert "Afgehandeld" not in timeline
    assert "data-held" in _panel(backend)
    assert "confirm_close" in _acts(_panel(backend, name="other"))
    assert "data-held" not in _panel(backend, name="other")


def test_a_cause_that_is_refused_while_the_alarm_lasts_is_not_offered(backend: Backend) -> None:
    backend.post(transition())
    backend.client().post("/api/v1/alarms/a-1/take")
    assert 'value="returned_to_normal"' not in _panel(backend)
    backend.post(transition(what="cleared", time="2026-05-28T21:00:00Z"))
    assert 'value="returned_to_normal"' in _panel(backend)


def test_a_language_is_the_readers_own(backend: Backend) -> None:
    backend.post(transition())
    backend.client(name="anna").cookies.set("waakzaam_language", "en")
    backend.client(name="bram").cookies.set("waakzaam_language", "nl")
    assert _panel(backend, name="anna") != _panel(backend, name="bram")


def test_the_panel_of_a_cut_strap_shows_everybody_of_its_order(backend: Backend) -> None:
    backend.gateway.put("/api/v1/orders", json=ORDERS)
    backend.post(transition(kind="strap_cut", protected=None))
    shown = re.findall(r'data-person="(\w+)" data-role="(\w+)"', _panel(backend))
    assert shown[0] == ("M1", "monitored")
    assert ("P1", "protected") in shown
    assert len(shown) == len(set(shown))


def test_who_reads_a_name_is_written_down_also_when_a_colleague_has_just_read_it(backend: Backend) -> None:
    for person, name in (("M1", "Jan Test"), ("P1", "An Test")):
        identity = {"full_name": name, "phone": "+32 470 00 00 00"}
        assert backend.client("supervisor").put(f"/api/v1/people/{person}", json=identity).status_code == 204
    backend.gateway.put("/api/v1/orders", json=ORDERS)
    backend.post(transition())
    assert "An Test" in _panel(backend)
    assert "An Test" in _panel(backend, name="other")
    reads = [line for line in backend.services.audit.newest() if line.action == "identity.read"]
    assert {(line.actor, line.subject) for line in reads} >= {("operator", "person:P1"), ("other", "person:P1")}


def test_the_panel_of_no_alarm_is_not_found(backend: Backend) -> None:
    assert backend.client().get("/console/alarms/nothing").status_code == 404
