"""A board's Bluetooth as the air sees it: a peripheral that advertises, its attributes, and the central that reads."""

from __future__ import annotations

import collections
import json
import struct
import threading
from collections.abc import Callable
from typing import Any

EVENT = 200
ACTIVE, ADVERTISE, REGISTER, NOTIFY, READ, BUFFER, CONFIG, NEXT, DISCONNECT = range(1, 10)
CONNECTED, DISCONNECTED, WRITTEN, MTU_EXCHANGED, ENCRYPTION = 1, 2, 3, 21, 28
ENOMEM, ENOTCONN, EINVAL = 12, 107, 22
WRITE_ENCRYPTED = 0x1000
ATTRIBUTE_BYTES = 20  # of an attribute until the firmware asks for more
MTU_DEFAULT = 23
QUEUE_MAX = 12  # ASSUMED: notifications that the stack holds before it has no memory left
_NEVER = 0xFFFFFFFF
_EVENT = struct.Struct("<BHHBB6s")


class LinkError(Exception):
    """The central's request failed: not connected, or the attribute protocol's error number."""


class Radio:
    """One board's radio. The firmware comes through `handle`, the central through `connect`. Safe from any thread."""

    def __init__(self, raise_event: Callable[[int], None]) -> None:
        self._raise = raise_event
        self._changed = threading.Condition()
        self.settings: dict[str, Any] = {}
        self.advertising: bytes | None = None
        self.tells: list[bytes] = []  # every advertisement so far
        self._events: collections.deque[bytes] = collections.deque(maxlen=32)
        self._attributes: dict[int, tuple[str, int]] = {}
        self._values: dict[int, bytes] = {}
        self._room: dict[int, int] = {}
        self._connections = 0
        self.link: Link | None = None
        self.active = False

    # -- the firmware ----------------------------------------------------------------------------------------------
    def handle(self, command: int, argument: int, payload: bytes) -> tuple[int, bytes]:
        """Do one request: (status or minus an error number, bytes)."""
        with self._changed:
            answer = self._handle(command, argument, payload)
            self._changed.notify_all()
            return answer

    def _handle(self, command: int, argument: int, payload: bytes) -> tuple[int, bytes]:
        answer = (0, b"")
        if command == ACTIVE:
            if argument < 2:
                self._switch(bool(argument))
            answer = (int(self.active), b"")
        elif command == NEXT:
            found = self._events.popleft() if self._events else b""
            answer = (len(found), found)
        elif not self.active:
            answer = (-EINVAL, b"")
        elif command == ADVERTISE:
            self.advertising = None if argument == _NEVER else payload
            self.tells += [payload] if argument != _NEVER else []
        elif command == REGISTER:
            answer = self._register(json.loads(payload))
        elif command == NOTIFY:
            answer = (self._notify(argument >> 16, payload), b"")
        elif command == READ:
            answer = (len(self._values.get(argument, b"")), self._values.get(argument, b""))
        elif command == BUFFER:
            self._room[argument] = struct.unpack("<H", payload)[0]
        elif command == CONFIG:
            self.settings.update(json.loads(payload))
        elif command == DISCONNECT:
            self._drop()
        return answer

    def board_stopped(self) -> None:
        """The microcontroller restarts or sleeps: the radio with it."""
        with self._changed:
            self._switch(False)
            self._changed.notify_all()

    def _switch(self, on: bool) -> None:
        self.active = on
        self.advertising = None
        self._events.clear()
        if self.link is not None:
            self.link.up = False
            self.link = None

    def _register(self, services: list[Any]) -> tuple[int, bytes]:
        self._attributes.clear()
        for _, characteristics in services:
            for uuid, flags in characteristics:
                handle = 16 + 3 * len(self._attributes)
                self._attributes[handle] = (uuid, flags)
        numbers = struct.pack(f"<{len(self._attributes)}H", *self._attributes)
        return len(numbers), numbers

    def _notify(self, connection: int, data: bytes) -> int:
        link = self.link
        if link is None or link.number != connection:
            return -ENOTCONN
        if len(link.queue) >= QUEUE_MAX:
            return -ENOMEM
        link.queue.append(data[: link.mtu - 3])  # cut without a word, as the stack does
        return 0

    def _tell(self, event: int, value: int = 0, first: int = 0, second: int = 0) -> None:
        number = self.link.number if self.link is not None else 0
        self._events.append(_EVENT.pack(event, number, value, first, second, bytes(range(6))))
        self._raise(EVENT)

    def _drop(self) -> None:
        if self.link is not None:
            self._tell(DISCONNECTED)
            self.link.up = False
            self.link = None

    # -- the central -----------------------------------------------------------------------------------------------
    def connect(self, timeout_s: float = 20.0) -> Link:
        """Connect to the board once it advertises; raise LinkError when it does not in that time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.advertising is not None, timeout_s):
                raise LinkError(f"no advertisement within {timeout_s:g} s")
            self._connections += 1
            self.advertising = None
            self.link = link = Link(self, self._connections)
            self._tell(CONNECTED)
            return link


class Link:
    """One connection, seen from the central."""

    def __init__(self, radio: Radio, number: int) -> None:
        self._radio = radio
        self.number = number
        self.mtu = MTU_DEFAULT
        self.encrypted = False
        self.up = True
        self.queue: collections.deque[bytes] = collections.deque()

    def exchange_mtu(self, mtu: int) -> int:
        """Agree on the larger size that both can do."""
        with self._radio._changed:
            self._require_up()
            self.mtu = max(MTU_DEFAULT, min(mtu, int(self._radio.settings.get("mtu", 256))))
            self._radio._tell(MTU_EXCHANGED, self.mtu)
            return self.mtu

    def pair(self) -> None:
        """Encrypt the link without a number to compare; refused when the board wants one."""
        with self._radio._changed:
            self._require_up()
            if self._radio.settings.get("mitm"):
                raise LinkError("the board wants a number compared")
            self.encrypted = True
            self._radio._tell(ENCRYPTION, 16, 1, 0)

    def write(self, uuid: str, data: bytes) -> None:
        """Write an attribute; raise LinkError as the attribute protocol would."""
        radio = self._radio
        with radio._changed:
            self._require_up()
            found = [(handle, flags) for handle, (name, flags) in radio._attributes.items() if name == uuid]
            if not found:
                raise LinkError(f"no attribute {uuid}")
            handle, flags = found[0]
            if flags & WRITE_ENCRYPTED and not self.encrypted:
                raise LinkError("0x0f: insufficient encryption")
            radio._values[handle] = data[: radio._room.get(handle, ATTRIBUTE_BYTES)]
            radio._tell(WRITTEN, handle)

    def notification(self, timeout_s: float = 5.0) -> bytes | None:
        """The next one, or None when none comes in that time; raise LinkError when the link is gone."""
        with self._radio._changed:
            self._radio._changed.wait_for(lambda: bool(self.queue) or not self.up, timeout_s)
            if self.queue:
                return self.queue.popleft()
            self._require_up()
            return None

    def disconnect(self) -> None:
        """Leave; what is under way is lost."""
        with self._radio._changed:
            if self.up:
                self.queue.clear()
                self._radio._drop()

    def _require_up(self) -> None:
        if not self.up:
            raise LinkError("not connected")
