"""The bracelet under faults and power cuts: a sample of the campaign that `waakzaam bench bracelet` runs in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from waakzaam.benches import _bracelet_campaign as campaign
from waakzaam.rigs import power_cuts
from waakzaam.rigs.bracelet import ketamine_calibration

SEED = 3
SAMPLE = ("lpdac_frozen_briefly", "host_stall", "strip_loose", "strip_bridged_weakly", "mosi_flips", "half_wet")


@pytest.mark.parametrize("name", SAMPLE)
def test_a_fault_never_turns_a_spiked_drink_into_nothing_found(name: str, tmp_path: Path) -> None:
    document = ketamine_calibration()
    number = campaign.NAMES.index(name)
    outcome = campaign.one_test(number, SEED, document, tmp_path)
    assert not outcome.wrong, f"replay: one_test({number}, {SEED}): {outcome}"


@pytest.mark.campaign
def test_the_campaign_of_two_thousand_faults(tmp_path: Path) -> None:
    document = ketamine_calibration()
    wrong = [one for one in campaign.run(2_000, SEED, document, 2) if one.wrong]
    assert not wrong, wrong[:5]


@pytest.mark.needs("vm")
def test_a_power_cut_in_any_sampled_write_loses_no_record_that_was_told(tmp_path: Path) -> None:
    cuts = power_cuts.every_write(tmp_path, stride=6)
    assert cuts.cuts > 8
    assert not cuts.wrong
