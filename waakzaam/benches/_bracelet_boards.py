"""The bracelet's figures on boards: its firmware in the MicroPython VM, in real time, and under every power cut.

Each board is a task in a process of its own. One that says nothing, crashes or hangs costs the figures it was to give,
which the report then names as missed, with the reason.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware.bracelet import telling
from simulators.strip.colour import ColourStrip
from simulators.strip.panel import swv_strips
from waakzaam import machine
from waakzaam.benches import _bracelet_sleep as sleep
from waakzaam.benches.report import Figure, at_least, at_most, unmeasured
from waakzaam.board_worlds import STRIPS
from waakzaam.hardware import power
from waakzaam.rigs import power_cuts, update_cuts
from waakzaam.rigs.bracelet import colour_calibration, hurried, ketamine_calibration
from waakzaam.rigs.bracelet_board import BraceletBoard, board_of, one_dose
from waakzaam.rigs.branch import Ended, Task

SPIKED_MOL_L = 1e-3
GHB_MOL_L = 0.1
AWAITED: dict[str, Any] = {"from": "change_strip", "to": "await_strip"}
CHECKED: dict[str, Any] = {"from": "check_strip"}
HEAP_FREE_MIN = 20 * 1024
BOARD_LIMIT_S = 400.0  # many times the longest
CUTS_LIMIT_S = 600.0
ONE, SLEEP, TWO, RECORD_CUTS, UPDATE_CUTS = (
    "one strip",
    "deep sleep",
    "two strips",
    "cuts of a record",
    "cuts of an update",
)


@dataclass(frozen=True)
class OneStrip:
    """A whole test of the ketamine strip: its verdict, and how many seconds of the board's clock its parts took."""

    verdict: str
    wake_s: float
    verdict_s: float
    tired_s: float


@dataclass(frozen=True)
class Said:
    """A whole test of one strip of the panel: its verdict, and the heap that was free at the start and at the worst."""

    strip: str
    verdict: str
    free: int
    during: str
    at_start: int
    implementation: str


def _calibration(folder: Path) -> Path:
    folder.mkdir()
    calibration = folder / "cal.json"
    calibration.write_text(json.dumps(ketamine_calibration()), encoding="utf-8")
    return calibration


def _one_strip(folder: Path) -> OneStrip:
    wearer = BraceletBoard(folder, _calibration(folder))
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
    return OneStrip(
        verdict,
        (ready["at_ms"] - woken["at_ms"]) / 1000.0,
        (told["at_ms"] - wet["at_ms"]) / 1000.0,
        (tired["at_ms"] - rest["at_ms"]) / 1000.0,
    )


def _sleep(folder: Path) -> sleep.Slept:
    return sleep.measured(folder, _calibration(folder))


def _two_strips(folder: Path) -> list[Figure]:
    """Both kinds of strip in one test in the VM; the pads' chemistry is over at once, nothing else is changed."""
    ketamine = _calibration(folder)
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
        Figure(TWO_FIGURES[0][0], verdict, "", "positive", verdict == "positive", {"reason": ended["reason"]}),
        at_least(
            TWO_FIGURES[1][0],
            finished["heap_free_min"],
            HEAP_FREE_MIN,
            "bytes",
            during=finished["heap_least_during"],
        ),
        at_most(TWO_FIGURES[2][0], (told["at_ms"] - due["at_ms"]) / 1000.0, 5.0, "s"),
    ]


def _strip_of_the_panel(name: str, folder: Path) -> Said:
    """A whole test of a voltammetric strip in the VM, provisioned as for a wearer, on a spiked drink."""
    wearer = board_of(name, folder)
    with wearer.board:
        start = wearer.said("start")
        wearer.world.insert_strip()
        wearer.said("state", to="await_wetting")
        wearer.world.dip("lager", one_dose(name))
        verdict = wearer.said("tell", timeout_s=120)["verdict"]
        finished = wearer.said("finished")
    return Said(
        name,
        verdict,
        finished["heap_free_min"],
        finished["heap_least_during"],
        start["heap_free"],
        start["implementation"],
    )


def _record_cuts(folder: Path, stride: int) -> Figure:
    folder.mkdir()
    cuts = power_cuts.every_write(folder, stride)
    name, _ = CUT_FIGURES[RECORD_CUTS]
    return at_most(name, len(cuts.wrong), 0, f"in {cuts.cuts} cuts", wrong=cuts.wrong[:5])


def _update_cuts(folder: Path, stride: int) -> Figure:
    folder.mkdir()
    vm = machine.find_vm()
    assert vm is not None  # the bench has looked
    update = update_cuts.every_write(folder, vm, stride)
    name, _ = CUT_FIGURES[UPDATE_CUTS]
    return at_most(name, len(update.wrong), 0, f"in {update.cuts} cuts", wrong=update.wrong[:5])


ONE_FIGURES = (("verdict on a spiked drink in the VM", "positive"), ("strip wet to verdict, voltammetry", "<= 30"))
TWO_FIGURES = (
    ("verdict of two strips on a spiked drink in the VM", "positive"),
    ("heap free at the worst moment of a test with two strips", f">= {HEAP_FREE_MIN}"),
    ("pads due to verdict, colour", "<= 5"),
)
SLEEP_FIGURES = (("wake to ready, out of deep sleep", "<= 2"), ("chips not at rest in deep sleep", "<= 0"))
BATTERY_FIGURES = (("battery: standby", ">= 7"), ("battery: tests per charge", ">= 30"))
CUT_FIGURES = {
    RECORD_CUTS: ("records lost by a power cut after they were told", "<= 0"),
    UPDATE_CUTS: ("boards not bootable after a power cut in an update", "<= 0"),
}


def live_tasks(folder: Path) -> list[Task]:
    """The boards that live in real time. They mostly wait, and all of them can do so at once."""
    pieces: list[tuple[str, Callable[[Path], Any]]] = [(ONE, _one_strip), (SLEEP, _sleep), (TWO, _two_strips)]
    pieces += [
        (strip.name, functools.partial(_strip_of_the_panel, strip.name))
        for strip in sorted(swv_strips(STRIPS), key=lambda one: one.name)
    ]
    colour_calibration()  # made once, before the processes part
    return [Task(name, functools.partial(act, folder / name), BOARD_LIMIT_S) for name, act in pieces]


def cut_tasks(folder: Path, stride: int) -> list[Task]:
    """A power cut at every flash write of records and of an update; each task's outcome is its figure."""
    return [
        Task(RECORD_CUTS, functools.partial(_record_cuts, folder / "record", stride), CUTS_LIMIT_S),
        Task(UPDATE_CUTS, functools.partial(_update_cuts, folder / "update", stride), CUTS_LIMIT_S),
    ]


def cut_figure(ended: Ended) -> Figure:
    """The figure of a task of `cut_tasks`."""
    if ended.failed:
        return unmeasured(*CUT_FIGURES[ended.task.name], ended.failed)
    figure: Figure = ended.came
    return figure


def _missing(names: tuple[tuple[str, str], ...], why: str) -> list[Figure]:
    return [unmeasured(name, target, why) for name, target in names]


def live_figures(ended: list[Ended]) -> list[Figure]:
    """What the boards of `live_tasks` came to."""
    by_name = {one.task.name: one for one in ended}
    one, slept, two = (by_name.pop(name) for name in (ONE, SLEEP, TWO))
    figures = _missing(ONE_FIGURES, one.failed) if one.failed else _one_strip_figures(one.came)
    figures += _panel_figures(list(by_name.values()))
    if slept.failed:
        figures += _missing(SLEEP_FIGURES, slept.failed)
    else:
        at_rest = slept.came.not_at_rest
        figures += [
            at_most(
                SLEEP_FIGURES[0][0],
                slept.came.ready_s,
                2.0,
                "s",
                self_test_to_ready_s=None if one.failed else one.came.wake_s,
            ),
            at_most(SLEEP_FIGURES[1][0], len(at_rest), 0, "", not_at_rest=at_rest),
        ]
    figures += _missing(TWO_FIGURES, two.failed) if two.failed else two.came
    failed = one.failed or slept.failed
    return figures + (_missing(BATTERY_FIGURES, failed) if failed else _battery_figures(one.came, slept.came))


def _one_strip_figures(one: OneStrip) -> list[Figure]:
    (verdict, target), (time, _) = ONE_FIGURES
    return [
        Figure(verdict, one.verdict, "", target, one.verdict == target),
        at_most(time, one.verdict_s, 30.0, "s"),
    ]


def _panel_figures(ended: list[Ended]) -> list[Figure]:
    """Over every strip; one whose board ended without a word counts as without a verdict and without heap."""
    said: list[Said] = [one.came for one in ended if not one.failed]
    silent = {one.task.name: one.failed for one in ended if one.failed}
    verdicts = {one.strip: one.verdict for one in said}
    free = {one.strip: one.free for one in said} | dict.fromkeys(silent, 0)
    worst = min(free, key=lambda name: free[name])
    return [
        at_most(
            "strips that give no verdict in the VM",
            len(silent) + sum(verdict == "invalid" for verdict in verdicts.values()),
            0,
            f"of {len(ended)}",
            verdicts=verdicts,
            silent=silent,
        ),
        at_least(
            "heap free at the worst moment of a test, 110 KB VM",
            free[worst],
            HEAP_FREE_MIN,
            "bytes",
            strip=worst,
            by_strip=free,
            during={one.strip: one.during for one in said},
            at_start={one.strip: one.at_start for one in said},
            implementation=said[0].implementation if said else "",
        ),
    ]


def _battery_figures(one: OneStrip, slept: sleep.Slept) -> list[Figure]:
    tell_s = telling.duration_ms(telling.pattern_of("positive")) / 1000.0
    lasted = {
        "prepare and decide": one.wake_s,
        "wait for the drink": 0.0,
        "measure": one.verdict_s,
        "tell": tell_s,
        "until it sleeps": one.tired_s,
        "glance": slept.glance_s,
    }
    budget = power.budget(power.document(), lasted)
    new, *worn = budget.lives
    (standby, _), (tests, _) = BATTERY_FIGURES
    return [
        at_least(
            standby, new.standby_days, 7.0, "days", current_ua=budget.standby_ua, worn=[vars(life) for life in worn]
        ),
        at_least(tests, new.tests_per_charge, 30.0, "tests", charge_mah=budget.test_mah),
    ]
