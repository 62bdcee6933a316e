"""UART of the virtual board: a byte stream that select and asyncio can wait on."""

import io
import os
import select
import struct

import _vboard
import vboard_ops as _ops


def _line(id):
    for entry in (os.getenv("VB_UARTS") or "").split(","):
        if entry and int(entry.split(":")[0]) == id:
            return int(entry.split(":")[1])
    raise ValueError(f"UART({id}) has nothing connected")


class UART(io.IOBase):
    """A serial line; reading returns what has come, None when nothing has."""

    INV_TX, INV_RX, RTS, CTS = 4, 1, 1, 2

    def __init__(self, id, baudrate=115200, **settings):
        self._fd = _line(id)
        self._id = id
        self._line = open(self._fd, "r+b")
        self._timeout = 0
        _vboard.set_nonblocking(self._fd)
        self.init(baudrate, **settings)

    def init(
        self,
        baudrate=115200,
        bits=8,
        parity=None,
        stop=1,
        *,
        tx=None,
        rx=None,
        rts=None,
        cts=None,
        txbuf=256,
        rxbuf=256,
        timeout=None,
        timeout_char=None,
        invert=0,
        flow=0,
    ):
        if timeout is not None:
            self._timeout = timeout
        code = 0 if parity is None else 2 - parity % 2
        _vboard.post(_ops.UART_SETUP, self._id, baudrate, struct.pack("<IBBB", rxbuf, bits, code, stop))

    def _wait(self):
        if self._timeout and not _vboard.unread(self._fd):
            poll = select.poll()
            poll.register(self._line, select.POLLIN)
            poll.poll(self._timeout)

    def any(self):
        return _vboard.unread(self._fd)

    def read(self, n=-1):
        self._wait()
        return self._line.read(n)

    def readinto(self, buf, n=-1):
        self._wait()
        count = _vboard.unread(self._fd)
        if count == 0:
            return None
        if n >= 0:
            count = min(count, n)
        if count < len(buf):
            buf = memoryview(buf)[:count]
        return self._line.readinto(buf)

    def readline(self):
        self._wait()
        return self._line.readline()

    def write(self, buf):
        return self._line.write(buf)

    def flush(self):
        pass

    def txdone(self):
        return True

    def sendbreak(self):
        pass

    def deinit(self):
        pass

    def close(self):
        pass

    def ioctl(self, request, argument):
        if request == 10:  # MP_STREAM_GET_FILENO: lets select wait in the kernel instead of asking every millisecond
            return self._fd
        if request == 3:  # MP_STREAM_POLL
            return (1 if _vboard.unread(self._fd) else 0) & argument | argument & 4
        return 0
