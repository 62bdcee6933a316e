"""The bracelet under faults and power cuts: a sample of the campaign that `waakzaam bench bracelet` runs in full."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from waakzaam.benches import _bracelet_boards as boards
from waakzaam.benches import _bracelet_campaign as campaign
from waakzaam.benches import _bracelet_lives as lives
from waakzaam.benches import bracelet as bench
from waakzaam.rigs import power_cuts
from waakzaam.rigs.branch import BranchFailed, Ended, Task, in_a_branch, in_processes

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


def _children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split())


def test_a_task_that_crashes_is_killed_or_never_ends_costs_its_own_outcome_only() -> None:
    def never() -> None:
        signal.pause()

    tasks = [
        Task("crashes", lambda: 1 // 0, 30.0),
        Task("is killed", lambda: os.kill(os.getpid(), signal.SIGKILL), 30.0),
        Task("never ends", never, 0.3),
        Task("ends", lambda: "x" * 300_000, 30.0),
    ]
    before = _children()
    ended = {one.task.name: one for one in in_processes(tasks, 2)}
    assert ended["crashes"].failed.startswith("ZeroDivisionError")
    assert "SIGKILL" in ended["is killed"].failed
    assert ended["never ends"].failed == "not over after 0.3 s"
    assert len(ended["ends"].came) == 300_000
    assert _children() <= before  # none is left behind; those of other tests are not looked at


def test_a_copy_that_computes_for_ever_is_ended_by_its_limit_of_cpu_time() -> None:
    def spin() -> None:
        while True:
            pass

    (ended,) = in_processes([Task("spins", spin, 1.0)], 1)
    assert "SIGXCPU" in ended.failed or "not over" in ended.failed


def test_a_board_that_says_nothing_is_a_missed_figure_with_its_reason_and_no_more(tmp_path: Path) -> None:
    tasks = boards.live_tasks(tmp_path)
    figures = boards.live_figures([Ended(task, failed="AssertionError: said nothing") for task in tasks])
    names = [figure.name for figure in figures]
    assert len(names) == len(set(names)) == 11
    assert all(figure.met is False for figure in figures)
    assert all("said nothing" in str(figure.detail) for figure in figures if figure.value is None)
    (cut, _) = [boards.cut_figure(Ended(task, failed="TimeoutError")) for task in boards.cut_tasks(tmp_path, 1)]
    assert (cut.met, cut.detail) == (False, {"why": "TimeoutError"})


def test_scenes_and_lives_that_do_not_end_are_missed_figures_beside_those_of_the_others() -> None:
    life = [lives.Cycle(lives.Life("colour", "hard", 0, 1), 0, True, "positive", "", "positive", "", "replace", "")]
    silent = Ended(Task("silent", lambda: None, 1.0), failed="killed")
    figures = {one.name: one for one in bench._lives_figures([Ended(silent.task, life), silent], quick=False)}
    assert figures["lives that crashed or did not end"].met is False
    assert figures[lives.ERROR_RATE].met
    assert bench._lives_figures([silent], quick=False)[1].met is False
    played = {one.name: one for one in bench._campaign_figures([silent], 10, SEED)}
    assert played["drink tests played with a fault each"].met is False
    assert played["scenes that crashed or did not end"].met is False


def test_a_life_whose_bracelet_tells_nothing_counts_the_test_as_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bracelet = lives.Bracelet(lives.Life("colour", "hard", 0, SEED), tmp_path / "worn", None)
    monkeypatch.setattr(lives, "LIMIT_S", 0.1)
    verdict, reason, _ = bracelet.test("lager", {}, 22.0, "silent")
    assert verdict == ""
    assert reason.startswith("AssertionError: nothing told")


@pytest.mark.campaign
def test_the_campaign_of_two_thousand_faults() -> None:
    wrong = [one for one in campaign.run(2_000, SEED, 2) if one.wrong]
    assert not wrong, wrong[:5]


@pytest.mark.needs("vm")
def test_a_power_cut_in_any_sampled_write_loses_no_record_that_was_told(tmp_path: Path) -> None:
    cuts = power_cuts.every_write(tmp_path, stride=6)
    assert cuts.cuts > 8
    assert not cuts.wrong
