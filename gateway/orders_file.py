"""Reads orders.json from disk, again when it has changed."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.contract import orders
from gateway.contract.errors import OrdersInvalid
from gateway.contract.orders import Order
from gateway.errors import FileUnreadable

BYTES_MAX = 2_000_000_000
Stamp = tuple[int, int]


def read(path: Path) -> tuple[Order, ...]:
    """The orders of a file; raises FileUnreadable naming the file and the place in it."""
    try:
        raw = path.read_bytes()
        document = json.loads(raw)
    except OSError as error:
        raise FileUnreadable(str(path), error.strerror or str(error), "name an orders.json that can be read") from None
    except UnicodeDecodeError:
        raise FileUnreadable(str(path), "is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise FileUnreadable(f"{path}:{error.lineno}", f"not JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise FileUnreadable(str(path), "not usable JSON: nested too deeply") from None
    try:
        return orders.parse(document)
    except OrdersInvalid as error:
        raise FileUnreadable(f"{path}: {error.path}", error.reason) from None


class OrdersFile:
    """The orders of a file as they are now. All workers of a process share one reading of each state of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: Stamp | None = None
        self._orders: tuple[Order, ...] = ()
        self._fault: FileUnreadable | None = None

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
