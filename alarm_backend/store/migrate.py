"""Brings a database to the schema of this version, and tells which it has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from alarm_backend.errors import StoreUnavailable
from alarm_backend.store.database import Database, shown

SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def head_revision() -> str | None:
    """The revision this version of the software expects."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def revisions() -> list[str]:
    """Every revision, oldest first."""
    scripts = ScriptDirectory.from_config(_config())
    return [script.revision for script in reversed(list(scripts.walk_revisions()))]


def revision_of(database: Database) -> str | None:
    """The revision a database has; None when it is empty. Raises StoreUnavailable."""
    try:
        with database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        raise StoreUnavailable(shown(database.url), str(error.orig).strip().splitlines()[0]) from error


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema up to a revision, all or nothing. Raises StoreUnavailable."""
    _run(database, command.upgrade, revision)


def downgrade(database: Database, revision: str) -> None:
    """Bring the schema down to a revision; what only newer versions know is dropped. Raises StoreUnavailable."""
    _run(database, command.downgrade, revision)


def _run(database: Database, what: Callable[[Config, str], None], revision: str) -> None:
    config = _config()
    try:
        with database.writing() as connection:
            config.attributes["connection"] = connection
            what(config, revision)
    except DBAPIError as error:
        raise StoreUnavailable(shown(database.url), str(error.orig).strip().splitlines()[0]) from error
