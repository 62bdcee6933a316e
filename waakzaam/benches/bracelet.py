"""`waakzaam bench bracelet`: the drink tester's promises, measured on its own firmware.

The fault campaign, the lives and the replay run on CPython on a virtual clock (the same firmware code, register
simulators); heap, times and power cuts in the MicroPython VM, which is absent from the report where no VM can be had.
Every piece runs in a process of its own: what crashes or hangs is a missed figure with its reason, and the rest is
measured all the same. Figures go to stderr as they come.
"""

from __future__ import annotations

import collections
import os
import sys
import tempfile
import time
from pathlib import Path

from simulators.virtual_board.firmware_image import compile_tree
from waakzaam import machine
from waakzaam.benches import _bracelet_boards as boards
from waakzaam.benches import _bracelet_campaign as campaign
from waakzaam.benches import _bracelet_lives as lives
from waakzaam.benches.report import Figure, Report, at_least, at_most, unmeasured
from waakzaam.rigs.bracelet import ROOT
from waakzaam.rigs.branch import Ended, in_processes

TESTS = 10_000
TESTS_QUICK = 80
REPLAYS = 1_000
CUT_STRIDE_QUICK = 9
IMAGE_MAX_KB = 256
SAID_EVERY_S = 20.0


def _say(line: str) -> None:
    print(f"bench bracelet: {line}", file=sys.stderr, flush=True)


def _told(figures: list[Figure]) -> list[Figure]:
    """These figures, shown as they are known: who stops the run has had them."""
    for one in figures:
        mark = {True: "met", False: "MISSED", None: ""}[one.met]
        why = f": {one.detail['why']}" if one.detail.get("why") else ""
        _say(f"{one.name} = {one.value} {one.unit} ({one.target}) {mark}{why}".replace("\n", " | "))
    return figures


def _failed(what: str, ended: list[Ended]) -> Figure:
    """How many of these tasks gave nothing."""
    silent = {one.task.name: one.failed for one in ended if one.failed}
    return at_most(f"{what} that crashed or did not end", len(silent), 0, f"of {len(ended)}", why=silent)


def _campaign_figures(ended: list[Ended], tests: int, seed: int) -> list[Figure]:
    outcomes: list[campaign.Outcome] = [one for scene in ended if not scene.failed for one in scene.came]
    spiked = [one for one in outcomes if one.spiked]
    wrong = [one for one in outcomes if one.wrong]
    missed = [one for one in spiked if one.verdict == "negative"]
    replayed = [one for one in outcomes if one.replayed is not None]
    table: dict[str, dict[str, dict[str, int]]] = {}
    for one in outcomes:
        if one.spiked:
            counted = table.setdefault(one.kind, {}).setdefault(one.fault, {})
            counted[one.verdict] = counted.get(one.verdict, 0) + 1
    played = collections.Counter(one.kind for one in outcomes)
    return [
        at_least(
            "drink tests played with a fault each",
            len(outcomes),
            tests,
            "tests",
            seed=seed,
            by_strip=dict(played),
            faults_by_strip={kind: len(names) for kind, names in campaign.NAMES.items()},
            scenes=len({(one.kind, one.scene) for one in outcomes}),
        ),
        at_most(
            "negative on a spiked drink",
            len(missed),
            0,
            f"of {len(spiked)}",
            verdicts_on_spiked_drinks_by_fault=table,
            tests=[one.replay for one in missed],
        ),
        at_most(
            "tests without a told, logged, typed end",
            len(wrong),
            0,
            f"of {len(outcomes)}",
            first=[{"test": one.replay, "wrong": one.wrong} for one in wrong[:10]],
        ),
        at_most(
            "records that do not judge again to what they say",
            sum(one.replayed is False for one in replayed),
            0,
            f"of {len(replayed)}",
        ),
        at_least(
            "records judged again as `waakzaam verify` does",
            len(replayed),
            min(REPLAYS, tests // 10),
            "records",
            by_strip=dict(collections.Counter(one.kind for one in replayed)),
        ),
        _failed("scenes", ended),
    ]


def _lives_figures(ended: list[Ended], quick: bool) -> list[Figure]:
    failed = _failed("lives", ended)
    found = [one.came for one in ended if not one.failed]
    if not found:
        return [failed, unmeasured(lives.ERROR_RATE, "", "no life ended")]
    return [failed, *lives.figures(found, quick)]


def _image_figure() -> Figure:
    parts = ("wire", "detection", "drivers", "boards", "bracelet")
    image = compile_tree(ROOT / "firmware", "xtensawin")
    sizes = {part: sum(len(v) for k, v in image.items() if f"/firmware/{part}/" in k) for part in parts}
    return at_most("bracelet's firmware as .mpy (xtensawin)", sum(sizes.values()) / 1024, IMAGE_MAX_KB, "KB", **sizes)


def _on_a_virtual_clock(seed: int, quick: bool, folder: Path, has_vm: bool) -> list[Figure]:
    """Lives, power cuts and campaign: all of it computes, so a process for each core, the longest pieces first."""
    tests = TESTS_QUICK if quick else TESTS
    plan = {"lives": lives.tasks(seed, quick), "scenes": campaign.tasks(tests, seed)}
    cuts = boards.cut_tasks(folder, CUT_STRIDE_QUICK if quick else 1) if has_vm else []
    figures: list[Figure] = []
    ended: dict[str, list[Ended]] = {name: [] for name in plan}
    kind_of = {task.name: name for name, tasks in plan.items() for task in tasks}
    begun = said = time.monotonic()
    played = 0
    for one in in_processes([*plan["lives"], *cuts, *plan["scenes"]], os.cpu_count() or 1):
        kind = kind_of.get(one.task.name)
        if kind is None:
            figures += _told([boards.cut_figure(one)])
            continue
        ended[kind].append(one)
        if one.failed:
            _say(f"{one.task.name}: {one.failed}")
        elif kind == "lives":
            errors = sum(not cycle.right for cycle in one.came[: lives.asked_at(one.came)])
            _say(f"{one.task.name}: {len(one.came)} tests, asked at {lives.asked_at(one.came)}, {errors} errors before")
        else:
            played += len(one.came)
        if kind == "lives" and len(ended[kind]) == len(plan[kind]):
            figures += _told(_lives_figures(ended[kind], quick))
        if kind == "scenes" and time.monotonic() - said >= SAID_EVERY_S:
            said = time.monotonic()
            wrong = sum(bool(test.wrong) for scene in ended[kind] if not scene.failed for test in scene.came)
            _say(f"{played} of {tests} tests with a fault, {wrong} wrong, {said - begun:.0f} s")
    figures += _told(_campaign_figures(ended["scenes"], tests, seed))
    return [*figures, Figure("wall time of lives, power cuts and campaign", time.monotonic() - begun, "s")]


def run(seed: int, quick: bool) -> Report:
    """Measure everything; without a VM its figures are missing from the report and `vm` says so."""
    has_vm = machine.find_vm() is not None
    with tempfile.TemporaryDirectory(prefix="waakzaam-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        figures = _told([_image_figure()])
        if has_vm:
            begun = time.monotonic()
            live = boards.live_tasks(folder)
            ended = []
            for one in in_processes(live, len(live)):
                ended.append(one)
                _say(f"board: {one.task.name}, {time.monotonic() - begun:.0f} s {one.failed}")
            figures += _told(boards.live_figures(ended))
            figures.append(Figure("wall time of the boards in real time", time.monotonic() - begun, "s"))
        figures += _on_a_virtual_clock(seed, quick, folder, has_vm)
    inputs = {"tests": TESTS_QUICK if quick else TESTS, "strip": "ketamine_screen", "vm": has_vm}
    return Report("bracelet", seed, inputs, tuple(figures))
