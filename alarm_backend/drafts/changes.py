"""What differs between two versions of an order, entry by entry; pure.

Zones, people and exceptions are matched by their names, so that moving one in its list is no change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

NAMES = {"zones": "zone_id", "protected": "person_id", "exceptions": "exception_id"}
WHOLE = frozenset({"shape", "schedule"})
"""Compared and shown as one thing: a moved corner is a changed shape."""
SILENT = frozenset({"version"})


@dataclass(frozen=True)
class Change:
    """One difference. `before` or `after` is None where there is nothing on that side."""

    path: str
    before: Any
    after: Any


def between(before: dict[str, Any] | None, after: dict[str, Any]) -> list[Change]:
    """The differences, in the order of the new version, what was taken away last. None = there was nothing before."""
    old, new = dict(_leaves(before or {}, "")), dict(_leaves(after, ""))
    paths = [*new, *(path for path in old if path not in new)]
    return [Change(path, old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path)]


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and path.rpartition(".")[2] not in WHOLE:
        for key, entry in value.items():
            if path or key not in SILENT:
                yield from _leaves(entry, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and (name := NAMES.get(path)) is not None:
        for number, entry in enumerate(value):
            known = isinstance(entry, dict) and isinstance(entry.get(name), str)
            label = entry[name] if known else str(number)
            rest = {key: item for key, item in entry.items() if key != name} if known else entry
            yield f"{path}[{label}]", label
            yield from _leaves(rest, f"{path}[{label}]")
    else:
        yield path, value
