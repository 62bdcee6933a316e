"""From draft to signed order, on both databases: four eyes, no lost edit, no made-up figure, and on to the gateway."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from alarm_backend.drafts import what_if
from tests.support.backend import ORDERS, START_MS, Backend
from waakzaam import what_if_process

pytest_plugins = ("tests.support.backend",)
DRAFTS = "/api/v1/order-drafts"
MINUTE_MS = 60_000


def _document(**other: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ORDERS["orders"][0]), "order_id": "VL-9", **other}


def _begin(backend: Backend, **body: Any) -> dict[str, Any]:
    answer = backend.client("case_manager").post(DRAFTS, json={"order_id": "VL-9", "document": _document(), **body})
    assert answer.status_code == 201, answer.text
    drafted: dict[str, Any] = answer.json()
    return drafted


def _step(backend: Backend, draft: dict[str, Any], act: str, role: str, name: str | None = None, **body: Any) -> Any:
    path = f"{DRAFTS}/{draft['draft_id']}/{act}"
    return backend.client(role, name).post(path, json={"revision": draft["revision"], **body})


def _signed(backend: Backend, **body: Any) -> dict[str, Any]:
    draft = _begin(backend, **body)
    assert _step(backend, draft, "submit", "case_manager").status_code == 200
    answer = _step(backend, draft, "sign", "supervisor")
    assert answer.status_code == 200, answer.text
    return draft


def _read_in(backend: Backend, *documents: dict[str, Any]) -> int:
    """Load orders without a signature; the status of the answer."""
    body = {"schema": "waakzaam.orders/1", "orders": list(documents)}
    return int(backend.gateway.put("/api/v1/orders", json=body).status_code)


def test_a_draft_that_another_person_signs_is_the_orders_next_version(backend: Backend) -> None:
    _signed(backend, reason="judgment of 3 May")
    order = backend.client("operator").get("/api/v1/orders/VL-9").json()
    assert (order["version"], order["in_force"]) == (1, True)
    version = backend.client("operator").get("/api/v1/orders/VL-9/versions").json()[0]
    assert (version["drafted_by"], version["signed_by"]) == (["case_manager"], "supervisor")
    assert version["reason"] == "judgment of 3 May"
    lines = [line.action for line in backend.services.audit.of_subject("order:VL-9")]
    assert lines == ["order.sign"]
    assert backend.services.audit.verify()[1] == []


def test_nobody_signs_what_they_wrote_or_submitted(backend: Backend) -> None:
    draft = _begin(backend)
    helped = backend.client("supervisor", "helper").put(
        f"{DRAFTS}/{draft['draft_id']}", json={"revision": 1, "document": _document()}
    )
    assert helped.status_code == 200
    draft = helped.json()
    assert _step(backend, draft, "submit", "case_manager", "third").status_code == 200
    for role, name in (("case_manager", "case_manager"), ("supervisor", "helper"), ("case_manager", "third")):
        assert _step(backend, draft, "sign", role, name).status_code == 403
        seen = backend.client(role, name).get(f"{DRAFTS}/{draft['draft_id']}").json()
        assert "sign" not in seen["may"]
    assert backend.client("operator").get("/api/v1/orders/VL-9").status_code == 404
    assert _step(backend, draft, "sign", "case_manager", "fourth").status_code == 200


@pytest.mark.parametrize("role", ["operator", "evaluator", "administrator"])
def test_others_neither_write_nor_sign(backend: Backend, role: str) -> None:
    draft = _begin(backend)
    _step(backend, draft, "submit", "case_manager")
    for act in ("sign", "send-back", "discard", "what-if"):
        assert _step(backend, draft, act, role).status_code == 403
    assert backend.client(role).post(DRAFTS, json={"order_id": "VL-8"}).status_code == 403


def test_the_second_of_two_editors_is_told_and_overwrites_nothing(backend: Backend) -> None:
    draft = _begin(backend)
    path = f"{DRAFTS}/{draft['draft_id']}"
    first = backend.client("case_manager", "ann").put(
        path, json={"revision": 1, "document": _document(mandate_kind="probation")}
    )
    assert first.status_code == 200
    second = backend.client("case_manager", "bob").put(path, json={"revision": 1, "document": _document()})
    assert second.status_code == 409
    assert "ann saved revision 2 meanwhile" in second.json()["detail"]
    assert backend.client("case_manager").get(path).json()["document"]["mandate_kind"] == "probation"
    told = backend.client("case_manager").get(f"{path}/changes", params={"revision": 1, "other": 2}).json()
    assert [(c["path"], c["after"]) for c in told] == [("mandate_kind", "probation")]


def test_what_was_read_is_what_is_signed(backend: Backend) -> None:
    draft = _begin(backend)
    _step(backend, draft, "submit", "case_manager")
    back = _step(backend, draft, "send-back", "supervisor", note="the school is missing").json()
    assert (back["state"], back["review_note"]) == ("draft", "the school is missing")
    changed = backend.client("case_manager").put(
        f"{DRAFTS}/{draft['draft_id']}", json={"revision": 1, "document": _document(zones=[])}
    )
    _step(backend, changed.json(), "submit", "case_manager")
    assert _step(backend, draft, "sign", "supervisor").status_code == 409, "the supervisor read revision 1"


def test_a_reviewer_says_why_a_draft_goes_back_and_does_not_become_its_author(backend: Backend) -> None:
    draft = _begin(backend)
    _step(backend, draft, "submit", "case_manager")
    refused = _step(backend, draft, "send-back", "supervisor", note="  ")
    assert refused.status_code == 422
    assert "say why it goes back" in refused.text
    back = _step(backend, draft, "send-back", "supervisor", note="the school is missing").json()
    assert back["changed_by"] == draft["changed_by"]
    _step(backend, draft, "submit", "case_manager")
    assert _step(backend, draft, "send-back", "case_manager").json()["state"] == "draft", "taken back by its author"


def test_a_stale_draft_is_refused_until_somebody_rebased_it(backend: Backend) -> None:
    assert _read_in(backend, _document(version=1)) == 200
    draft = backend.client("case_manager").post(DRAFTS, json={"order_id": "VL-9"}).json()
    _step(backend, draft, "submit", "case_manager")
    assert _read_in(backend, _document(version=2, mandate_kind="probation")) == 200
    refused = _step(backend, draft, "sign", "supervisor")
    assert refused.status_code == 409
    assert "stale" in refused.json()["detail"]
    seen = backend.client("case_manager").get(f"{DRAFTS}/{draft['draft_id']}").json()
    assert seen["stale"]
    assert "rebase" in seen["may"]
    rebased = _step(backend, draft, "rebase", "case_manager").json()
    assert [c["path"] for c in rebased["changes"]] == ["mandate_kind"]
    assert _step(backend, rebased, "submit", "case_manager").status_code == 200
    assert _step(backend, rebased, "sign", "supervisor").json()["version"] == 3


def test_a_draft_with_faults_names_each_beside_its_place_and_cannot_be_submitted(backend: Backend) -> None:
    crossed = {"type": "Polygon", "coordinates": [[[4.3, 50.8], [4.4, 50.9], [4.4, 50.8], [4.3, 50.9], [4.3, 50.8]]]}
    wrong = _document(
        valid_until="2025-01-01T00:00:00Z",
        proximity={"alert_distance_m": 2000, "prealert_distance_m": 1000},
        zones=[
            {"zone_id": "home", "shape": {"type": "Circle", "center": [4.3, 50.8], "radius_m": -4}},
            {"zone_id": "work", "shape": {"type": "Circle", "center": [4.3, 50.8], "radius_m": 300}},
            {"zone_id": "school", "shape": crossed},
        ],
        victim_contact={"panic": "sometimes"},
    )
    draft = _begin(backend, document=wrong)
    assert {(p["path"], p["code"]) for p in draft["problems"]} == {
        ("valid_until", "not_after"),
        ("proximity.prealert_distance_m", "prealert_below_alert"),
        ("zones[0].shape.radius_m", "outside"),
        ("zones[2].shape.coordinates", "crosses_itself"),
        ("victim_contact.panic", "other"),
    }
    assert _step(backend, draft, "submit", "case_manager").status_code == 422


def test_a_withdrawal_needs_two_people_too_and_reaches_the_gateway_by_name(backend: Backend) -> None:
    _signed(backend)
    _signed(backend, act="withdraw", document=None, reason="judgment set aside")
    feed = backend.gateway.get("/api/v1/orders/feed").json()
    assert (feed["orders"], feed["withdrawn"]) == ([], ["VL-9"])
    order = backend.client("operator").get("/api/v1/orders/VL-9").json()
    assert (order["version"], order["in_force"], order["withdrawn"]) == (2, False, True)
    _signed(backend, document=_document(valid_until="2026-12-01T00:00:00Z"))
    feed = backend.gateway.get("/api/v1/orders/feed").json()
    assert ([o["version"] for o in feed["orders"]], feed["withdrawn"]) == ([3], [])


def test_the_gateway_is_told_only_what_changed_and_only_its_receipt_makes_a_version_active(backend: Backend) -> None:
    _signed(backend)
    first = backend.gateway.get("/api/v1/orders/feed")
    again = backend.gateway.get("/api/v1/orders/feed", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    versions = "/api/v1/orders/VL-9/versions"
    assert backend.client("operator").get(versions).json()[0]["active_at"] == []
    receipt = {"order_id": "VL-9", "version": 1, "active_ms": START_MS}
    for _ in range(2):
        sent = {"source": "gateway-1", "receipts": [receipt]}
        assert backend.gateway.post("/api/v1/orders/receipts", json=sent).status_code == 200
    assert [at["source"] for at in backend.client("operator").get(versions).json()[0]["active_at"]] == ["gateway-1"]
    told = [line.action for line in backend.services.audit.of_subject("order:VL-9")]
    assert told == ["order.sign", "order.active"]
    _signed(backend, document=None)
    changed = backend.gateway.get("/api/v1/orders/feed", headers={"If-None-Match": first.headers["ETag"]})
    assert [order["version"] for order in changed.json()["orders"]] == [2]
    shown = backend.client("operator").get(versions).json()
    assert [len(version["active_at"]) for version in shown] == [0, 1], "signed is not yet active"


def _walk(backend: Backend, minutes: int, order_id: str = "VL-9") -> None:
    """She stays at home; he passes at 600 m four times a day and is 20 km away otherwise."""
    positions = []
    for minute in range(0, minutes, 5):
        ms = START_MS - (minutes - minute) * MINUTE_MS
        near = minute % 360 < 30
        for person, role, lat in (("P1", "protected", 50.8466), ("M1", "monitored", 50.852 if near else 51.03)):
            positions.append(
                {
                    "device_id": f"trk-{person.lower()}",
                    "order_id": order_id,
                    "person_id": person,
                    "role": role,
                    "fix_time": what_if_time(ms),
                    "lat": lat,
                    "lon": 4.3517,
                    "horizontal_accuracy_m": 8.0,
                    "speed_m_s": 0.0,
                }
            )
    for begin in range(0, len(positions), 1000):
        sent = backend.gateway.post("/api/v1/positions", json={"positions": positions[begin : begin + 1000]})
        assert sent.status_code == 200


def what_if_time(ms: int) -> str:
    from gateway.contract.transitions import time_text

    return time_text(ms)


def test_figures_come_from_the_decision_core_with_their_n_and_period(backend: Backend) -> None:
    _signed(backend)
    _walk(backend, minutes=2 * 24 * 60)
    backend.services.drafts._ask_what_if = what_if_process.ask
    narrower = _document(proximity={"alert_distance_m": 300, "prealert_distance_m": 600}, zones=[])
    draft = _begin(backend, document=narrower)
    figures = _step(backend, draft, "what-if", "supervisor").json()
    assert figures["available"], figures
    assert figures["n"] == 2 * 2 * 24 * 60 // 5
    assert figures["by_person"] == {"M1": 576, "P1": 576}
    assert figures["present"]["by_kind_per_week"]["proximity_alert"] > 20, "eight passes in two days"
    assert figures["proposed"]["by_kind_per_week"].get("proximity_alert", 0) == 0
    assert figures["recall"] == 0.0, "the narrower distance misses every breach of today"
    assert figures["nuisance"] == {
        "per_week": None,
        "closed": 0,
        "unknown": sorted(figures["proposed"]["by_kind_per_week"]),
    }
    read = [line for line in backend.services.audit.of_subject("order:VL-9") if line.action == "position.read"]
    assert read[0].actor == "supervisor"
    kept = backend.client("case_manager").get(f"{DRAFTS}/{draft['draft_id']}").json()["what_if"]
    assert kept["revision"] == 1


@pytest.mark.parametrize(
    ("minutes", "port", "code"),
    [
        (0, what_if.no_port, "too_few"),
        (60, what_if.no_port, "too_few"),
        (2 * 24 * 60, what_if.no_port, "no_core"),
        (2 * 24 * 60, lambda question: what_if_process.ask(question, 0.001), "too_slow"),
    ],
)
def test_where_there_are_no_figures_the_reason_is_said(
    backend: Backend, minutes: int, port: what_if.Port, code: str
) -> None:
    _signed(backend)
    _walk(backend, minutes)
    backend.services.drafts._ask_what_if = port
    draft = _begin(backend, document=None)
    figures = _step(backend, draft, "what-if", "case_manager").json()
    assert (figures["available"], figures["code"]) == (False, code)


def test_one_draft_at_a_time_for_each_order(backend: Backend) -> None:
    draft = _begin(backend)
    again = backend.client("case_manager", "bob").post(DRAFTS, json={"order_id": "VL-9"})
    assert again.status_code == 409
    assert _step(backend, draft, "discard", "case_manager").status_code == 200
    assert backend.client("case_manager", "bob").post(DRAFTS, json={"order_id": "VL-9"}).status_code == 201


def test_a_reviewer_is_warned_of_what_the_gateway_would_take(backend: Backend) -> None:
    draft = _begin(
        backend,
        document=_document(zones=[], proximity={"alert_distance_m": 500, "prealert_distance_m": 2000}),
    )
    assert draft["problems"] == []
    assert {w["code"] for w in draft["warnings"]} == {"not_twice", "unusual_distance", "not_hooked_up"}


def test_every_act_is_in_the_audit_chain_with_the_hash_of_what_was_written(backend: Backend) -> None:
    draft = _signed(backend)
    lines = backend.services.audit.of_subject(f"draft:{draft['draft_id']}")
    assert [line.action for line in lines] == ["draft.begin", "draft.submit", "draft.sign"]
    assert len({line.detail["document_sha256"] for line in lines}) == 1
    assert [line.actor for line in lines] == ["case_manager", "case_manager", "supervisor"]
