"""A strip drawn out in whatever state a test is in: always told, logged and typed, never silence; firmware on chips."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from firmware.bracelet import flow, table, telling
from firmware.bracelet.catalogue import texts_of
from firmware.wire.record import open_record
from simulators.ad5941 import OpenCell
from simulators.strip import StripCell
from simulators.strip.colour import ColourStrip
from simulators.strip.remembered import Remembered
from tests.support.colour_tests import calibration
from waakzaam.rigs.bracelet import KEY, SHORT_SCAN, BraceletBench, calibration_of_short_scans, hurried

pytestmark = pytest.mark.usefixtures("little_to_collect")

WET_US = 2e6  # after the strip is put in
NOT_IN_A_TEST = {table.ASLEEP, table.STANDBY, table.AWAKE, table.SHARE}
# What is told of a strip drawn out in a state ("" = what was measured before), and of a clean pour's strip.
DRINK = {
    "self_test": "strip_pulled",
    "check_strip": "strip_pulled",
    "await_wetting": "strip_pulled",
    "incubate": "strip_pulled",
    "measure": "strip_pulled",
    "log": "",
    "tell": "",
    "await_strip_out": "",
}
DECIDED = {"voltammetric": "dry", "colour": ""}  # pads are done with after the reading; electrodes are looked at again
CLEAN = {
    "check_clean": "strip_pulled",
    "clean_wetting": "strip_pulled",
    "clean_incubate": "strip_pulled",
    "clean_measure": "strip_pulled",
    "clean_keep": "no_strip",
    "clean_out": "no_strip",
}
BETWEEN = {"load_next": "no_strip", "change_strip": "no_strip"}


@cache
def dipped() -> Remembered:
    """The voltammetric strip in a clean lager; its physics is worked out once."""
    return Remembered(lambda: StripCell("lager", {}, seed=1, wet_at_us=WET_US))


class Hand:
    """One bracelet, new, and the hand on it."""

    def __init__(self, folder: Path, name: str, kind: str) -> None:
        documents = [hurried(calibration())] if kind != "voltammetric" else []
        documents += [calibration_of_short_scans()] if kind != "colour" else []
        place = folder / name
        place.mkdir()
        self.kind = kind
        self.bench = BraceletBench(place, *documents, waveform=SHORT_SCAN, incubate_ms=500, colour_lot="C1")

    def put_strip(self, spikes: dict[str, float] | None = None, wet_us: float = WET_US) -> None:
        if self.kind == "voltammetric":
            self.bench.insert(dipped().cell())
            return
        pads = ColourStrip("lager", spikes or {}, seed="pulled", bottle="pulled")
        pads.wet_at_us = self.bench.clock.now_us + wet_us
        self.bench.insert_pads(pads)

    def press(self, second: float) -> None:
        """The button, for a moment."""
        self.bench.at(second, lambda: setattr(self.bench, "button_down", True))
        self.bench.at(second + 0.3, lambda: setattr(self.bench, "button_down", False))

    def wait_for(self, state: str, and_then_s: float = 0.0) -> None:
        """Time passes until the bracelet is in this state, and a little longer."""
        bench, until_us = self.bench, self.bench.clock.now_us + 100e6
        left_us = and_then_s * 1e6
        while bench.runner.state.name != state or left_us > 0.0:
            assert bench.clock.now_us < until_us, f"never in {state}: {bench.said[-3:]}"
            for _, action in [one for one in bench.plan if one[0] <= bench.clock.now_us]:
                action()
            bench.plan = [one for one in bench.plan if one[0] > bench.clock.now_us]
            before_us = bench.clock.now_us
            bench.clock.now_us += max(bench.runner.poll(), 5)
            if bench.runner.state.name == state:
                left_us -= bench.clock.now_us - before_us


def require_told(bench: BraceletBench, state: str, reason: str) -> None:
    """Told, logged, typed; and no strip that the wearer has left makes it ask for one for ever."""
    if not bench.runner.finished:
        bench.run(200.0)
    told = next(data for kind, data in reversed(bench.said) if kind == "tell")
    assert told["logged"], (state, told)
    fields = open_record(bench.records()[-1], bytes.fromhex(KEY))
    assert (fields["verdict"], fields["reason"]) == (told["verdict"], told["reason"])
    if reason:
        assert (told["verdict"], told["reason"]) == ("invalid", reason), (state, told)
    else:
        assert told["reason"] not in ("strip_pulled", "no_strip"), (state, told)
    assert any(colour != (0, 0, 0) for _, colour, _ in bench.lights)


@pytest.mark.parametrize("kind", ["voltammetric", "colour"])
def test_a_strip_drawn_out_in_any_state_is_told_logged_and_typed(kind: str, tmp_path: Path) -> None:
    for state, reason in {**DRINK, "decide": DECIDED[kind]}.items():
        hand = Hand(tmp_path, state, kind)
        hand.put_strip()
        hand.wait_for(state)
        hand.bench.pull()
        pulled_us = hand.bench.clock.now_us
        require_told(hand.bench, state, reason)
        assert hand.bench.clock.now_us - pulled_us < 20e6, state  # to the end of its telling


def test_a_clean_pours_strip_drawn_out_in_any_state_is_told_logged_and_typed(tmp_path: Path) -> None:
    for state, reason in CLEAN.items():
        hand = Hand(tmp_path, state, "colour")
        hand.press(0.1)
        hand.press(1.5)
        hand.wait_for("await_clean")
        hand.put_strip()
        hand.wait_for(state)
        hand.bench.pull()
        require_told(hand.bench, state, reason)


def test_the_first_of_two_strips_drawn_out_and_no_second_is_told_logged_and_typed(tmp_path: Path) -> None:
    for state, reason in {**DRINK, **BETWEEN}.items():
        if not reason:
            continue
        hand = Hand(tmp_path, state, "both")
        hand.put_strip()
        hand.wait_for(state)
        hand.bench.pull()
        require_told(hand.bench, state, reason)


def test_the_second_of_two_strips_drawn_out_in_any_state_is_told_logged_and_typed(tmp_path: Path) -> None:
    for state in ("check_strip", "await_wetting", "incubate", "measure", "decide"):
        hand = Hand(tmp_path, state, "both")
        hand.put_strip()
        hand.wait_for("change_strip")
        hand.bench.pull()
        hand.wait_for("await_strip")
        hand.bench.insert(StripCell("lager", {}, seed=1, wet_at_us=hand.bench.clock.now_us + WET_US))
        hand.wait_for(state)
        hand.bench.pull()
        require_told(hand.bench, state, "dry" if state == "decide" else "strip_pulled")


def slowly(effect: Callable[[], Generator[int, None, Any]]) -> Callable[[], Generator[int, None, Any]]:
    """An effect that takes a second more, as on a busy board: time for a hand."""

    def slower() -> Generator[int, None, Any]:
        done = yield from effect()
        yield 1_000_000
        return done

    return slower


@pytest.mark.parametrize("state", ["decide", "load_next"])
def test_a_strip_changed_for_the_next_before_that_was_asked_for_is_the_next_strip(state: str, tmp_path: Path) -> None:
    hand = Hand(tmp_path, state, "both")
    bench = hand.bench
    setattr(bench.runner, f"_do_{state}", slowly(getattr(bench.runner, f"_do_{state}")))
    hand.put_strip()
    hand.wait_for(state)
    bench.at(0.1, bench.pull)
    bench.at(0.4, lambda: bench.insert(StripCell("lager", {}, seed=1, wet_at_us=bench.clock.now_us + 3e6)))
    told = bench.run(60.0)
    assert told["verdict"] == "negative", told
    assert telling.BLUE in [colour for at_us, colour, _ in bench.lights if at_us > bench.clock.now_us - 3e6]
    bench.at(5.0, bench.pull)
    hand.wait_for("asleep")
    assert len(bench.records()) == 1  # the strip that was judged begins no test of its own


def test_a_strip_changed_while_the_clean_pour_is_kept_is_the_drinks(tmp_path: Path) -> None:
    hand = Hand(tmp_path, "clean", "colour")
    bench = hand.bench
    bench.runner._do_keep_clean = slowly(bench.runner._do_keep_clean)
    hand.press(0.1)
    hand.press(1.5)
    hand.wait_for("await_clean")
    hand.put_strip()
    hand.wait_for("clean_keep")
    bench.at(0.1, bench.pull)
    bench.at(0.4, lambda: hand.put_strip(wet_us=8e6))
    assert bench.run(60.0)["verdict"] == "negative"


def test_a_strip_left_in_when_the_next_is_asked_for_is_told_in_words(tmp_path: Path) -> None:
    hand = Hand(tmp_path, "left", "both")
    hand.put_strip()
    told = hand.bench.run(200.0)
    assert (told["verdict"], told["reason"]) == ("invalid", "strip_left_in")
    assert texts_of("nl")["reason.strip_left_in"] in told["text"]


@pytest.mark.parametrize("spiked", [False, True], ids=["clean", "spiked"])
def test_a_strip_changed_while_a_verdict_is_sealed_or_told_begins_a_test_of_its_own(
    spiked: bool, tmp_path: Path
) -> None:
    for state, after_s in (("decide", 0.0), ("tell", 0.8)):
        hand = Hand(tmp_path, f"{state} {after_s}", "colour")
        bench = hand.bench
        hand.put_strip({"GHB": 0.1} if spiked else {})
        hand.wait_for("await_wetting")
        pads = bench.window.strip
        assert isinstance(pads, ColourStrip)
        pads.wet_at_us = bench.clock.now_us - 700e6  # its colour has come
        hand.wait_for(state, after_s)
        bench.pull()
        bench.at(0.3, lambda hand=hand: hand.put_strip(wet_us=14e6))
        verdict = "positive" if spiked else "negative"
        hand.wait_for("self_test")
        assert [data["verdict"] for kind, data in bench.said if kind == "tell"] == [verdict]
        assert not spiked or len([1 for _, colour, _ in bench.lights if colour == telling.RED]) == 9  # to its end
        bench.run(60.0)
        assert [data["verdict"] for kind, data in bench.said if kind == "tell"] == [verdict, "negative"]
        assert len(bench.records()) == 2


def test_a_negative_is_dark_at_once_when_another_strip_is_put_in(tmp_path: Path) -> None:
    hand = Hand(tmp_path, "dark", "colour")
    hand.put_strip()
    hand.wait_for("tell", 0.3)
    hand.bench.pull()
    hand.bench.at(0.3, hand.put_strip)
    put_us = hand.bench.clock.now_us + 0.3e6
    hand.wait_for("await_wetting")
    dark_us = next(at_us for at_us, colour, _ in hand.bench.lights if at_us > put_us and colour == telling.DARK)
    assert dark_us - put_us < 0.15e6


@pytest.mark.parametrize("while_in", ["asleep", "awake"])
def test_a_strip_that_touches_and_is_drawn_back_at_once_is_answered(while_in: str, tmp_path: Path) -> None:
    for touch_ms in (21, 25, 40, 59, 61, 80, 100):  # contacts are read every 20 ms
        hand = Hand(tmp_path, f"{touch_ms} ms", "colour")
        if while_in == "awake":
            hand.bench.runner._post(("wrist",))
            hand.wait_for("awake")
        hand.put_strip()
        hand.bench.at(touch_ms / 1000.0, hand.bench.pull)
        require_told(hand.bench, f"{touch_ms} ms", "strip_pulled")
        assert hand.bench.clock.now_us < 10e6


def test_a_button_pressed_for_an_instant_begins_a_test(tmp_path: Path) -> None:
    hand = Hand(tmp_path, "tap", "colour")
    hand.bench.button_down = True
    hand.bench.at(0.025, lambda: setattr(hand.bench, "button_down", False))
    require_told(hand.bench, "tap", "no_strip")


def test_contacts_that_scrape_while_the_strip_is_drawn_out_begin_no_test(tmp_path: Path) -> None:
    bench = Hand(tmp_path, "scrape", "colour").bench
    bench.insert(OpenCell())  # no pads: dark
    bench.run(30.0)
    for after_s in (0.0, 0.2, 0.5, 0.9):
        bench.at(after_s, bench.pull)
        bench.at(after_s + 0.1, lambda: setattr(bench, "strip_in", True))
        bench.at(after_s + 0.13, bench.pull)
    with pytest.raises(AssertionError, match="nothing told"):
        bench.run(80.0)
    assert bench.runner.state.name == "asleep"


def test_whatever_hangs_after_a_strip_was_drawn_out_the_tables_own_limits_end_it_told() -> None:
    for name in set(table.STATES) - NOT_IN_A_TEST:
        state, seen = flow.TestState(name, 0, "negative", "as measured"), [name]
        state, _ = flow.step(state, ("strip_out",), 0)
        now_ms = 0
        while state.name not in NOT_IN_A_TEST:
            seen.append(state.name)
            left_ms = state.left_ms(now_ms)
            assert left_ms is not None, f"{state.name} lasts for ever"
            now_ms += left_ms
            state, _ = flow.step(state, ("tick",), now_ms)
        assert {"tell", "await_strip_out"} & set(seen), seen
        assert now_ms < 1_500_000, (seen, now_ms)
