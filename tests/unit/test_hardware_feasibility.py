"""The front end's page: what the AD5941 and the LMP91000 see, and numbers that are those of the equations."""

from __future__ import annotations

import math

import pytest

from tests.support.source_tree import ROOT
from waakzaam.hardware import feasibility

ROWS = feasibility.rows()


def test_the_ad5941_can_and_the_lmp91000_cannot_and_says_why_in_numbers() -> None:
    assert {row.drug for row in ROWS} >= {"ketamine", "MDMA", "flunitrazepam", "diazepam", "scopolamine"}
    for row in ROWS:
        assert row.findings["AD5941"].testable, row.findings["AD5941"].reasons
        other = row.findings["LMP91000"]
        assert not other.testable
        assert any("step of" in reason for reason in other.reasons)
        assert any("reaches -0.79 to 0.79 V" in reason for reason in other.reasons)


def test_the_dose_of_ketamine_gives_the_current_of_planar_diffusion() -> None:
    row = next(row for row in ROWS if row.strip.name == "ketamine_screen")
    dose_mol_m3 = 75e-3 / 237.73 / 330e-6  # 75 mg in 330 mL
    assert row.dose_mol_l[0] * 1e3 == pytest.approx(dose_mol_m3)
    cottrell = 96485.33 * 7.07e-6 * math.sqrt(6.5e-10 / (math.pi * 0.020)) * dose_mol_m3  # half period of 25 Hz
    assert row.peak_a[0] == pytest.approx(0.4 * cottrell, rel=1e-3)  # irreversible: 0.4 of Cottrell's current
    assert row.full_scale_a == pytest.approx(0.9 / 10_000)


def test_the_page_has_every_drug_of_every_strip_and_what_its_pulses_need() -> None:
    text = (ROOT / "docs/hardware/feasibility.md").read_text(encoding="utf-8")
    for row in ROWS:
        needs = f"{row.needs_v[0]:.2f} to {row.needs_v[1]:.2f}"
        assert f"| {row.drug} ({row.strip.name}) | {row.volume_ml:g} | {needs} |" in text, (
            "run `waakzaam hardware docs`"
        )
