"""A serial line between the firmware's UART and a simulated device: bytes each way, with the faults that lines have."""

from __future__ import annotations

import array
import fcntl
import socket
import termios
import threading
from collections.abc import Callable


class UartLine:
    """One UART. The device side calls `feed`; what the firmware writes goes to `on_receive` and `written`.

    What exceeds the receive buffer that the firmware asked for is lost and counted, as on the chip.
    """

    def __init__(self, on_receive: Callable[[bytes], None] | None = None) -> None:
        self.on_receive = on_receive
        self.baudrate = 0
        self.receive_buffer_bytes = 256
        self.overrun_bytes = 0
        self.dropped_bytes = 0
        self.unplugged = False
        self._drop_next = 0
        self._lock = threading.RLock()
        self._device: socket.socket | None = None
        self._board: socket.socket | None = None

    def connect(self) -> tuple[int, int]:
        """A fresh pair of ends for a new run of the VM: (the VM's file descriptor, the device's)."""
        with self._lock:
            self.close()
            self._device, self._board = socket.socketpair()
            self._device.setblocking(False)
            return self._board.fileno(), self._device.fileno()

    def close(self) -> None:
        """Give both ends back."""
        with self._lock:
            for end in (self._device, self._board):
                if end is not None:
                    end.close()
            self._device = self._board = None

    def unread_bytes(self) -> int:
        """Bytes that the firmware has not read yet."""
        if self._board is None:
            return 0
        count = array.array("i", [0])
        fcntl.ioctl(self._board.fileno(), termios.FIONREAD, count)
        return count[0]

    def drop_next(self, count: int) -> None:
        """Lose the next bytes on the way to the firmware."""
        with self._lock:
            self._drop_next += count

    def feed(self, data: bytes) -> int:
        """Send bytes to the firmware; returns how many arrived in its receive buffer."""
        with self._lock:
            lost = min(self._drop_next, len(data))
            self._drop_next -= lost
            self.dropped_bytes += lost
            data = data[lost:]
            if self.unplugged or self._device is None:
                self.dropped_bytes += len(data)
                return 0
            room = max(0, self.receive_buffer_bytes - self.unread_bytes())
            self.overrun_bytes += max(0, len(data) - room)
            data = data[:room]
            return self._device.send(data) if data else 0

    def receive(self) -> None:
        """Take what the firmware wrote and hand it to the device; called by the board when there is something."""
        if self._device is None:
            return
        try:
            data = self._device.recv(65536)
        except BlockingIOError:
            return
        if data and not self.unplugged and self.on_receive is not None:
            self.on_receive(data)
