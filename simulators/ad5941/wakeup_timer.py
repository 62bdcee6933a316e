"""The sleep/wake-up timer: eight slots, N means N+1 ticks of an inexact 32 kHz (ad5941.md section 10)."""

from __future__ import annotations

from collections.abc import Callable

NEVER_US = float("inf")


class WakeupTimer:
    """`read(name)` gives a register of block WUPTMR by name."""

    def __init__(self, read: Callable[[str], int], tick_us: float) -> None:
        self._read = read
        self.tick_us = tick_us
        self.next_us = NEVER_US
        self._slot = 0
        self.running = False
        self.zero_sleep_seen = False

    def reset(self) -> None:
        self.next_us = NEVER_US
        self.running = False
        self._slot = 0

    def control(self, con: int, now_us: float) -> None:
        """CON was written: bit 0 starts at slot A or stops."""
        run = bool(con & 1)
        if run and not self.running:
            self._slot = 0
            self.next_us = now_us + self._ticks("WUP", self.sequence_of(0)) * self.tick_us
        elif not run:
            self.next_us = NEVER_US
        self.running = run

    def sequence_of(self, slot: int) -> int:
        return self._read("SEQORDER") >> 2 * slot & 3

    def _ticks(self, kind: str, sequence: int) -> int:
        low = self._read(f"SEQ{sequence}{kind}L")
        high = self._read(f"SEQ{sequence}{kind}H") & 0xF
        count = high << 16 | low
        if kind == "SLEEP" and count == 0:
            self.zero_sleep_seen = True
        return count + 1

    def expire(self) -> int:
        """The wake-up count of a slot ended: returns the sequence to trigger, and arms the next slot."""
        now_us = self.next_us
        sequence = self.sequence_of(self._slot)
        last = self._read("CON") >> 1 & 7
        self._slot = 0 if self._slot >= last else self._slot + 1
        ticks = self._ticks("SLEEP", sequence) + self._ticks("WUP", self.sequence_of(self._slot))
        self.next_us = now_us + ticks * self.tick_us
        return sequence
