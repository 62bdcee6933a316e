"""Rows of a table gathered by their scan; a bad row spoils its own scan, is named, and leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sensor_models.delimited_text import Table
from sensor_models.errors import MalformedFile

Content = TypeVar("Content")


@dataclass
class Group(Generic[Content]):
    """What belongs to one scan; `fault` is the first thing found wrong with it."""

    scan_id: str
    labels: tuple[str, ...]
    line: int
    content: Content
    fault: MalformedFile | None = None


def grouped(
    table: Table, names: Sequence[str], start: Callable[[], Content], take: Callable[[Content, list[str]], None]
) -> tuple[list[Group[Content]], list[MalformedFile]]:
    """(groups in order of first appearance, faults of rows that belong to no scan).

    `names` are the columns that must be the same in all rows of a scan; `take` adds a row to a group's content or
    raises MalformedFile.
    """
    at = {name: k for k, name in enumerate(table.header)}
    id_at = at["scan_id"]
    label_at = [at.get(name) for name in names]
    width = len(table.header)
    found: dict[str, Group[Content]] = {}
    lost: list[MalformedFile] = []
    for row in table.rows():
        scan_id = row[id_at].strip() if len(row) > id_at else ""
        group = found.get(scan_id)
        if group is not None and group.fault is not None:
            continue
        try:
            if len(row) != width:
                raise MalformedFile(table.file, table.line, "row", f"has {len(row)} fields, the header has {width}")
            if not scan_id:
                raise MalformedFile(table.file, table.line, "scan_id", "is empty")
            labels = tuple(row[k].strip() if k is not None else "" for k in label_at)
            if group is None:
                group = found[scan_id] = Group(scan_id, labels, table.line, start())
            if labels != group.labels:
                name = next(n for n, a, b in zip(names, labels, group.labels, strict=True) if a != b)
                reason = f"differs from line {group.line} of the same scan {scan_id!r}"
                raise MalformedFile(table.file, table.line, name, reason)
            take(group.content, row)
        except MalformedFile as fault:
            if not scan_id:
                lost.append(fault)
            elif group is None:
                found[scan_id] = Group(scan_id, (), table.line, start(), fault)
            else:
                group.fault = fault
    return list(found.values()), lost
