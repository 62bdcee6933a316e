"""Who opens an address that is not there, or not for the role, reads why in the own language; programs get JSON."""

from __future__ import annotations

import pytest

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
