"""The panel: balanced, seeded, fast."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from simulators.strip.chemistry import drinks
from simulators.strip.panel import LOTS, TEMPERATURES_C, Case, cases, main, swv_strips


@pytest.fixture(scope="module")
def panel(root: Path) -> list[Case]:
    strips = [s for s in swv_strips(root / "sensor_models/strips") if s.name in ("ketamine_screen", "nitro_screen")]
    return list(cases(strips, seed=3, repeats=1))


def test_every_combination_is_there_once(panel: list[Case]) -> None:
    drugs = {case.drug for case in panel}
    assert len(panel) == len(drugs) * len(drinks()) * len(TEMPERATURES_C) * len(LOTS) * 2
    assert max(Counter((c.drug, c.drink, c.temperature_c, c.lot, c.spiked) for c in panel).values()) == 1
    assert len({case.case_id for case in panel}) == len(panel)


def test_any_leading_part_is_a_fair_sample(panel: list[Case]) -> None:
    part = panel[:600]
    assert 0.4 < sum(case.spiked for case in part) / len(part) < 0.6
    assert {case.drink for case in part} == set(drinks())
    assert {case.lot for case in part} == set(LOTS)


def test_the_same_seed_gives_the_same_panel_and_the_same_scans(panel: list[Case], root: Path) -> None:
    strips = [s for s in swv_strips(root / "sensor_models/strips") if s.name in ("ketamine_screen", "nitro_screen")]
    again = list(itertools.islice(cases(strips, seed=3, repeats=1), 5))
    assert again == panel[:5]
    assert np.array_equal(again[0].scan().forward_a, panel[0].scan().forward_a)


def test_a_spiked_case_holds_the_incapacitating_dose_and_a_clean_one_none(panel: list[Case]) -> None:
    ketamine = [case for case in panel if case.drug == "ketamine"]
    assert {round(c.amount_mol_l * 1e6) for c in ketamine} == {0, 956}


def test_the_panel_is_fast_enough_to_run_whole(panel: list[Case]) -> None:
    for case in panel[:4]:
        case.scan()  # responses are solved once
    start = time.process_time()
    for case in panel[:200]:
        case.scan()
    assert (time.process_time() - start) / 200 * 20_000 < 240.0, "seconds for 20,000 scans"


def test_the_command_writes_the_first_part_and_names_a_folder_without_strips(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "panel.csv"
    only = tmp_path / "strips"
    only.mkdir()
    (only / "k.toml").write_bytes((root / "sensor_models/strips/ketamine_screen.toml").read_bytes())
    assert main(["--strips", str(only), "--out", str(out), "--tests", "4"]) == 0
    assert len({line.split(",")[0] for line in out.read_text().splitlines()[1:]}) == 4
    assert main(["--strips", str(tmp_path), "--out", str(out)]) == 2
