"""Every voltammetric strip on the simulated front end, real driver and state machine: judged as the host judges."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from firmware.wire.record import open_record
from simulators.strip import StripCell, load_strip
from simulators.strip.ageing import used_strip
from simulators.strip.chemistry import concentration_mol_l, doses_mg
from waakzaam.board_worlds import STRIPS
from waakzaam.cli import build
from waakzaam.provisioning import bracelet_settings
from waakzaam.rigs.bracelet import DEVICE_ID, KEY, BraceletBench
from waakzaam.strip_calibrations import path_of

# The ketamine strip is that of test_bracelet_on_its_simulators.py.
DRINK_OF = {
    "azomethine_screen": "cola",
    "nitro_screen": "white_wine",
    "oxidation_screen": "lager",
    "scopolamine_screen": "gin_tonic",
}
LOT = "L2"


def told_by_the_host(record: dict[str, Any], calibration: Path, folder: Path) -> dict[str, Any]:
    """What `waakzaam detect` makes of a record's trace."""
    trace = record["trace"]
    scans = folder / "scans.csv"
    with scans.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(("scan_id", "lot", "matrix", "potential_v", "forward_a", "reverse_a"))
        for row in zip(trace["potential_v"], trace["forward_a"], trace["reverse_a"], strict=True):
            out.writerow(("wrist", record["strip_lot"], record["drink_declared"], *row))
    result = CliRunner().invoke(
        build(), ["detect", "--calibration", str(calibration), "--scans", str(scans), "--json"], catch_exceptions=False
    )
    found = json.loads(result.stdout)
    lead: dict[str, Any] = (found if isinstance(found, list) else found["scans"])[0]
    return lead


@pytest.mark.parametrize("spiked", [False, True], ids=["clean", "spiked"])
@pytest.mark.parametrize("name", DRINK_OF)
def test_a_strip_is_read_and_judged_on_the_wrist_as_by_the_host(name: str, spiked: bool, tmp_path: Path) -> None:
    definition, calibration, drink = STRIPS / f"{name}.toml", path_of(name), DRINK_OF[name]
    strip = load_strip(definition)
    bench = BraceletBench(
        tmp_path,
        json.loads(calibration.read_text(encoding="utf-8")),
        **bracelet_settings(DEVICE_ID, KEY, definition),
        strip_lot=LOT,
        drink_declared=drink,
    )
    drug = strip.analytes[-1]
    spikes = {drug: concentration_mol_l(drug, doses_mg()[drug][0], strip.volume_ml)} if spiked else {}
    bench.insert(StripCell(drink, spikes, strip=strip, lot=LOT, seed=1, wet_at_us=bench.clock.now_us + 3e6))
    told = bench.run()
    assert told["verdict"] == ("positive" if spiked else "negative"), told
    record = open_record(bench.records()[0], bytes.fromhex(KEY))
    assert len(record["trace"]["potential_v"]) == strip.waveform.steps_v().size
    host = told_by_the_host(record, calibration, tmp_path)
    assert (host["verdict"], host["reason"]) == (told["verdict"], told["reason"])
    assert not bench.afe.chip.violations


def test_a_used_strip_is_told_by_its_washed_off_standard(tmp_path: Path) -> None:
    definition = STRIPS / "nitro_screen.toml"
    bench = BraceletBench(
        tmp_path,
        json.loads(path_of("nitro_screen").read_text(encoding="utf-8")),
        **bracelet_settings(DEVICE_ID, KEY, definition),
        drink_declared="cola",
    )
    used = used_strip("cola", {})
    bench.insert(
        StripCell("cola", {}, strip=load_strip(definition), condition=used, seed=1, wet_at_us=bench.clock.now_us + 3e6)
    )
    told = bench.run()
    assert told["verdict"] == "invalid"
    assert "internal standard" in told["reason"]
