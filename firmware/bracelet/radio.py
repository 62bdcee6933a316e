"""Records by Bluetooth while the wearer's window is open: MicroPython's `bluetooth` around wire.record_link.

Loaded only then. Nothing in the air tells who wears it: an address that changes (resolvable private), a service and no
name. The link must be encrypted before anything is asked. A bracelet cannot show a number to compare (LE Secure
Connections without it), so what keeps others out is the window: the wearer's own hold, at most a minute, told by light.
"""

import os
import struct

import bluetooth  # type: ignore[import-not-found, unused-ignore]

from firmware.wire.record_link import CONTROL, PACKET_BYTES_MIN, RECORDS, SERVICE, Sender

ADVERTISE_US = 100_000
OPEN_MS = 60_000  # without anybody connected
MTU = 247
COMMANDS_MAX = 4
PACKETS_A_TURN = 8
# of MicroPython's modbluetooth
CONNECTED, DISCONNECTED, WRITTEN, MTU_EXCHANGED, ENCRYPTION = 1, 2, 3, 21, 28
WRITE, NOTIFY, WRITE_ENCRYPTED = 0x0008, 0x0010, 0x1000
ADDRESS_PRIVATE = 2
IO_NONE = 3


class Files:
    """The flash ring, read at any place."""

    def __init__(self, ring):
        self._ring = ring
        self.numbers = ring.numbers

    def size_of(self, number: int) -> int:
        """Bytes of a record."""
        return os.stat(self._ring.path(number))[6]

    def read_at(self, number: int, offset: int, count: int) -> bytes:
        """Bytes of a record from a place on."""
        with open(self._ring.path(number), "rb") as file:
            file.seek(offset)
            return file.read(count)


class Radio:
    """Open from its making to `close()`. `step(now_ms)` does what is due; `over` when the window may close."""

    def __init__(self, ring, now_ms: int, ticks_diff):
        self._files = Files(ring)
        self._ticks_diff = ticks_diff
        self._waiting_ms = now_ms
        self._connection = None
        self._encrypted = False
        self._mtu = PACKET_BYTES_MIN + 3
        self._silent = True  # not advertising
        self._commands = []
        self._sender = Sender(self._files)
        self.over = False
        self.records = 0
        self._ble = bluetooth.BLE()
        self._ble.active(True)
        self._ble.config(addr_mode=ADDRESS_PRIVATE, gap_name="bracelet", mtu=MTU)
        self._ble.config(bond=False, mitm=False, le_secure=True, io=IO_NONE)
        self._ble.irq(self._irq)
        control = (bluetooth.UUID(CONTROL), WRITE | WRITE_ENCRYPTED)
        records = (bluetooth.UUID(RECORDS), NOTIFY)
        ((self._control, self._records),) = self._ble.gatts_register_services(
            ((bluetooth.UUID(SERVICE), (control, records)),)
        )

    def _irq(self, event: int, data: tuple) -> None:
        # Only numbers and copies are kept: what `data` points at is valid in here alone.
        if event == CONNECTED:
            self._connection, self._encrypted, self._mtu = data[0], False, PACKET_BYTES_MIN + 3
        elif event == DISCONNECTED:
            self._connection = None
            self._silent = True
        elif event == MTU_EXCHANGED:
            self._mtu = data[1]
        elif event == ENCRYPTION:
            self._encrypted = bool(data[1])
        elif event == WRITTEN and data[1] == self._control and len(self._commands) < COMMANDS_MAX:
            self._commands.append(bytes(self._ble.gatts_read(self._control)))

    def step(self, now_ms: int) -> int:
        """Microseconds until it wants to be called again."""
        connection = self._connection  # a disconnection may come at any line below
        if connection is None:
            if self._silent:
                self._silent = False
                self._commands = []
                self._sender = Sender(self._files)
                uuid = bytes(int(SERVICE.replace("-", "")[at : at + 2], 16) for at in range(30, -1, -2))
                self._ble.gap_advertise(ADVERTISE_US, b"\x02\x01\x06" + struct.pack("BB", 17, 7) + uuid)
            self.over = self._ticks_diff(now_ms, self._waiting_ms) >= OPEN_MS
            return 50_000
        if not self._encrypted:
            self._commands = []
            return 20_000
        sender = self._sender
        while self._commands:
            sender.command(self._commands.pop(0))
        self.records = max(self.records, sender.records)
        self.over = sender.over
        for _ in range(PACKETS_A_TURN):
            packet = sender.packet(min(self._mtu, MTU) - 3)
            if packet is None:
                return 10_000
            try:
                self._ble.gatts_notify(connection, self._records, packet)
            except OSError:  # the stack's queue is full, or the link just went: the packet stays the next one
                return 5_000
            sender.sent()
        return 0

    def close(self) -> None:
        """Silent at once."""
        self._ble.active(False)
        self._ble.irq(None)
