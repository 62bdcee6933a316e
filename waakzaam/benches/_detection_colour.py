"""The colour panel: drinks x GHB and GBL x temperature x lots, beside a clean pour; and what pH alone does."""

from __future__ import annotations

from sensor_models.colour_scans import Reading, RecordedColourTest
from simulators.strip.colour_readings import CHANNELS, ColourTest, PadReading


def _readings(found: tuple[PadReading, ...]) -> list[Reading]:
    return [
        Reading(
            one.pad,
            one.time_s,
            {c: float(v) for c, v in zip(CHANNELS, one.lit, strict=True)},
            {c: float(v) for c, v in zip(CHANNELS, one.unlit, strict=True)},
            one.saturated,
        )
        for one in found
    ]


def recorded(test: ColourTest, *, known: bool) -> RecordedColourTest:
    """A simulated test as a recorded one; `known` with its content."""
    analyte, amount = next(iter(test.spikes_mol_l.items()), ("", 0.0))
    return RecordedColourTest(
        scan_id=test.test_id,
        lot=test.lot,
        matrix=test.matrix,
        analyte=analyte if known else "",
        concentration_mol_l=amount if known else None,
        temperature_c=test.temperature_c,
        readings=_readings(test.readings),
        clean=None if test.clean_pour is None else _readings(test.clean_pour),
    )
