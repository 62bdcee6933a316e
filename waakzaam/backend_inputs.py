"""Reads what `waakzaam backend` is given: files, addresses, secrets; each fault is one clear line."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from alarm_backend.people.vault import KEY_BYTES
from alarm_backend.police.cap import STATUSES
from alarm_backend.settings import Settings
from waakzaam.exits import BadInput

TOKEN_LENGTH_MIN = 32
SQLITE_URL, SQLITE_FILE = "sqlite:///", "backend.db"
NO_DATABASE, MAKE_ONE = "there is no database", "check --data and --database; waakzaam backend migrate makes a new one"


def require_database(data: Path, database: str | None) -> None:
    """Raises BadInput when SQLite's file is not there; asking SQLite itself would make it."""
    path = data / SQLITE_FILE if database is None else Path(database.removeprefix(SQLITE_URL))
    if (database is None or database.startswith(SQLITE_URL)) and not path.is_file():
        raise BadInput(str(path), NO_DATABASE, MAKE_ONE)


def settings_for(data: Path, database: str | None, token: str) -> Settings:
    """Settings with the data folder made; raises BadInput."""
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(str(data), f"cannot be used as data folder: {error.strerror}", "choose another --data") from None
    url = database or f"{SQLITE_URL}{(data / SQLITE_FILE).absolute()}"
    return Settings(database_url=url, data_folder=data, gateway_token=token)


def read_token(path: Path) -> str:
    """The gateway's bearer token from its file; raises BadInput."""
    remedy = f"make one: waakzaam backend token {path}"
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), f"cannot read the gateway's token: {error}", remedy) from None
    if len(token) < TOKEN_LENGTH_MIN or not token.isascii():
        raise BadInput(str(path), f"a token has at least {TOKEN_LENGTH_MIN} ASCII characters", remedy)
    return token


def read_orders(path: Path) -> dict[str, object]:
    """An orders document, read but not yet checked; raises BadInput."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(str(path), f"cannot read orders: {error.strerror}", "check --orders") from None
    except ValueError as error:
        raise BadInput(str(path), f"not JSON: {error}", "check --orders") from None
    if not isinstance(document, dict):
        raise BadInput(str(path), "must be an object with schema and orders")
    return document


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises BadInput when the port is taken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # asyncio sends small answers at once only on sockets that say they are TCP; without it each waits 40 ms
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(512)
    except OSError as error:
        reason = f"cannot listen there: {error.strerror or error}"
        raise BadInput(f"backend {host}:{port}", reason, "choose another with --port") from None
    return listener


def read_key(path: Path, made_by: str = "waakzaam backend identity-key FILE") -> bytes:
    """A key of 32 bytes from its file; raises BadInput."""
    remedy = f"make one: {made_by}"
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise BadInput(str(path), f"cannot read the key: {error}", remedy) from None
    if len(key) != KEY_BYTES:
        raise BadInput(str(path), f"must hold {2 * KEY_BYTES} hex digits", remedy)
    return key


def police_settings(url: str | None, secret_file: Path | None, status: str) -> dict[str, Any]:
    """The settings of the hand-over to the police; raises BadInput."""
    if status not in STATUSES:
        raise BadInput("--police-status", f"{status!r} is no CAP status", "one of " + ", ".join(STATUSES))
    if url is None:
        return {"police_status": status}
    if not url.startswith(("http://", "https://")):
        raise BadInput("--police-url", f"{url!r} is not an http(s) address")
    if secret_file is None:
        raise BadInput("--police-secret-file", "is needed with --police-url", "make one: waakzaam backend token FILE")
    return {"police_url": url, "police_secret": read_token(secret_file), "police_status": status}


def write_secret(file: Path, text: str) -> None:
    """Write a new file that only its owner can read; raises BadInput when it is there already."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadInput(str(file), "is there already", "remove it first, if nothing depends on it any more") from None
    except OSError as error:
        raise BadInput(str(file), f"cannot write: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as sink:
        sink.write(text + "\n")
