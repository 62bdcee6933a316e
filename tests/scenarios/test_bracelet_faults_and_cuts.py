"""The bracelet under faults and power cuts: a sample of the campaign that `waakzaam bench bracelet` runs in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from waakzaam.benches import _bracelet_campaign as campaign
from waakzaam.rigs import power_cuts
from waakzaam.rigs.branch import BranchFailed, in_a_branch

SEED = 3
SAMPLE = {
    "voltammetric": (
        "lpdac_frozen_briefly",
        "host_stall",
        "strip_loose",
        "strip_bridged_weakly",
        "mosi_flips",
        "half_wet",
    ),
    "colour": ("selector_stuck", "smux_hangs", "i2c_stuck", "spectrometer_flips_read", "lamp_changed", "brown_out"),
    "both": ("flash_refuses", "i2c_stuck_briefly"),
}


@pytest.mark.parametrize("kind", SAMPLE)
def test_a_fault_never_turns_a_spiked_drink_into_nothing_found(kind: str, tmp_path: Path) -> None:
    stage = campaign.Stage(campaign.Scene(kind, 2, SEED), tmp_path)
    wrong = [one for one in (stage.play("none"), *stage.play_all(SAMPLE[kind])) if one.wrong]
    assert not wrong, f"SEED = {SEED}; {[one.replay for one in wrong]}: {wrong}"


def test_a_scene_played_again_gives_the_same_outcome_with_and_without_remembered_physics(tmp_path: Path) -> None:
    scene = campaign.Scene("voltammetric", 1, SEED)
    stage = campaign.Stage(scene, tmp_path)
    first, again = stage.play("none"), stage.play("none")
    anew = campaign.play(scene, "none", tmp_path)
    assert (first.verdict, first.reason) == (again.verdict, again.reason) == (anew.verdict, anew.reason)


@pytest.mark.parametrize(("kind", "faults"), [("voltammetric", ("mosi_flips", "none")), ("colour", ("lamp_changed",))])
def test_a_fault_that_begins_in_a_copy_of_the_undisturbed_test_ends_as_in_a_test_of_its_own(
    kind: str, faults: tuple[str, ...], tmp_path: Path
) -> None:
    stage = campaign.Stage(campaign.Scene(kind, 3, SEED), tmp_path)
    stage.play("none")
    assert stage.play_all(faults) == [stage.play(fault) for fault in faults]


def test_an_action_in_a_branch_leaves_nothing_behind_and_its_failure_is_told(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("before")

    def act() -> str:
        there.write_text("after")
        (tmp_path / "new").write_text("new")
        return there.read_text()

    assert in_a_branch(tmp_path, act) == "after"
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert there.read_text() == "before"
    with pytest.raises(BranchFailed, match="ZeroDivisionError"):
        in_a_branch(tmp_path, lambda: 1 // 0)


@pytest.mark.campaign
def test_the_campaign_of_two_thousand_faults() -> None:
    wrong = [one for one in campaign.run(2_000, SEED, 2) if one.wrong]
    assert not wrong, wrong[:5]


@pytest.mark.needs("vm")
def test_a_power_cut_in_any_sampled_write_loses_no_record_that_was_told(tmp_path: Path) -> None:
    cuts = power_cuts.every_write(tmp_path, stride=6)
    assert cuts.cuts > 8
    assert not cuts.wrong
