"""The `bluetooth` module of the virtual board: a peripheral's half of MicroPython's own interface.

It bites where the real one does: 20 bytes of an attribute until `gatts_set_buffer`, OSError(ENOMEM) when the queue of
notifications is full, notifications cut at the link's size, data of an event valid only while its handler runs.
"""

import json
import struct

import _vboard
import machine
import vboard_ops as _ops

FLAG_READ, FLAG_WRITE_NO_RESPONSE, FLAG_WRITE, FLAG_NOTIFY, FLAG_INDICATE = 2, 4, 8, 16, 32
_EVENT = 200
_ACTIVE, _ADVERTISE, _REGISTER, _NOTIFY, _READ, _BUFFER, _CONFIG, _NEXT, _DISCONNECT = range(1, 10)
_NEVER = 0xFFFFFFFF
_handler = []
_shared = bytearray(6)


class UUID:
    """A 128-bit name as text."""

    def __init__(self, value):
        self._text = value

    def __repr__(self):
        return "UUID('%s')" % self._text


def _do(command, argument=0, payload=b"", room=0):
    answer = bytearray(room)
    status = _vboard.transact(_ops.RADIO, command, argument, payload, answer)
    if status < 0:
        raise OSError(-status)
    return answer[:status] if room else status


def _events(_):
    while True:
        found = _do(_NEXT, room=13)
        if not found:
            return
        event, connection, value, first, second, address = struct.unpack("<BHHBB6s", found)
        if not _handler:
            continue
        if event in (1, 2):
            _shared[:] = address
            _handler[0](event, (connection, first, memoryview(_shared)))
            _shared[:] = b"\xff" * 6
        elif event == 28:
            _handler[0](event, (connection, first, second, 0, value))
        else:
            _handler[0](event, (connection, value))


class BLE:
    """The one radio."""

    def active(self, on=None):
        if on is None:
            return bool(_do(_ACTIVE, 2))
        machine._handle(_EVENT, _events if on else None, None)
        _do(_ACTIVE, 1 if on else 0)

    def config(self, *names, **settings):
        if names:
            raise ValueError("unknown config param")
        for name in settings:
            if name not in ("mac", "addr_mode", "gap_name", "rxbuf", "mtu", "bond", "mitm", "io", "le_secure"):
                raise ValueError("unknown config param")
        _do(_CONFIG, 0, json.dumps(settings).encode())

    def irq(self, handler):
        _handler[:] = [] if handler is None else [handler]

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        if adv_data is not None and len(adv_data) > 31:
            raise OSError(22)
        _do(_ADVERTISE, _NEVER if interval_us is None else interval_us, adv_data or b"")

    def gap_disconnect(self, conn_handle):
        return bool(_do(_DISCONNECT, conn_handle))

    def gatts_register_services(self, services):
        told = [[s[0]._text, [[c[0]._text, c[1]] for c in s[1]]] for s in services]
        numbers = _do(_REGISTER, 0, json.dumps(told).encode(), 64)
        handles = list(struct.unpack("<%dH" % (len(numbers) // 2), numbers))
        found = []
        for _, characteristics in services:
            found.append(tuple(handles.pop(0) for _ in characteristics))
        return tuple(found)

    def gatts_read(self, value_handle):
        return bytes(_do(_READ, value_handle, b"", 512))

    def gatts_set_buffer(self, value_handle, len, append=False):
        _do(_BUFFER, value_handle, struct.pack("<H", len))

    def gatts_notify(self, conn_handle, value_handle, data=None):
        _do(_NOTIFY, value_handle | conn_handle << 16, data)
