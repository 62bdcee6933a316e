"""Who opens an address that is not there, or not for the role, reads why in the own language; programs get JSON."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from tests.support.backend import Backend

pytest_plugins = ("tests.support.backend",)
BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("role", "path", "status", "language", "reason"),
    [
        ("operator", "/nowhere", 404, "nl", "Dit adres bestaat hier niet."),
        ("operator", "/nowhere", 404, "fr", "Cette adresse n'existe pas ici."),
        ("evaluator", "/orders", 403, "nl", "uw rol mag dit niet"),
        ("evaluator", "/orders", 403, "en", "this is not for the role"),
    ],
)
def test_a_person_reads_why_in_the_own_language(
    backend: Backend, role: str, path: str, status: int, language: str, reason: str
) -> None:
    client = backend.client(role)
    answer = client.get(path, headers=BROWSER | {"Accept-Language": language})
    assert answer.status_code == status
    assert reason in answer.text.replace("&#39;", "'")
    assert f'lang="{language}"' in answer.text
    assert 'href="/"' in answer.text


@pytest.mark.parametrize("headers", [{"Accept": "application/json"}, BROWSER | {"HX-Request": "true"}])
def test_programs_and_scripts_get_json(backend: Backend, headers: dict[str, str]) -> None:
    assert backend.client("evaluator").get("/orders", headers=headers).json()["code"] == "not_this_role"
    assert backend.client().get("/nowhere", headers=headers).json() == {"detail": "Not Found"}


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (RuntimeError("of our own"), 500, "Er is hier iets fout gegaan"),
        (OperationalError("select", {}, OSError("gone")), 503, "De databank antwoordt niet"),
    ],
)
def test_a_fault_of_our_own_is_a_page_for_a_person_and_json_for_a_program(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int, said: str
) -> None:
    def broken(*_: object) -> None:
        raise fault

    client = TestClient(backend.app, raise_server_exceptions=False)
    client.cookies.update(backend.client("operator").cookies)
    monkeypatch.setattr(type(backend.services.orders), "all", broken)
    page = client.get("/orders", headers=BROWSER | {"Accept-Language": "nl"})
    assert (page.status_code, said in page.text) == (status, True)
    assert "of our own" not in page.text
    program = client.get("/api/v1/orders", headers={"Accept": "application/json"})
    assert program.status_code == status
    assert program.json()["detail"]
