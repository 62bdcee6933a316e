"""`waakzaam gateway`: takes in trackers' messages, judges court orders, hands alarms to the backend."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from gateway import service
from gateway.errors import FileUnreadable
from waakzaam import clock
from waakzaam.exits import BadInput


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadInput("--broker", f"{text!r} is not host:port", "for example 127.0.0.1:1883")
    return host, int(port)


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadInput(str(path), error.strerror or str(error), "name the file with the backend's token") from None
    if not token:
        raise BadInput(str(path), "is empty", "put the backend's gateway token into it")
    return token


def gateway(
    orders: Annotated[Path, typer.Option(help="Court orders (waakzaam.orders/1); reloaded when the file changes.")],
    keys: Annotated[Path, typer.Option(help="Device keys (waakzaam.keys/1), readable by the owner only.")],
    token_file: Annotated[Path, typer.Option(help="File with the bearer token for the backend.")],
    data: Annotated[Path, typer.Option(help="Folder for the journal, the outbox and the list of pairs at risk.")],
    broker: Annotated[str, typer.Option(help="host:port of the MQTT broker.")] = "127.0.0.1:1883",
    backend: Annotated[str, typer.Option(help="Address of the backend.")] = "http://127.0.0.1:8080",
    owntracks: Annotated[
        bool, typer.Option(help="Also accept OwnTracks JSON (unsigned; for pilots with phones).")
    ] = False,
    follow_backend: Annotated[
        bool, typer.Option(help="Also judge the orders that are signed off at the backend, within seconds.")
    ] = True,
    source: Annotated[str, typer.Option(help="Name of this gateway in its heartbeats.")] = "gateway-1",
) -> None:
    """Take in trackers' messages, judge court orders, hand alarms to the backend; ends in order on SIGTERM."""
    host, port = _address(broker)
    if urlsplit(backend).scheme not in ("http", "https") or not urlsplit(backend).netloc:
        raise BadInput("--backend", f"{backend!r} is not an http(s) address")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    settings = service.Settings(
        broker_host=host,
        broker_port=port,
        orders=orders,
        keys=keys,
        backend_url=backend,
        token=_token(token_file),
        data=data,
        owntracks=owntracks,
        source=source,
        follow_backend=follow_backend,
    )
    try:
        service.serve(settings, clock.from_environment(), clock.wall_ms, stopping)
    except FileUnreadable as error:
        raise BadInput(error.where, error.reason, error.remedy) from None


def register(app: typer.Typer) -> None:
    app.command()(gateway)
