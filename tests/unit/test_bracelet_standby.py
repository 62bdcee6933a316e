"""Deep sleep as arithmetic: who woke it, what may wake it, how long a line that wakes it for nothing is left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.bracelet import standby_plan as plan
from firmware.bracelet.standby_plan import Memory

NIGHT_S = 8 * 3600


def remembered(**fields: int) -> Memory:
    memory = Memory()
    for name, value in fields.items():
        setattr(memory, name, value)
    return memory


def arm(memory: Memory, now_s: int = 0, **lines: bool) -> int:
    """A plan with everything as it should be, but for `lines`."""
    usual = {"strip_in": False, "button_stuck": False, "wrist_free": True, "rested": False}
    return plan.plan(memory, now_s=now_s, **{**usual, **lines})


@given(st.lists(st.integers(0, 255), min_size=5, max_size=5), st.integers(0, 65535), st.integers(0, 2**32 - 1))
def test_the_memory_comes_back_as_it_was_kept(bytes_of: list[int], sleeps: int, asleep_s: int) -> None:
    names = ("ext0", "ext1", "wrist_idle", "contact_idle", "stuck")
    memory = remembered(**dict(zip(names, bytes_of, strict=True)), sleeps=sleeps, asleep_s=asleep_s)
    found = plan.unpack(memory.pack())
    assert found is not None
    assert vars(found) == vars(memory)


@given(st.binary(max_size=40))
def test_rubbish_in_the_rtc_is_no_memory(kept: bytes) -> None:
    assert plan.unpack(kept) is None


@given(st.integers(0, 18), st.integers(1, 255))
def test_a_memory_with_a_changed_byte_is_no_memory(place: int, change: int) -> None:
    kept = bytearray(Memory().pack())
    kept[place] ^= change
    assert plan.unpack(bytes(kept)) is None


@pytest.mark.parametrize(
    ("reason", "ext0", "ext1", "strip", "button", "source"),
    [
        (2, plan.EXT0_WRIST, 3, False, False, plan.WRIST),
        (2, plan.EXT0_STRIP_OUT, 2, False, False, plan.STRIP_OUT),
        (2, plan.EXT0_NONE, 3, False, False, plan.UNKNOWN),
        (3, plan.EXT0_WRIST, 3, True, False, plan.STRIP),
        (3, plan.EXT0_WRIST, 3, False, True, plan.BUTTON),
        (3, plan.EXT0_WRIST, 3, False, False, plan.UNKNOWN),
        (3, plan.EXT0_STRIP_OUT, 2, True, False, plan.UNKNOWN),
        (4, plan.EXT0_NONE, 3, False, False, plan.TIMER),
        (0, plan.EXT0_WRIST, 3, False, False, plan.UNKNOWN),
    ],
)
def test_the_source_is_told_by_what_was_armed_and_what_is_closed(
    reason: int, ext0: int, ext1: int, strip: bool, button: bool, source: str
) -> None:
    assert plan.source_of(reason, remembered(ext0=ext0, ext1=ext1), strip, button) == source


@pytest.mark.parametrize("reason", range(7))
def test_without_a_memory_no_source_is_believed(reason: int) -> None:
    assert plan.source_of(reason, None, True, True) == plan.UNKNOWN


def test_everything_wakes_it_as_a_rule() -> None:
    memory = Memory()
    assert arm(memory) == 0
    assert (memory.ext0, memory.ext1) == (plan.EXT0_WRIST, plan.EXT1_STRIP | plan.EXT1_BUTTON)


def test_a_line_that_is_at_its_level_already_is_never_armed_for_it() -> None:
    memory = Memory()
    arm(memory, strip_in=True)
    assert (memory.ext0, memory.ext1) == (plan.EXT0_STRIP_OUT, plan.EXT1_BUTTON)
    assert arm(memory, button_stuck=True) == 60_000
    assert memory.ext1 == plan.EXT1_STRIP
    assert arm(memory, wrist_free=False) == 120_000
    assert memory.ext0 == plan.EXT0_NONE


def shaken(seconds: int, every_s: int) -> int:
    """How often a bracelet wakes that somebody shakes without pause, looking at it never."""
    memory, now_s, wakes = Memory(), 0, 0
    while now_s < seconds:
        again_ms = arm(memory, now_s)
        if memory.ext0 != plan.EXT0_WRIST:
            now_s += again_ms // 1000
            arm(memory, now_s, rested=True)
        now_s += every_s
        plan.count(memory, plan.WRIST, now_s)
        wakes += 1
        now_s += 18  # what a glance takes until it sleeps again
    return wakes


def test_a_night_of_dancing_wakes_it_a_dozen_times_not_a_thousand() -> None:
    assert shaken(NIGHT_S, 1) <= 16


def test_a_wrist_raised_now_and_then_always_wakes_it() -> None:
    memory, now_s = Memory(), 0
    for _ in range(50):
        assert arm(memory, now_s) == 0
        assert memory.ext0 == plan.EXT0_WRIST
        now_s += plan.CALM_S + 1
        plan.count(memory, plan.WRIST, now_s)


def test_what_the_wearer_does_makes_the_wrist_wake_it_again() -> None:
    memory = remembered(wrist_idle=9)
    plan.used(memory, False)
    assert arm(memory) == 0
    assert memory.ext0 == plan.EXT0_WRIST


def test_a_contact_that_flaps_is_left_out_for_minutes_while_the_wrist_still_wakes_it() -> None:
    memory = Memory()
    for _ in range(plan.CONTACT_IDLE_MAX):
        arm(memory)
        assert memory.ext1 == 3
        plan.count(memory, plan.UNKNOWN, 1)
    assert arm(memory) == 60_000
    assert (memory.ext0, memory.ext1) == (plan.EXT0_WRIST, 0)
    memory.contact_idle = 200
    assert arm(memory) == plan.REST_CONTACT_S_MAX * 1000


def test_a_line_that_stays_stuck_is_looked_at_ever_more_rarely() -> None:
    memory = Memory()
    waits_s = [arm(memory, button_stuck=True) // 1000 for _ in range(9)]
    assert waits_s == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert arm(memory) == 0
    assert memory.stuck == 0


@given(
    st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.booleans(), st.booleans(), st.booleans(),
    st.booleans(),
)  # fmt: skip
def test_something_always_wakes_it(
    wrist_idle: int, contact_idle: int, stuck: int, strip: bool, button: bool, free: bool, rested: bool
) -> None:
    memory = remembered(wrist_idle=wrist_idle, contact_idle=contact_idle, stuck=stuck)
    again_ms = arm(memory, strip_in=strip, button_stuck=button, wrist_free=free, rested=rested)
    assert memory.ext0 or memory.ext1 or 0 < again_ms <= 3_600_000
    assert 0 <= again_ms <= 3_600_000
    if not memory.ext1 & plan.EXT1_BUTTON:  # the wearer's button is left out for a bounded time only
        assert 0 < again_ms <= 3_600_000
