"""Reads orders.json from disk."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.contract import orders
from gateway.contract.errors import OrdersInvalid
from gateway.contract.orders import Order
from gateway.errors import FileUnreadable

BYTES_MAX = 2_000_000_000


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
