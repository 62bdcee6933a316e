"""Reads one JSON value at a time out of an untrusted document, with the path in every complaint."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from gateway.contract.errors import OrdersInvalid

TEXT_LENGTH_MAX = 200
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")


def member(document: dict[str, Any], key: str, path: str) -> Any:
    """The member `key` of `document`; raises OrdersInvalid when it is missing."""
    if key not in document:
        raise OrdersInvalid(f"{path}.{key}", "missing")
    return document[key]


def mapping(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise OrdersInvalid(path, f"must be an object, is {_kind(value)}")
    return value


def sequence(value: Any, path: str, at_least: int = 0, at_most: int = 10_000_000) -> list[Any]:
    if not isinstance(value, list):
        raise OrdersInvalid(path, f"must be a list, is {_kind(value)}")
    if not at_least <= len(value) <= at_most:
        raise OrdersInvalid(path, f"must have {at_least} to {at_most} entries, has {len(value)}")
    return value


def text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > TEXT_LENGTH_MAX:
        raise OrdersInvalid(path, f"must be a text of 1 to {TEXT_LENGTH_MAX} characters")
    return value


def identifier(value: Any, path: str) -> str:
    """An identifier: letters, digits and `._:/-`, at most 64, as a topic or a file name can carry it."""
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise OrdersInvalid(path, f"{value!r} is not an identifier (letters, digits and ._:/- , at most 64)")
    return value


def number(value: Any, path: str, low: float, high: float) -> float:
    """A finite number in [low, high]; booleans and texts are refused."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise OrdersInvalid(path, f"must be a number, is {_kind(value)}")
    if not math.isfinite(value) or not low <= value <= high:
        raise OrdersInvalid(path, f"{value} is outside {low:g} to {high:g}")
    return float(value)


def integer(value: Any, path: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise OrdersInvalid(path, f"must be a whole number, is {_kind(value)}")
    if not low <= value <= high:
        raise OrdersInvalid(path, f"{value} is outside {low} to {high}")
    return value


def unix_ms_of(value: str) -> int:
    """Unix milliseconds of an RFC 3339 time with offset; raises ValueError with the reason."""
    if not RFC3339.fullmatch(value):
        raise ValueError(f"{value!r} is not an RFC 3339 time with offset, such as 2026-01-01T00:00:00Z")
    moment = datetime.fromisoformat(value.upper().replace(" ", "T"))
    return round(moment.timestamp() * 1000)


def instant(value: Any, path: str) -> int:
    """Unix milliseconds of an RFC 3339 time with offset."""
    if not isinstance(value, str):
        raise OrdersInvalid(path, f"must be a time, is {_kind(value)}")
    try:
        return unix_ms_of(value)
    except (ValueError, OverflowError) as error:
        raise OrdersInvalid(path, str(error)) from None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
