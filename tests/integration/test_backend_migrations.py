"""The schema goes up and down with data in it, and the migrations make exactly the tables the code uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from alarm_backend.store import migrate
from alarm_backend.store.database import Database
from alarm_backend.store.tables import metadata
from tests.support import postgres
from tests.support.backend import Backend, transition

pytest_plugins = ("tests.support.backend",)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'empty.db'}")
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return Database(server.fresh())


def test_the_migrations_make_the_tables_that_the_code_uses(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    empty.close()


def test_every_revision_goes_up_and_down(empty: Database) -> None:
    revisions = migrate.revisions()
    for revision in revisions:
        migrate.upgrade(empty, revision)
        assert migrate.revision_of(empty) == revision
    for revision in [*reversed(revisions[:-1]), "base"]:
        migrate.downgrade(empty, revision)
    with empty.engine.connect() as connection:
        assert not metadata.tables.keys() & set(
            MigrationContext.configure(connection).dialect.get_table_names(connection)
        )
    empty.close()


def test_alarms_and_the_audit_chain_survive_a_step_down_and_up_again(backend: Backend) -> None:
    backend.post(transition("a-1"), transition("a-2"))
    backend.client().post("/api/v1/alarms/a-1/acknowledge")
    database = backend.services.database
    lines = backend.services.audit.verify()[0]
    migrate.downgrade(database, "0001")
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM alarms")).scalar_one() == 2
    migrate.upgrade(database)
    assert {alarm.alarm_id: alarm.state for alarm in backend.services.alarms.queue().alarms} == {
        "a-1": "acknowledged",
        "a-2": "raised",
    }
    assert backend.services.audit.verify() == (lines, [])
    assert backend.services.escalation.check() == [], "an alarm from before is due at once, not overdue"
    backend.clock.forward(1)
    assert backend.services.alarms.escalate() == 1
