"""Subcommands of `waakzaam backend` for upkeep: backup, restore, audit export, retention, erasure, second factors."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from alarm_backend.audit import anchors, export
from alarm_backend.audit.repository import head, lines
from alarm_backend.errors import InvalidRequest, NotFound, Refused
from alarm_backend.operations import backup as backups
from alarm_backend.operations import retention_rules
from alarm_backend.operations.retention import Removal, RetentionService
from alarm_backend.people.vault import Vault, VaultClosed
from alarm_backend.services import Services
from waakzaam import machine
from waakzaam.backend_inputs import read_key, write_secret
from waakzaam.exits import BadInput

DataFolder = Annotated[Path, typer.Option("--data", help="Folder of the backend's files.")]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database", help="SQLAlchemy URL; default: SQLite in the data folder.")
]
DATA = Path("waakzaam-data")
COMMAND_LINE = "command-line"
Opened = Callable[..., AbstractContextManager[Services]]


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a whole document or nothing; raises BadInput."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise BadInput(str(path), f"cannot write: {error.strerror}") from None


def read_json(path: Path) -> Any:
    """A JSON document; raises BadInput."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(str(path), f"cannot read: {error.strerror}") from None
    except ValueError as error:
        raise BadInput(str(path), f"not JSON: {error}") from None


def _say(outcome: Removal) -> None:
    verb = "would remove" if outcome.dry_run else "removed"
    for what, count in outcome.removed.items():
        typer.echo(f"{verb} {count} {what}", err=True)


def add_to(app: typer.Typer, opened: Opened) -> None:
    """Register the subcommands; `opened(data, database)` gives the services."""

    @app.command()
    def backup(file: Path, data: DataFolder = DATA, database: DatabaseUrl = None) -> None:
        """Copy the database to a file while the backend runs, and check the copy's source audit chain."""
        with opened(data, database) as services:
            try:
                size = backups.backup(services.database, file, machine.find_postgres())
            except backups.BackupFailed as error:
                raise BadInput(error.where, error.reason) from None
            count, faults = services.audit.verify()
        typer.echo(f"{file}: {size} bytes, {count} audit lines", err=True)
        if faults:
            typer.echo(f"the audit chain does not hold: line {faults[0].seq} {faults[0].reason}", err=True)
            raise typer.Exit(1)

    @app.command()
    def restore(file: Path, data: DataFolder = DATA, database: DatabaseUrl = None) -> None:
        """Bring a backup into an empty database and check its audit chain."""
        with opened(data, database, migrate=False, new=True) as services:
            try:
                backups.restore(services.database, file, machine.find_postgres())
            except backups.BackupFailed as error:
                raise BadInput(error.where, error.reason) from None
        with opened(data, database) as services:
            count, faults = services.audit.verify()
        typer.echo(f"restored, {count} audit lines, {'not whole' if faults else 'whole'}", err=True)
        raise typer.Exit(1 if faults else 0)

    @app.command()
    def audit(file: Path, data: DataFolder = DATA, database: DatabaseUrl = None) -> None:
        """Export the audit chain to a file for `waakzaam verify`."""
        with opened(data, database) as services, services.database.reading() as connection:
            write_json(file, export.document(list(lines(connection)), head(connection)))

    _add_anchors(app, opened)
    _add_retention(app, opened)
    _add_privacy(app, opened)


def _add_anchors(app: typer.Typer, opened: Opened) -> None:
    """Register what signs heads of the audit chain."""

    @app.command("anchor-key")
    def anchor_key(
        file: Annotated[Path, typer.Argument(help="Where to write it; not on the database's machine.")],
    ) -> None:
        """Make the key that signs heads of the audit chain; prints the public key that checks them."""
        private = secrets.token_bytes(anchors.KEY_BYTES)
        write_secret(file, private.hex())
        typer.echo(anchors.public_key(private).hex())

    @app.command()
    def anchor(
        file: Annotated[
            Path, typer.Argument(help="File that grows by one line; keep it where the backend cannot write.")
        ],
        anchor_key: Annotated[Path, typer.Option(help="Key file of waakzaam backend anchor-key.")],
        data: DataFolder = DATA,
        database: DatabaseUrl = None,
    ) -> None:
        """Sign where the audit chain stands now, after checking it, and write it down outside the database."""
        key = read_key(anchor_key, "waakzaam backend anchor-key FILE")
        with opened(data, database) as services:
            count, wrong = services.audit.verify()
            if wrong:
                typer.echo(f"not anchored: line {wrong[0].seq} {wrong[0].reason}", err=True)
                raise typer.Exit(1)
            with services.database.reading() as connection:
                signed = anchors.sign(key, head(connection), services.clocks.wall_ms())
        try:
            with file.open("a", encoding="utf-8") as sink:
                sink.write(signed.line + "\n")
                sink.flush()
                os.fsync(sink.fileno())
        except OSError as error:
            raise BadInput(str(file), f"cannot write: {error.strerror}") from None
        typer.echo(f"{file}: line {signed.seq} of {count} signed", err=True)


def _add_retention(app: typer.Typer, opened: Opened) -> None:
    """Register what removes by age."""

    @app.command()
    def retention(
        *,
        dry_run: Annotated[bool, typer.Option(help="Only count.")] = False,
        positions_days: Annotated[int | None, typer.Option(min=0, help="Days that positions are kept.")] = None,
        rules: Annotated[
            Path | None, typer.Option(help="Days by kind of data and of alarm (waakzaam.retention/1).")
        ] = None,
        data: DataFolder = DATA,
        database: DatabaseUrl = None,
    ) -> None:
        """Remove what is past its time: by kind of data, by kind of alarm, and by what an order itself says."""
        try:
            chosen = retention_rules.Rules() if rules is None else retention_rules.parse(read_json(rules))
        except InvalidRequest as error:
            raise BadInput(f"{rules}: {error.field}", error.reason) from None
        if positions_days is not None:
            chosen = replace(chosen, data={**chosen.data, "positions": positions_days})
        with opened(data, database) as services:
            service = RetentionService(services.database, services.clocks, services.audit)
            try:
                _say(service.apply(COMMAND_LINE, dry_run=dry_run, rules=chosen))
            except InvalidRequest as error:
                raise BadInput(f"order {error.field}", error.reason, "nothing was removed; correct the order") from None


def _add_privacy(app: typer.Typer, opened: Opened) -> None:
    """Register what concerns people's data."""

    @app.command()
    def erase(
        person_id: str,
        dry_run: Annotated[bool, typer.Option(help="Only count.")] = False,
        data: DataFolder = DATA,
        database: DatabaseUrl = None,
    ) -> None:
        """Remove who a pseudonym is and where that person was; evidence under the pseudonym stays."""
        with opened(data, database) as services:
            service = RetentionService(services.database, services.clocks, services.audit)
            try:
                outcome = service.erase(person_id, COMMAND_LINE, dry_run=dry_run)
            except Refused as refused:
                typer.echo(f"nothing was removed: {refused.reason}", err=True)
                raise typer.Exit(1) from None
        _say(outcome)
        if not any(outcome.removed.values()):
            typer.echo(f"nothing was kept about {person_id!r}: erased before, or a misspelt pseudonym", err=True)
            raise typer.Exit(1)

    @app.command("export-person")
    def export_person(person_id: str, file: Path, data: DataFolder = DATA, database: DatabaseUrl = None) -> None:
        """Write everything that is kept about a person to a file."""
        with opened(data, database) as services:
            service = RetentionService(services.database, services.clocks, services.audit)
            document = service.export(person_id, COMMAND_LINE)
        if not document["alarms"] and not document["positions"]:
            typer.echo(f"no alarm and no position is kept about {person_id!r}: is the pseudonym spelt right?", err=True)
            raise typer.Exit(1)
        write_json(file, document)

    @app.command()
    def totp(
        username: str,
        identity_key: Annotated[Path, typer.Option(help="The backend's identity key.")],
        data: DataFolder = DATA,
        database: DatabaseUrl = None,
    ) -> None:
        """Give an account a second factor; prints the address for an authenticator, once."""
        with opened(data, database) as services:
            services.auth.use_vault(Vault(read_key(identity_key)))
            try:
                typer.echo(services.auth.enroll_totp(username, COMMAND_LINE))
            except (NotFound, VaultClosed) as error:
                raise BadInput("backend totp", str(error)) from None
