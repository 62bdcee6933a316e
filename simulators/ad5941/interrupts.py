"""Interrupt flags: gated by INTCSEL, cleared together by INTCCLR (ad5941.md section 11)."""

from __future__ import annotations

ADC_RDY = 0
DFT_RDY = 1
SINC2_RDY = 2
TEMP_RDY = 3
ADC_MIN = 4
ADC_MAX = 5
CUSTOM0 = 9
BOOT_DONE = 13
WAKEUP = 14
SEQ_END = 15
SEQ_TIMEOUT = 16
SEQ_TIMEOUT_ERR = 17
FIFO_FULL = 23
FIFO_EMPTY = 24
FIFO_THRESH = 25
FIFO_OVERFLOW = 26
FIFO_UNDERFLOW = 27
SLP_WUPT = 30
TRY_BREAK = 31


class Interrupts:
    """Two flag words over 32 sources. `at_event`: a source not selected when it fires leaves no trace."""

    def __init__(self, at_event: bool) -> None:
        self._at_event = at_event
        self.select = [0x2000, 0]
        self._latched = [0, 0]

    def reset(self) -> None:
        self.select = [0x2000, 0]
        self._latched = [0, 0]

    def fire(self, source: int) -> None:
        for line in (0, 1):
            if not self._at_event or self.select[line] >> source & 1:
                self._latched[line] |= 1 << source

    def clear(self, mask: int) -> None:
        for line in (0, 1):
            self._latched[line] &= ~mask

    def flags(self, line: int) -> int:
        return self._latched[line] & self.select[line]
