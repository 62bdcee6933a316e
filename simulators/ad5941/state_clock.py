"""How long a chip spent in each of its states: what a power budget multiplies by the notes' currents."""

from __future__ import annotations


class StateClock:
    """States by name. Time is an argument and never runs back."""

    def __init__(self, state: str, now_us: float = 0.0) -> None:
        self.state = state
        self._since_us = now_us
        self._spent_us: dict[str, float] = {}

    def enter(self, state: str, now_us: float) -> None:
        """The chip is in `state` from `now_us` on."""
        if state == self.state:
            return
        self._add(now_us)
        self.state = state

    def _add(self, now_us: float) -> None:
        spent = max(0.0, now_us - self._since_us)
        self._spent_us[self.state] = self._spent_us.get(self.state, 0.0) + spent
        self._since_us = max(self._since_us, now_us)

    def seconds(self, now_us: float) -> dict[str, float]:
        """Seconds in each state up to `now_us`."""
        self._add(now_us)
        return {state: spent * 1e-6 for state, spent in self._spent_us.items() if spent > 0.0}
