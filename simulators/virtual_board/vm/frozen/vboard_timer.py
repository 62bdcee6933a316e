"""Timers of the virtual board; the host keeps the time, the callback runs between two bytecodes."""

import _vboard
import machine
import vboard_ops as _ops

_taken = set()


class Timer:
    """A timer; id -1 takes any free one."""

    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id=-1, **settings):
        if id < 0:
            id = 16
            while id in _taken:
                id += 1
        if id > 63:
            raise ValueError("no timer is free")
        _taken.add(id)
        self._id = id
        if settings:
            self.init(**settings)

    def init(self, *, mode=1, period=-1, freq=-1, callback=None, hard=False):
        if freq > 0:
            period = max(1, int(1000 / freq))
        if callback is None or period <= 0:
            self.deinit()
            return
        machine._handle(_ops.EVENT_TIMER + self._id, callback, self)
        _vboard.post(_ops.TIMER_START, self._id, period, bytes([mode]))

    def deinit(self):
        machine._handle(_ops.EVENT_TIMER + self._id, None, None)
        _vboard.post(_ops.TIMER_STOP, self._id, 0)
        _taken.discard(self._id)
