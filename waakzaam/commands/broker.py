"""`waakzaam broker`: a broker for one machine, embedded or Mosquitto, on loopback unless told otherwise."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from waakzaam import machine
from waakzaam.exits import BadInput


class Kind(StrEnum):
    """Which broker program runs."""

    embedded = "embedded"
    mosquitto = "mosquitto"


def require_free_port(host: str, port: int) -> None:
    """Raise BadInput when the address cannot be listened on."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        reason = f"cannot listen there: {error.strerror or error}"
        raise BadInput(f"broker {host}:{port}", reason, "choose another address with --host and --port") from None


def mosquitto_configuration(host: str, port: int, folder: Path) -> str:
    """Mosquitto's configuration for one machine: queues on disk, up to 10,000 messages a client."""
    return "\n".join(
        (
            f"listener {port} {host}",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 5",
            "max_queued_messages 10000",
            "max_inflight_messages 100",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "",
        )
    )


def _run_mosquitto(host: str, port: int, folder: Path) -> int:
    program = machine.find_mosquitto()
    if program is None:
        raise BadInput(
            "broker", "Mosquitto is not on this machine", "apt-get install mosquitto, or use --kind embedded"
        )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "mosquitto.conf"
    text = mosquitto_configuration(host, port, folder)
    if os.getuid() == 0:
        text += "user root\n"
    file.write_text(text)
    child = subprocess.Popen([str(program), "-c", str(file)])

    def end(*_: object) -> None:
        child.terminate()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    print(f"broker: Mosquitto on {host}:{port}", file=sys.stderr, flush=True)
    return child.wait()


async def _run_embedded(host: str, port: int) -> None:
    from amqtt.broker import Broker

    from waakzaam import embedded_broker

    broker = Broker(embedded_broker.configuration(host, port))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await broker.start()
    print(f"broker: embedded on {host}:{port}", file=sys.stderr, flush=True)
    await ended.wait()
    await broker.shutdown()


def broker(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 1883,
    kind: Annotated[Kind, typer.Option(help="embedded (in this process) or mosquitto.")] = Kind.embedded,
    data: Annotated[Path | None, typer.Option(help="Folder for Mosquitto's queue; default a temporary one.")] = None,
) -> None:
    """Run an MQTT broker for one machine until it is told to stop.

    It takes anonymous clients: frames are signed by their device. Beyond loopback use Mosquitto with TLS and passwords.
    """
    require_free_port(host, port)
    if kind is Kind.mosquitto:
        if data is not None:
            raise typer.Exit(_run_mosquitto(host, port, data))
        with tempfile.TemporaryDirectory(prefix="waakzaam-broker-") as folder:
            raise typer.Exit(_run_mosquitto(host, port, Path(folder)))
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    asyncio.run(_run_embedded(host, port))


def register(app: typer.Typer) -> None:
    app.command()(broker)
