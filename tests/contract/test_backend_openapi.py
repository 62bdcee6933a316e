"""The API keeps to its description as every role: a described answer, never a 5xx, nothing a role may not see."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from waakzaam.rigs import api_roles

SEED = 6
EXAMPLES = 2
"""A sample; `waakzaam bench backend` calls far more."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[api_roles.Place]:
    folder = tmp_path_factory.mktemp("openapi")
    with api_roles.place(f"sqlite:///{folder / 'b.db'}", folder) as made:
        yield made


@pytest.mark.parametrize("role", api_roles.EVERY_CALLER)
def test_every_operation_and_page_answers_as_described_and_shows_only_what_the_role_may_see(
    place: api_roles.Place, role: str
) -> None:
    found = api_roles.call_everything(place, role, SEED, EXAMPLES)
    found.add(api_roles.open_every_page(place, role))
    assert found.calls > 50
    assert found.server_errors == []
    assert found.contract_violations == []
    assert found.leaks == []


def test_planted_data_are_found_where_they_may_be_and_would_be_found_where_they_may_not(place: api_roles.Place) -> None:
    as_operator = place.as_role("operator")
    found = api_roles.Findings()
    for address in (
        "/api/v1/alarms/planted-alarm",
        "/api/v1/alarms/planted-alarm/instructions",
        "/api/v1/orders/VL-2026-0001/tracks",
        "/api/v1/orders",
    ):
        answer = as_operator.get(address)
        found.search("operator", address, answer.text)
        found.search("evaluator", address, answer.text)
    classes = {name for name in api_roles.SEEN_BY if name != "secret"}
    assert found.seen == classes
    assert {leak.split(": ")[1] for leak in found.leaks} == classes


def test_nothing_of_a_place_runs_on_when_it_is_closed(tmp_path: Path) -> None:
    """A watch that outlives its database fills the end of a benchmark with tracebacks."""
    with api_roles.place(f"sqlite:///{tmp_path / 'b.db'}", tmp_path) as made:
        operation = made.description["/health"]["GET"]
        operation.Case().call()
        mine = [thread for thread in threading.enumerate() if thread in made.app.state.watch._threads]
        assert len(mine) == 2
    assert not any(thread.is_alive() for thread in mine)
