"""Reads orders.json from disk, again when it has changed."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from gateway.contract import orders
from gateway.contract.errors import OrdersInvalid
from gateway.contract.orders import Order
from gateway.errors import FileUnreadable

BYTES_MAX = 2_000_000_000
Stamp = tuple[int, int]


@contextmanager
def nothing_is_garbage() -> Iterator[None]:
    """Pauses the collector where much is read that stays: it would look through all of it again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()
            gc.enable()


class Loaded(NamedTuple):
    """An orders file as bytes, as a document and as orders, all of one reading."""

    raw: bytes
    document: dict[str, Any]
    orders: tuple[Order, ...]


def read(path: Path) -> tuple[Order, ...]:
    """The orders of a file; raises FileUnreadable naming the file and the place in it."""
    return load(path).orders


def load(path: Path) -> Loaded:
    """The orders of a file and what they were read from; raises FileUnreadable naming the file and the place in it."""
    with nothing_is_garbage():
        return _load(path)


def _load(path: Path) -> Loaded:
    try:
        raw = path.read_bytes()
        document = _document(raw)
    except OSError as error:
        raise FileUnreadable(str(path), error.strerror or str(error), "name an orders.json that can be read") from None
    except UnicodeDecodeError:
        raise FileUnreadable(str(path), "is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise FileUnreadable(f"{path}:{error.lineno}", f"not JSON: {error.msg} (column {error.colno})") from None
    except ValueError as error:  # A number of more digits than can be read.
        raise FileUnreadable(str(path), f"not usable JSON: {error}") from None
    except RecursionError:
        raise FileUnreadable(str(path), "not usable JSON: nested too deeply") from None
    try:
        return Loaded(raw, document, orders.parse(document))
    except OrdersInvalid as error:
        raise FileUnreadable(f"{path}: {error.path}", error.reason) from None


def _document(raw: bytes) -> Any:
    """What the JSON says; raises what `json.loads` raises, which names a fault by its line."""
    try:
        return from_json(raw)
    except ValueError:
        return json.loads(raw)


class OrdersFile:
    """The orders of a file as they are now. All workers of a process share one reading of each state of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: Stamp | None = None
        self._orders: tuple[Order, ...] = ()
        self._fault: FileUnreadable | None = None

    def expect(self, stamp: Stamp, known: tuple[Order, ...]) -> None:
        """Whoever writes the file has these orders already: they need not be read once more."""
        self._orders, self._fault = known, None
        self._stamp = stamp

    def stamp(self) -> Stamp:
        """Changes when the file changes; raises OSError when it is not there."""
        status = self.path.stat()
        return status.st_mtime_ns, status.st_size

    def read(self) -> tuple[Order, ...]:
        """Raises FileUnreadable, again and again while the file stays as it is."""
        stamp = self.stamp() if self.path.exists() else None
        if stamp is None or stamp != self._stamp:
            self._stamp, self._fault, self._orders = stamp, None, ()
            try:
                self._orders = read(self.path)
            except FileUnreadable as error:
                self._fault = error
        if self._fault is not None:
            raise self._fault
        return self._orders
