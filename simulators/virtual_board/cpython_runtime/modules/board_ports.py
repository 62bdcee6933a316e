"""Makes CPython look like the board to firmware: ticks, paths on the flash, streams over a UART, stdin by the byte."""

import asyncio
import builtins
import os
import sys
import time
import traceback

_TICKS = 1 << 30


class Line:
    """A UART's descriptor as MicroPython opens it: reads what is there, None when nothing is."""

    def __init__(self, fd):
        self._fd = fd

    def fileno(self):
        return self._fd

    def read(self, n=-1):
        try:
            return os.read(self._fd, 65536 if n < 0 else n)
        except BlockingIOError:
            return None

    def readinto(self, buf):
        data = self.read(len(buf))
        if data is None:
            return None
        memoryview(buf)[: len(data)] = data
        return len(data)

    def readline(self):
        line = b""
        while not line.endswith(b"\n"):
            byte = self.read(1)
            if not byte:
                break
            line += byte
        return line or None

    def write(self, buf):
        try:
            return os.write(self._fd, buf)
        except BlockingIOError:
            return None


class Stdin:
    """The console's input by the byte, so that select tells the truth about it."""

    def fileno(self):
        return 0

    def read(self, n=1):
        return os.read(0, n).decode("utf-8", "replace")


class UartStream:
    """asyncio.StreamReader and StreamWriter over a UART."""

    def __init__(self, uart, extra=None):
        self.s = uart

    async def _ready(self):
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        fd = self.s.fileno()
        loop.add_reader(fd, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            loop.remove_reader(fd)

    async def read(self, n=-1):
        while True:
            data = self.s.read(n)
            if data is not None:
                return data
            await self._ready()

    async def readinto(self, buf):
        while True:
            count = self.s.readinto(buf)
            if count is not None:
                return count
            await self._ready()

    async def readline(self):
        line = b""
        while not line.endswith(b"\n"):
            part = self.s.readline()
            if part is None:
                await self._ready()
            else:
                line += part
        return line

    def write(self, buf):
        self.s.write(buf)

    async def drain(self):
        await asyncio.sleep(0)


def _install_time():
    time.ticks_us = lambda: time.monotonic_ns() // 1000 % _TICKS
    time.ticks_ms = lambda: time.monotonic_ns() // 1_000_000 % _TICKS
    time.ticks_add = lambda ticks, delta: (ticks + delta) % _TICKS
    time.ticks_diff = lambda end, start: (end - start + _TICKS // 2) % _TICKS - _TICKS // 2
    time.sleep_ms = lambda ms: time.sleep(ms / 1000)
    time.sleep_us = lambda us: time.sleep(us / 1e6)


def _install_asyncio():
    reader = asyncio.StreamReader

    def stream_reader(*args, **kwargs):
        return UartStream(*args) if args and hasattr(args[0], "any") else reader(*args, **kwargs)

    asyncio.sleep_ms = lambda ms: asyncio.sleep(ms / 1000)
    asyncio.wait_for_ms = lambda awaitable, ms: asyncio.wait_for(awaitable, ms / 1000)
    asyncio.StreamReader = stream_reader
    sys.modules["uasyncio"] = asyncio


def _install_paths(flash):
    """Absolute paths of the firmware are paths on the flash; those of the host's own modules stay what they are."""
    opened = builtins.open
    ours = (str(flash), sys.prefix, sys.base_prefix, "/proc", "/dev", "/usr", str(os.path.dirname(__file__)))

    def place(path):
        if isinstance(path, str) and not path.startswith(ours):
            return os.path.join(flash, path.lstrip("/"))
        return path

    def open_on_board(file, mode="r", *args, **kwargs):
        if isinstance(file, int) and file > 2 and mode == "r+b":
            return Line(file)
        return opened(place(file), mode, *args, **kwargs)

    builtins.open = open_on_board
    for name in ("stat", "mkdir", "rmdir", "remove", "unlink", "statvfs"):
        setattr(os, name, _placed(getattr(os, name), place))
    listed = os.listdir
    os.listdir = lambda path=".": listed(place(path if path != "." else "/"))
    os.ilistdir = lambda path="/": [
        (name, 0x4000 if os.path.isdir(place(path + "/" + name)) else 0x8000, 0, 0) for name in listed(place(path))
    ]
    for name in ("rename", "replace"):
        setattr(os, name, _placed_pair(os.replace, place))


def _placed(function, place):
    return lambda path, *args, **kwargs: function(place(path), *args, **kwargs)


def _placed_pair(function, place):
    return lambda old, new, *args, **kwargs: function(place(old), place(new))


def install(flash):
    """Change this process into the board's interpreter."""
    import vboard_uart

    vboard_uart.UART.fileno = lambda self: self._fd
    sys.print_exception = lambda error, file=sys.stdout: traceback.print_exception(error, file=file)
    sys.stdin = Stdin()
    _install_time()
    _install_asyncio()
    _install_paths(str(flash))
