"""`waakzaam gateway`: takes in trackers' messages, judges court orders, hands alarms to the backend."""

from __future__ import annotations

import signal
import sys
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from gateway import service
from gateway.errors import FileUnreadable, GatewayError
from gateway.partitions.sharing import PARTITIONS, PARTITIONS_MAX
from gateway.settings import Inlet, Settings, Streams
from waakzaam import clock, logs, tracing
from waakzaam.exits import BadInput


class Role(StrEnum):
    """What this process does of the gateway's work."""

    single = "single"
    intake = "intake"
    worker = "worker"


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadInput("--broker", f"{text!r} is not host:port", "for example 127.0.0.1:1883")
    return host, int(port)


def _secret(path: Path, what: str) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(str(path), reason, f"name the file with {what}") from None
    if not secret:
        raise BadInput(str(path), "is empty", f"put {what} into it")
    return secret


def _account(user: str | None, password_file: Path | None) -> tuple[str, str] | None:
    if user is None or password_file is None:
        if user is not None or password_file is not None:
            missing = "--broker-user" if user is None else "--broker-password-file"
            raise BadInput(missing, "is missing", "an account at the broker is a name and a password")
        return None
    return user, _secret(password_file, "the password of the account at the broker")


def _url(option: str, text: str, schemes: tuple[str, ...], example: str) -> str:
    if urlsplit(text).scheme not in schemes or not (urlsplit(text).netloc or urlsplit(text).query):
        raise BadInput(option, f"{text.partition('@')[2] or text!r} is not an address of it", f"for example {example}")
    return text


def gateway(
    orders: Annotated[Path, typer.Option(help="Court orders (waakzaam.orders/1); reloaded when the file changes.")],
    keys: Annotated[Path, typer.Option(help="Device keys (waakzaam.keys/1), readable by the owner only.")],
    token_file: Annotated[Path, typer.Option(help="File with the bearer token for the backend.")],
    data: Annotated[Path, typer.Option(help="Folder for the journal, the outbox and the list of pairs at risk.")],
    broker: Annotated[str, typer.Option(help="host:port of the MQTT broker.")] = "127.0.0.1:1883",
    broker_user: Annotated[
        str | None, typer.Option(help="Account at the broker, as `waakzaam provision --kind gateway` made it.")
    ] = None,
    broker_password_file: Annotated[Path | None, typer.Option(help="File with the password of that account.")] = None,
    backend: Annotated[str, typer.Option(help="Address of the backend.")] = "http://127.0.0.1:8080",
    owntracks: Annotated[
        bool, typer.Option(help="Also accept OwnTracks JSON (unsigned; for pilots with phones).")
    ] = False,
    follow_backend: Annotated[
        bool, typer.Option(help="Also judge the orders that are signed off at the backend, within seconds.")
    ] = True,
    source: Annotated[
        str, typer.Option(help="Name of this process in its heartbeats; each needs its own.")
    ] = "gateway-1",
    role: Annotated[
        Role,
        typer.Option(help="single: all of it; intake and worker: shared out over many machines (docs/gateway.md)."),
    ] = Role.single,
    nats: Annotated[
        str, typer.Option(envvar="WAAKZAAM_NATS", help="NATS server with JetStream, for intake and worker.")
    ] = "nats://127.0.0.1:4222",
    store: Annotated[
        str, typer.Option(envvar="WAAKZAAM_GATEWAY_STORE", help="PostgreSQL that workers keep their journal in.")
    ] = "",
    partitions: Annotated[
        int, typer.Option(min=1, max=PARTITIONS_MAX, help="Into how many the orders are shared; never changes later.")
    ] = PARTITIONS,
    lease_s: Annotated[
        float, typer.Option(min=1, max=300, help="So long a silent worker keeps its partitions.")
    ] = 10.0,
    otlp_url: Annotated[str | None, typer.Option(help="OTLP/HTTP collector of traces; default: no traces.")] = None,
    replicas: Annotated[int, typer.Option(min=1, max=5, help="On how many NATS servers a message is stored.")] = 1,
    json_logs: Annotated[bool, typer.Option(help="One JSON object a line on stderr.")] = False,
) -> None:
    """Take in trackers' messages, judge court orders, hand alarms to the backend; ends in order on SIGTERM."""
    logs.configure(as_json=json_logs, plain="gateway: %(message)s")
    host, port = _address(broker)
    _url("--backend", backend, ("http", "https"), "http://127.0.0.1:8080")
    tracing.configure("waakzaam-gateway", otlp_url)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    told = Settings(
        orders, keys, backend, _secret(token_file, "the backend's gateway token"), data, source, follow_backend
    )
    inlet = Inlet(host, port, owntracks, _account(broker_user, broker_password_file))
    streams = Streams(nats, partitions, replicas)
    now_ms, wall_ms = clock.from_environment(), clock.wall_ms
    if role is not Role.single:
        _url("--nats", nats, ("nats", "tls"), "nats://127.0.0.1:4222")
    try:
        if role is Role.single:
            service.serve(told, inlet, now_ms, wall_ms, stopping)
        elif role is Role.intake:
            from gateway.partitions import intake

            intake.serve(told, inlet, streams, now_ms, wall_ms, stopping)
        else:
            from gateway.partitions import workers

            _url("--store", store, ("postgresql", "postgres"), "postgresql://waakzaam@127.0.0.1/waakzaam")
            workers.serve(told, streams, workers.Journals(store, lease_s), now_ms, wall_ms, stopping)
    except FileUnreadable as error:
        raise BadInput(error.where, error.reason, error.remedy) from None
    except GatewayError as error:
        print(f"waakzaam: gateway ends: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def register(app: typer.Typer) -> None:
    app.command()(gateway)
