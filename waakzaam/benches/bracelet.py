"""`waakzaam bench bracelet`: the drink tester's promises, measured on its own firmware.

The fault campaign and the replay run on CPython on a virtual clock (the same firmware code, register simulators); heap,
times and power cuts in the MicroPython VM, which is absent from the report where no VM can be had.
"""

from __future__ import annotations

import collections
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from firmware.bracelet import telling
from simulators.strip.colour import ColourStrip
from simulators.strip.panel import swv_strips
from simulators.virtual_board.firmware_image import compile_tree
from waakzaam import machine
from waakzaam.benches import _bracelet_campaign as campaign
from waakzaam.benches import _bracelet_lives as lives
from waakzaam.benches import _bracelet_sleep as sleep
from waakzaam.benches.report import Figure, Report, at_least, at_most
from waakzaam.board_worlds import STRIPS
from waakzaam.hardware import power
from waakzaam.rigs import power_cuts, update_cuts
from waakzaam.rigs.bracelet import ROOT, colour_calibration, hurried, ketamine_calibration
from waakzaam.rigs.bracelet_board import BraceletBoard, board_of, one_dose

TESTS = 10_000
TESTS_QUICK = 80
REPLAYS = 1_000
CUT_STRIDE_QUICK = 9
SPIKED_MOL_L = 1e-3
GHB_MOL_L = 0.1
AWAITED: dict[str, Any] = {"from": "change_strip", "to": "await_strip"}
CHECKED: dict[str, Any] = {"from": "check_strip"}
HEAP_FREE_MIN = 20 * 1024
IMAGE_MAX_KB = 256


def _campaign_figures(tests: int, seed: int) -> list[Figure]:
    begun = time.monotonic()
    outcomes = list(campaign.run(tests, seed, os.cpu_count() or 1))
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
        Figure("wall time of the campaign", time.monotonic() - begun, "s"),
    ]


def _two_strip_figures(folder: Path, ketamine: Path) -> list[Figure]:
    """Both kinds of strip in one test in the VM; the pads' chemistry is over at once, nothing else is changed."""
    folder.mkdir()
    colour = folder / "colour.json"
    colour.write_text(json.dumps(hurried(colour_calibration())), encoding="utf-8")
    wearer = BraceletBoard(folder, ketamine, colour)
    with wearer.board:
        wearer.said("start")
        wearer.world.insert_strip()
        wearer.said("state", to="await_wetting")
        wearer.world.dip("lager", {})
        wearer.said("state", to="change_strip")
        wearer.world.remove_strip()
        wearer.said("state", **AWAITED)
        wearer.world.insert_pads(ColourStrip("lager", {"GHB": GHB_MOL_L}, seed="bench"))
        begun = wearer.said("state", times=2, **CHECKED)
        if begun["event"] == "ready":
            wearer.world.dip_pads(since_s=700.0)
        ended = wearer.said("tell")
        verdict = ended["verdict"]
        told = wearer.said("state", to="tell")
        due = wearer.said("state", to="measure", times=2) if begun["event"] == "ready" else told
        finished = wearer.said("finished")
    return [
        Figure(
            "verdict of two strips on a spiked drink in the VM",
            verdict,
            "",
            "positive",
            verdict == "positive",
            {"reason": ended["reason"]},
        ),
        at_least(
            "heap free at the worst moment of a test with two strips",
            finished["heap_free_min"],
            HEAP_FREE_MIN,
            "bytes",
            during=finished["heap_least_during"],
        ),
        at_most("pads due to verdict, colour", (told["at_ms"] - due["at_ms"]) / 1000.0, 5.0, "s"),
    ]


def _every_strip_figures(folder: Path) -> list[Figure]:
    """A whole test of each voltammetric strip in the VM, provisioned as for a wearer, on a spiked drink."""
    verdicts: dict[str, Any] = {}
    free: dict[str, int] = {}
    during: dict[str, str] = {}
    at_start: dict[str, int] = {}
    implementation = ""
    for name in sorted(strip.name for strip in swv_strips(STRIPS)):
        wearer = board_of(name, folder / name)
        with wearer.board:
            start = wearer.said("start")
            wearer.world.insert_strip()
            wearer.said("state", to="await_wetting")
            wearer.world.dip("lager", one_dose(name))
            verdicts[name] = wearer.said("tell", timeout_s=120)["verdict"]
            finished = wearer.said("finished")
        free[name], during[name] = finished["heap_free_min"], finished["heap_least_during"]
        at_start[name], implementation = start["heap_free"], start["implementation"]
    worst = min(free, key=lambda name: free[name])
    return [
        at_most(
            "strips that give no verdict in the VM",
            sum(verdict == "invalid" for verdict in verdicts.values()),
            0,
            f"of {len(verdicts)}",
            verdicts=verdicts,
        ),
        at_least(
            "heap free at the worst moment of a test, 110 KB VM",
            free[worst],
            HEAP_FREE_MIN,
            "bytes",
            strip=worst,
            by_strip=free,
            during=during,
            at_start=at_start,
            implementation=implementation,
        ),
    ]


def _vm_figures(folder: Path, document: dict[str, Any], stride: int) -> list[Figure]:
    calibration = folder / "cal.json"
    calibration.write_text(json.dumps(document), encoding="utf-8")
    wearer = BraceletBoard(folder, calibration)
    with wearer.board:
        wearer.said("start")
        wearer.world.insert_strip()
        ready = wearer.said("state", to="await_wetting")
        woken = wearer.said("state", to="self_test")
        wearer.world.dip("lager", {"ketamine": SPIKED_MOL_L})
        wet = wearer.said("state", to="incubate")
        told = wearer.said("state", to="tell")
        verdict = wearer.said("tell")["verdict"]
        wearer.said("finished")
        wearer.world.remove_strip()
        rest = wearer.said("state", to="asleep")
        tired = wearer.said("state", to="standby")
    wake_s = (ready["at_ms"] - woken["at_ms"]) / 1000.0
    verdict_s = (told["at_ms"] - wet["at_ms"]) / 1000.0
    tell_s = telling.duration_ms(telling.pattern_of("positive")) / 1000.0
    slept = sleep.measured(folder, calibration)
    lasted = {"prepare and decide": wake_s, "wait for the drink": 0.0, "measure": verdict_s, "tell": tell_s}
    lasted.update({"until it sleeps": (tired["at_ms"] - rest["at_ms"]) / 1000.0, "glance": slept.glance_s})
    budget = power.budget(power.document(), lasted)
    new, *worn = budget.lives
    try:
        two_strips = _two_strip_figures(folder / "two", calibration)
    except (
        AssertionError
    ) as error:  # the bracelet said something else than it should: the rest is measured all the same
        last = str(error).splitlines()[-3:]
        two_strips = [
            Figure("verdict of two strips on a spiked drink in the VM", None, "", "positive", False, {"said": last})
        ]
    cuts = power_cuts.every_write(folder, stride)
    vm = machine.find_vm()
    assert vm is not None  # the caller has looked
    update = update_cuts.every_write(folder, vm, stride)
    return [
        Figure("verdict on a spiked drink in the VM", verdict, "", "positive", verdict == "positive"),
        *_every_strip_figures(folder / "strips"),
        at_most("wake to ready, out of deep sleep", slept.ready_s, 2.0, "s", self_test_to_ready_s=wake_s),
        at_most("chips not at rest in deep sleep", len(slept.not_at_rest), 0, "", not_at_rest=slept.not_at_rest),
        at_most("strip wet to verdict, voltammetry", verdict_s, 30.0, "s"),
        *two_strips,
        at_most("records lost by a power cut after they were told", len(cuts.wrong), 0, f"in {cuts.cuts} cuts"),
        at_most("boards not bootable after a power cut in an update", len(update.wrong), 0, f"in {update.cuts} cuts"),
        at_least(
            "battery: standby",
            new.standby_days,
            7.0,
            "days",
            current_ua=budget.standby_ua,
            worn=[vars(w) for w in worn],
        ),
        at_least("battery: tests per charge", new.tests_per_charge, 30.0, "tests", charge_mah=budget.test_mah),
    ]


def _image_figure() -> Figure:
    parts = ("wire", "detection", "drivers", "boards", "bracelet")
    image = compile_tree(ROOT / "firmware", "xtensawin")
    sizes = {part: sum(len(v) for k, v in image.items() if f"/firmware/{part}/" in k) for part in parts}
    return at_most("bracelet's firmware as .mpy (xtensawin)", sum(sizes.values()) / 1024, IMAGE_MAX_KB, "KB", **sizes)


def run(seed: int, quick: bool) -> Report:
    """Measure everything; without a VM its figures are missing from the report and `vm` says so."""
    tests = TESTS_QUICK if quick else TESTS
    has_vm = machine.find_vm() is not None
    with tempfile.TemporaryDirectory(prefix="waakzaam-bench-") as scratch:
        folder = Path(scratch)
        document = ketamine_calibration()
        figures = _campaign_figures(tests, seed)
        figures += lives.figures(seed, quick, os.cpu_count() or 1)
        figures.append(_image_figure())
        if has_vm:
            figures += _vm_figures(folder, document, CUT_STRIDE_QUICK if quick else 1)
    return Report("bracelet", seed, {"tests": tests, "strip": "ketamine_screen", "vm": has_vm}, tuple(figures))
