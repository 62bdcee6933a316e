"""Whether a bracelet's records are all there: each sealed record names the hash of the one before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from firmware.wire.record import GENESIS_SHA256
from sensor_models.field_log import FieldTest


def missing_records(tests: Sequence[FieldTest]) -> dict[str, Any]:
    """Places where a record before one of these is absent, and where two records claim the same one before them.

    The earliest record of a device may follow others that its memory no longer held: that is `begins_later`, not a gap.
    Records without a chain (made by other tools) are only counted.
    """
    gaps: list[str] = []
    forks: list[str] = []
    begins_later = unchained = 0
    by_device: dict[str, list[FieldTest]] = {}
    for one in tests:
        if one.previous_sha256:
            by_device.setdefault(one.device_id, []).append(one)
        else:
            unchained += 1
    for records in by_device.values():
        known = {one.sha256 for one in records}
        orphans = [r for r in records if r.previous_sha256 != GENESIS_SHA256 and r.previous_sha256 not in known]
        begun = any(one.previous_sha256 == GENESIS_SHA256 for one in records)
        if orphans and not begun:
            # Times can be unset on a board without a clock; then the first line of the log is the earliest.
            earliest = min(orphans, key=lambda one: one.time)
            orphans = [one for one in orphans if one is not earliest]
            begins_later += 1
        gaps += [one.where for one in orphans]
        claimed = Counter(one.previous_sha256 for one in records)
        forks += [one.where for one in records if claimed[one.previous_sha256] > 1]
    return {"gaps": sorted(gaps), "forks": sorted(forks), "begins_later": begins_later, "not_chained": unchained}
