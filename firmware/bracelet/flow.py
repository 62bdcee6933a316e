"""The drink test's decisions: `step(state, event, now_ms) -> (state, effect)`. Pure; the tables are in table.py.

The tables are imported where a state begins or ends, so that a board may let go of them in between: 5.7 KB of its heap.
"""

from firmware.bracelet.table import ASLEEP, KEEP, PULLED, SELF_TEST, TAKE

INVALID = "invalid"
TICK = "tick"


class TestState:
    """Where the test stands. `verdict` and `reason` are None until there is an outcome."""

    __test__ = False  # not a test case, whatever its name says

    def __init__(self, name: str, since_ms: int, verdict=None, reason=None):
        self.name = name
        self.since_ms = since_ms
        self.verdict = verdict
        self.reason = reason
        from firmware.bracelet.table import TIMEOUTS

        self._limit_ms = TIMEOUTS[name][0] if name in TIMEOUTS else None

    def left_ms(self, now_ms: int):
        """Milliseconds until this state gives up, or None when it may last."""
        if self._limit_ms is None:
            return None
        return self._limit_ms - (now_ms - self.since_ms)


def begin(now_ms: int) -> TestState:
    """Asleep, nothing decided."""
    return TestState(ASLEEP, now_ms)


def step(state: TestState, event: tuple, now_ms: int) -> tuple:
    """(next state, effect to start or ""). `event` is (name,) or (name, verdict, reason).

    An event that the table does not name for this state changes nothing; a tick past the state's limit moves it on.
    """
    name = event[0]
    if name == TICK:
        left_ms = state.left_ms(now_ms)
        if left_ms is None or left_ms > 0:
            return state, ""
        from firmware.bracelet.table import TIMEOUTS

        _, target, effect, reason = TIMEOUTS[state.name]
        if reason != KEEP:
            return TestState(target, now_ms, INVALID, reason), effect
        return TestState(target, now_ms, state.verdict, state.reason), effect
    from firmware.bracelet.table import TRANSITIONS

    for source, trigger, target, effect, mark in TRANSITIONS:
        if source != state.name or trigger != name:
            continue
        if mark == TAKE:
            return TestState(target, now_ms, event[1], event[2]), effect
        if mark == PULLED:
            return TestState(target, now_ms, INVALID, PULLED), effect
        if target == SELF_TEST:
            return TestState(target, now_ms), effect
        since_ms = state.since_ms if target == state.name else now_ms
        return TestState(target, since_ms, state.verdict, state.reason), effect
    return state, ""
