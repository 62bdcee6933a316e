"""The chips' clock follows the board's while it talks, the world's between, and never goes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulators.virtual_board.chip_clock import ChipClock

WRAP = 1 << 32


def test_between_two_accesses_passes_what_the_board_says() -> None:
    clock = ChipClock()
    clock.follow(1_000)
    first = clock.now_us()
    clock.release()
    clock.follow(61_000)
    assert clock.now_us() - first == 60_000


def test_time_stands_still_during_an_access() -> None:
    clock = ChipClock()
    clock.follow(5)
    assert len({clock.now_us() for _ in range(1000)}) == 1


def test_the_board_s_clock_may_wrap() -> None:
    clock = ChipClock()
    clock.follow(WRAP - 10)
    first = clock.now_us()
    clock.follow(30)
    assert clock.now_us() - first == 40


def test_a_restart_of_the_board_does_not_set_the_chips_back() -> None:
    clock = ChipClock()
    clock.follow(0)
    clock.follow(10_000_000)
    before = clock.now_us()
    clock.board_stopped()
    clock.follow(3)
    assert clock.now_us() >= before
    clock.follow(503)
    assert clock.now_us() >= before + 500


@given(st.lists(st.tuples(st.sampled_from(["follow", "release", "stop"]), st.integers(0, WRAP - 1)), max_size=40))
def test_it_never_goes_back(steps: list[tuple[str, int]]) -> None:
    clock = ChipClock()
    last = clock.now_us()
    for step, board_us in steps:
        if step == "follow":
            clock.follow(board_us)
        elif step == "release":
            clock.release()
        else:
            clock.board_stopped()
        now = clock.now_us()
        assert now >= last
        last = now
