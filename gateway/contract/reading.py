"""Reads one JSON value at a time out of an untrusted document, with the path in every complaint.

A reader knows only its own place. The path is put together on the way out, when there is a complaint: a hundred
thousand orders without a fault spend nothing on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from gateway.contract.errors import OrdersInvalid

T = TypeVar("T")
NEEDED: Any = object()
NUMBERS = (float, int)
TEXT_LENGTH_MAX = 200
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")


def member(holder: Any, key: str | int, default: Any = NEEDED) -> Any:
    """What stands at `key` of a mapping or list; raises OrdersInvalid when it is missing and there is no default."""
    try:
        return holder[key]
    except LookupError:
        return _absent(key, default)


def _absent(key: str | int, default: Any) -> Any:
    if default is NEEDED:
        raise OrdersInvalid(_place(key), "missing") from None
    return default


def mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise OrdersInvalid("", f"must be an object, is {_kind(value)}")
    return value


def sequence(value: Any, at_least: int = 0, at_most: int = 10_000_000) -> list[Any]:
    if not isinstance(value, list):
        raise OrdersInvalid("", f"must be a list, is {_kind(value)}")
    if not at_least <= len(value) <= at_most:
        raise OrdersInvalid("", f"must have {at_least} to {at_most} entries, has {len(value)}")
    return value


def inside(read: Callable[..., T], holder: Any, key: str | int, *more: Any, default: Any = NEEDED) -> T:
    """What `read` makes of the value at `key`; a fault in it is named from here."""
    value = member(holder, key, default)
    try:
        return read(value, *more)
    except OrdersInvalid as error:
        raise error.within(_place(key)) from None


def each(read: Callable[[Any], T], value: Any, at_least: int = 0, at_most: int = 10_000_000) -> list[T]:
    """What `read` makes of each entry of a list; a fault in one is named with its number."""
    found: list[T] = []
    entries = sequence(value, at_least, at_most)
    try:
        for entry in entries:
            found.append(read(entry))
    except OrdersInvalid as error:
        raise error.within(f"[{len(found)}]") from None
    return found


def text(holder: Any, key: str | int, default: Any = NEEDED) -> str:
    value = member(holder, key, default)
    if not isinstance(value, str) or not value.strip() or len(value) > TEXT_LENGTH_MAX:
        raise OrdersInvalid(_place(key), f"must be a text of 1 to {TEXT_LENGTH_MAX} characters")
    return value


def identifier(holder: Any, key: str | int) -> str:
    """An identifier: letters, digits and `._:/-`, at most 64, as a topic or a file name can carry it."""
    try:
        value = holder[key]
    except LookupError:
        value = _absent(key, NEEDED)
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise OrdersInvalid(_place(key), f"{value!r} is not an identifier (letters, digits and ._:/- , at most 64)")
    return value


def number(holder: Any, key: str | int, low: float, high: float, default: Any = NEEDED) -> float:
    """A finite number in [low, high]; booleans and texts are refused."""
    try:
        value = holder[key]
    except LookupError:
        value = _absent(key, default)
    if type(value) not in NUMBERS:
        raise OrdersInvalid(_place(key), f"must be a number, is {_kind(value)}")
    if not low <= value <= high:  # NaN is in no range, an infinite one not in one that ends
        raise OrdersInvalid(_place(key), f"{value} is outside {low:g} to {high:g}")
    return float(value)


def integer(holder: Any, key: str | int, low: int, high: int) -> int:
    value = member(holder, key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise OrdersInvalid(_place(key), f"must be a whole number, is {_kind(value)}")
    if not low <= value <= high:
        raise OrdersInvalid(_place(key), f"{value} is outside {low} to {high}")
    return value


def unix_ms_of(value: str) -> int:
    """Unix milliseconds of an RFC 3339 time with offset; raises ValueError with the reason."""
    if not RFC3339.fullmatch(value):
        raise ValueError(f"{value!r} is not an RFC 3339 time with offset, such as 2026-01-01T00:00:00Z")
    moment = datetime.fromisoformat(value.upper().replace(" ", "T"))
    return round(moment.timestamp() * 1000)


_known_instant = lru_cache(maxsize=4096)(unix_ms_of)  # Orders begin and end on the hour: the same times come back.


def instant(holder: Any, key: str | int) -> int:
    """Unix milliseconds of an RFC 3339 time with offset."""
    value = member(holder, key)
    if not isinstance(value, str):
        raise OrdersInvalid(_place(key), f"must be a time, is {_kind(value)}")
    try:
        return _known_instant(value)
    except (ValueError, OverflowError) as error:
        raise OrdersInvalid(_place(key), str(error)) from None


def _place(key: str | int) -> str:
    return key if isinstance(key, str) else f"[{key}]"


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
