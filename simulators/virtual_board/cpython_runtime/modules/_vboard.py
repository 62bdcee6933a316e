"""The VM's C module `_vboard` for CPython: the link to the simulated peripherals and their interrupts."""

import array
import fcntl
import os
import select
import signal
import socket
import struct
import termios
import time

EXIT_HOST_GONE = 69
_REQUEST = struct.Struct("<BBHIII")
_REPLY = struct.Struct("<iI")
_ends = {}


def attach(link, events):
    """Take over the descriptors that the supervisor passed, and the terminal, so that Ctrl-C reaches this process."""
    _ends["link"] = socket.socket(fileno=link)
    _ends["events"] = events
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _exactly(count):
    data = bytearray()
    while len(data) < count:
        part = _ends["link"].recv(count - len(data))
        if not part:
            os._exit(EXIT_HOST_GONE)
        data += part
    return bytes(data)


def post(op, unit, argument, tx=None):
    """Send a request that has no answer."""
    payload = b"" if tx is None else bytes(tx)
    try:
        now_us = time.monotonic_ns() // 1000 & 0xFFFFFFFF
        _ends["link"].sendall(_REQUEST.pack(op, unit, 0, argument & 0xFFFFFFFF, len(payload), now_us) + payload)
    except OSError:
        os._exit(EXIT_HOST_GONE)


def transact(op, unit, argument, tx=None, rx=None):
    """Send a request and wait for its answer; rx is filled."""
    # A handler of an interrupt that talks to a peripheral must not come between a request and its answer.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO, signal.SIGINT})
    try:
        post(op, unit, argument, tx)
        status, length = _REPLY.unpack(_exactly(_REPLY.size))
        body = _exactly(length)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    if rx is not None:
        count = min(len(body), len(rx))
        memoryview(rx)[:count] = body[:count]
    return status


def exit(code):
    """End as a board event."""
    os._exit(code)


def on_event(handler):
    """Call handler(None) when the host raises an interrupt."""
    signal.signal(signal.SIGIO, lambda number, frame: handler(None))
    fcntl.fcntl(_ends["events"], fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(_ends["events"], fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)


def event():
    """The next interrupt's number, or -1."""
    try:
        data = os.read(_ends["events"], 1)
    except BlockingIOError:
        return -1
    return data[0] if data else -1


def wait_event(ms):
    """Sleep at most ms; an interrupt ends it earlier."""
    return bool(select.select([_ends["events"]], [], [], None if ms < 0 else ms / 1000)[0])


def set_nonblocking(fd):
    os.set_blocking(fd, False)


def unread(fd):
    """Bytes received and not read yet."""
    count = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return count[0]
