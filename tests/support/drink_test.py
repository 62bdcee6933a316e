"""A sealed drink-test record, as a bracelet writes it."""

from __future__ import annotations

import itertools

from firmware.wire import record

KEY = bytes(range(32))
_numbers = itertools.count(1)


def sealed_line(
    verdict: str, reason: str, drink: str = "cola", analyte: str = "ketamine", time: str = "2026-11-21T23:10:04Z"
) -> str:
    """One line with a fresh record id."""
    fields = {
        "record_id": f"brc-1-{next(_numbers):06d}",
        "time": time,
        "device_id": "brc-1",
        "firmware_version": "0.1.0",
        "strip_lot": "L1",
        "drink_declared": drink,
        "volume_ml": 250,
        "verdict": verdict,
        "reason": reason,
        "analytes": [{"analyte": analyte, "verdict": verdict, "concentration_mol_l": 3.1e-4, "reason": reason}],
        "temperature_c": 21.5,
    }
    return str(record.seal(fields, record.GENESIS_SHA256, KEY))
