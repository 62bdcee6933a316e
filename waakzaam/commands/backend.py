"""`waakzaam backend`: run the alarm backend and its console; manage its accounts, tokens and schema."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
import uvicorn

from alarm_backend.app import create_app
from alarm_backend.auth.schemas import ROLES
from alarm_backend.clocks import Clocks
from alarm_backend.errors import InvalidRequest, NotFound, Refused, StoreUnavailable
from alarm_backend.people.vault import KEY_BYTES
from alarm_backend.services import Services, build
from alarm_backend.store import migrate as schema
from waakzaam import backend_upkeep, clock, logs, tracing, what_if_process
from waakzaam.backend_inputs import (
    MAKE_ONE,
    NO_DATABASE,
    listen,
    police_settings,
    read_key,
    read_orders,
    read_token,
    require_database,
    settings_for,
    write_secret,
)
from waakzaam.exits import BadInput
from waakzaam.oidc_inputs import oidc_settings

SHUTDOWN_S = 5
THREAD_TURN_S = 0.0005
"""How long a thread that computes keeps the interpreter while others wait (5 ms by default).

The event line writes to each console in turn and may lose its turn at each; behind ten busy threads that was a second.
"""
COMMAND_LINE = "command-line"

DataFolder = Annotated[Path, typer.Option("--data", help="Folder of the backend's files.")]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database", help="SQLAlchemy URL; default: SQLite in the data folder.")
]
DATA = Path("waakzaam-data")

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)
user_app = typer.Typer(no_args_is_help=True, help="Accounts of everybody who signs in, each with a role.")
app.add_typer(user_app, name="user")


@contextlib.contextmanager
def translated(where: str) -> Iterator[None]:
    """The backend's errors as one clear line."""
    try:
        yield
    except StoreUnavailable as error:
        raise BadInput(f"database {error.url}", error.reason, "check --database and that the server runs") from error
    except InvalidRequest as error:
        raise BadInput(f"{where}: {error.field}", error.reason) from error
    except (NotFound, Refused) as error:
        raise BadInput(where, str(error)) from error


@contextlib.contextmanager
def opened(data: Path, database: str | None, migrate: bool = True, new: bool = False) -> Iterator[Services]:
    """The services on a database of the right schema, for a command that does one thing.

    Raises BadInput where there is none, unless it may be a new one: a backup of a misspelt folder is no backup.
    """
    if not new:
        require_database(data, database)
    settings = settings_for(data, database, secrets.token_urlsafe(32))
    with translated("backend"):
        services = build(settings, Clocks(clock.from_environment(), clock.wall_ms))
        try:
            if not new and schema.revision_of(services.database) is None:
                raise BadInput(database or str(data), NO_DATABASE, MAKE_ONE)
            if migrate:
                schema.upgrade(services.database)
            yield services
        finally:
            services.database.close()


class Server(uvicorn.Server):
    """uvicorn that ends event streams when it is told to stop, and then exits with status 0."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit  # asked twice: do not wait for anybody
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._services.events.end)


@app.callback()
def backend(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8080,
    data: DataFolder = DATA,
    database: DatabaseUrl = None,
    orders: Annotated[
        Path | None, typer.Option(help="orders.json to load at start; nobody signed them, and the console says so.")
    ] = None,
    accept_unsigned_orders: Annotated[
        bool, typer.Option(help="Let the gateway's token load orders that nobody signed (PUT /api/v1/orders).")
    ] = False,
    token_file: Annotated[Path | None, typer.Option(help="File with the gateway's bearer token.")] = None,
    keys: Annotated[Path | None, typer.Option(help="Device keys (waakzaam.keys/1) to verify field tests.")] = None,
    identity_key: Annotated[
        Path | None, typer.Option(help="Key file that seals identities; make one: waakzaam backend identity-key FILE.")
    ] = None,
    police_url: Annotated[str | None, typer.Option(help="Police endpoint for CAP 1.2 messages.")] = None,
    police_secret_file: Annotated[Path | None, typer.Option(help="File with the secret shared with it.")] = None,
    police_status: Annotated[str, typer.Option(help="CAP status: Actual, Exercise or Test.")] = "Test",
    oidc_issuer: Annotated[str | None, typer.Option(help="OpenID provider through which people sign in.")] = None,
    oidc_client_id: Annotated[str, typer.Option(help="What the provider calls this backend.")] = "waakzaam",
    oidc_secret_file: Annotated[Path | None, typer.Option(help="File with the client secret.")] = None,
    oidc_role_claim: Annotated[str, typer.Option(help="Claim that says what somebody may do.")] = "groups",
    oidc_role: Annotated[list[str] | None, typer.Option(help="VALUE=ROLE; may be repeated, the first counts.")] = None,
    oidc_create_accounts: Annotated[
        bool, typer.Option(help="Give somebody new with a role an account; else an administrator adds it first.")
    ] = False,
    public_url: Annotated[str | None, typer.Option(help="Address of this backend as browsers see it.")] = None,
    otlp_url: Annotated[str | None, typer.Option(help="OTLP/HTTP collector of traces; default: no traces.")] = None,
    json_logs: Annotated[bool, typer.Option(help="One JSON object a line on stderr.")] = False,
    secure_cookies: Annotated[bool, typer.Option(help="Cookies for HTTPS only (behind a TLS proxy).")] = False,
) -> None:
    """Run the alarm backend: API, event stream and the operator's console."""
    if context.invoked_subcommand is not None:
        return
    if token_file is None:
        raise BadInput("backend --token-file", "is needed", "make one: waakzaam backend token FILE")
    settings = replace(
        settings_for(data, database, read_token(token_file)),
        device_keys_file=keys,
        secure_cookies=secure_cookies,
        accept_unsigned_orders=accept_unsigned_orders,
        identity_key=None if identity_key is None else read_key(identity_key),
        oidc=oidc_settings(
            issuer=oidc_issuer,
            client_id=oidc_client_id,
            secret_file=oidc_secret_file,
            public_url=public_url,
            role_claim=oidc_role_claim,
            roles=oidc_role or [],
            create_accounts=oidc_create_accounts,
        ),
        **police_settings(police_url, police_secret_file, police_status),
    )
    if keys is not None and not keys.is_file():
        raise BadInput(str(keys), "no such file", "check --keys")
    tracing.configure("waakzaam-backend", otlp_url)
    document = read_orders(orders) if orders is not None else None
    listener = listen(host, port)
    logs.configure(as_json=json_logs)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        with translated(str(orders) if orders else "backend"):
            fastapi = create_app(settings, clock.from_environment(), clock.wall_ms, what_if_process.ask)
            services: Services = fastapi.state.services
            schema.upgrade(services.database)
            if document is not None:
                services.orders.put(document, COMMAND_LINE)
        # The access log would write who looked at whom into a file that nobody guards: the audit chain has it.
        config = uvicorn.Config(
            fastapi,
            log_level="info",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        address = listener.getsockname()
        typer.echo(f"backend: http://{address[0]}:{address[1]}/", err=True)
        sys.setswitchinterval(THREAD_TURN_S)
        Server(config, services).run(sockets=[listener])
    finally:
        listener.close()


@app.command()
def migrate(
    data: DataFolder = DATA,
    database: DatabaseUrl = None,
    to: Annotated[str, typer.Option(help="Revision; an older one drops what only newer versions know.")] = "head",
) -> None:
    """Bring the database to this version's schema, or to another revision."""
    settings = settings_for(data, database, secrets.token_urlsafe(32))
    with translated("backend migrate"):
        services = build(settings, Clocks(clock.wall_ms))
        before = schema.revision_of(services.database)
        known = schema.revisions()
        target = known[-1] if to == "head" else to
        if target not in known and target != "base":
            raise BadInput("backend migrate --to", f"no revision {to!r}", "there are: " + ", ".join(known))
        if target == "base" or (before in known and known.index(target) < known.index(before)):
            schema.downgrade(services.database, target)
        else:
            schema.upgrade(services.database, target)
        typer.echo(f"schema: {before} -> {schema.revision_of(services.database)}", err=True)
        services.database.close()


@app.command()
def token(file: Annotated[Path, typer.Argument(help="Where to write it.")]) -> None:
    """Make a bearer token for the gateway in a file that only you can read."""
    write_secret(file, secrets.token_urlsafe(32))


@app.command("identity-key")
def identity_key_file(file: Annotated[Path, typer.Argument(help="Where to write it; keep a copy elsewhere.")]) -> None:
    """Make the key that seals identities, in a file that only you can read."""
    write_secret(file, secrets.token_hex(KEY_BYTES))


@user_app.command("add")
def user_add(
    *,
    username: Annotated[str, typer.Argument(help="Lower-case letters, digits and ._- ")],
    role: Annotated[str, typer.Option(help=", ".join(ROLES))],
    full_name: Annotated[str, typer.Option("--name", help="Full name.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="File with the password; default: asked for.")] = None,
    no_password: Annotated[bool, typer.Option(help="Only one-time links or the provider sign in.")] = False,
    oidc_issuer: Annotated[str | None, typer.Option(help="OpenID provider of this person.")] = None,
    oidc_subject: Annotated[str | None, typer.Option(help="What that provider calls this person (sub).")] = None,
    data: DataFolder = DATA,
    database: DatabaseUrl = None,
) -> None:
    """Create an account."""
    if role not in ROLES:
        raise BadInput("--role", f"{role!r} is no role", "one of " + ", ".join(ROLES))
    if (oidc_issuer is None) != (oidc_subject is None):
        raise BadInput("--oidc-subject", "needs --oidc-issuer, and the other way round")
    password = None
    if password_file is not None:
        try:
            password = password_file.read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(str(password_file), f"cannot read the password: {error}") from None
    elif not no_password and oidc_subject is None:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    with opened(data, database, new=True) as services:
        at_provider = (oidc_issuer, oidc_subject) if oidc_issuer and oidc_subject else None
        services.auth.add_user(username, full_name or username, role, password, COMMAND_LINE, at_provider)
    typer.echo(f"{username}: {role}", err=True)


@user_app.command("list")
def user_list(data: DataFolder = DATA, database: DatabaseUrl = None) -> None:
    """Print the accounts."""
    with opened(data, database) as services:
        for user in services.auth.users():
            typer.echo(f"{user.username}\t{user.role}\t{user.full_name}")


@user_app.command("disable")
def user_disable(username: str, data: DataFolder = DATA, database: DatabaseUrl = None) -> None:
    """Close an account and end its sessions."""
    with opened(data, database) as services:
        services.auth.disable_user(username, COMMAND_LINE)


@app.command("login-link")
def login_link(
    *,
    username: Annotated[str, typer.Argument(help="An existing account.")],
    base_url: Annotated[str, typer.Option(help="Address of the console.")] = "http://127.0.0.1:8080",
    data: DataFolder = DATA,
    database: DatabaseUrl = None,
) -> None:
    """Print a link that signs an account in once, within a quarter of an hour."""
    with opened(data, database) as services:
        typer.echo(f"{base_url.rstrip('/')}/sign-in/{services.auth.new_login_link(username, COMMAND_LINE)}")


backend_upkeep.add_to(app, opened)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="backend", help=backend.__doc__)
