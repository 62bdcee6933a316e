"""u-blox UBX frames: framing with resynchronisation, settings to the receiver, and what it says about interference.

Offsets and codes: u-blox M10 SPG 5.10 interface description (hardware/registers/ublox.toml holds them as data). Only
what a tracker needs is read; position and time come as NMEA.
"""

SYNC_1 = 0xB5
SYNC_2 = 0x62
PAYLOAD_MAX = 256  # longer frames are not ours; a wrong length byte must not swallow the NMEA that follows

NAV_STATUS = 0x0103
MON_RF = 0x0A38
SEC_SIG = 0x2709
ACK = 0x0501
NAK = 0x0500
_VALSET = 0x068A
_LAYER_RAM = 1

# Nothing of this is on by default (CFG keys, one byte of value each): messages at every epoch, and the monitor itself.
SETTINGS = (
    ("jamming monitor", ((0x1041000D, 1), (0x2091035A, 1))),  # CFG-ITFM-ENABLE, MSGOUT MON-RF on UART1
    ("spoofing monitor", ((0x2091001B, 1),)),  # MSGOUT NAV-STATUS
    ("signal security", ((0x20910635, 1),)),  # MSGOUT SEC-SIG: newer firmware only, may be refused
    ("accuracy", ((0x209100D4, 1),)),  # MSGOUT NMEA GST
)

# What UbxReader.take says of a byte
MORE = 0
COMPLETE = 1
REJECTED = 2


def frame(message: int, payload: bytes) -> bytes:
    """The frame of a message; `message` is class << 8 | id."""
    body = bytes([message >> 8, message & 0xFF]) + len(payload).to_bytes(2, "little") + payload
    a = 0
    b = 0
    for byte in body:
        a = (a + byte) & 0xFF
        b = (b + a) & 0xFF
    return bytes([SYNC_1, SYNC_2]) + body + bytes([a, b])


def valset(pairs: tuple) -> bytes:
    """CFG-VALSET of one-byte values into RAM."""
    payload = bytes([0, _LAYER_RAM, 0, 0])
    for key, value in pairs:
        payload += key.to_bytes(4, "little") + bytes([value])
    return frame(_VALSET, payload)


class UbxReader:
    """Takes bytes from SYNC_1 on. COMPLETE: `message` and `payload` hold a frame with a right checksum. REJECTED: the
    bytes in `rejected` were no frame; all but the first have to be looked at again."""

    def __init__(self) -> None:
        self._buffer = bytearray(PAYLOAD_MAX + 8)
        self._filled = 0
        self.active = False
        self.message = 0
        self.length = 0
        self.payload = memoryview(self._buffer)[6:]
        self.bad = 0

    def take(self, byte: int) -> int:
        """MORE, COMPLETE or REJECTED."""
        buffer = self._buffer
        buffer[self._filled] = byte
        self._filled += 1
        filled = self._filled
        self.active = True
        if filled == 2 and byte != SYNC_2:
            return self._reject()
        if filled < 6:
            return MORE
        length = buffer[4] | buffer[5] << 8
        if length > PAYLOAD_MAX:
            return self._reject()
        if filled < length + 8:
            return MORE
        a = 0
        b = 0
        for i in range(2, length + 6):
            a = (a + buffer[i]) & 0xFF
            b = (b + a) & 0xFF
        if buffer[length + 6] != a or buffer[length + 7] != b:
            return self._reject()
        self.message = buffer[2] << 8 | buffer[3]
        self.length = length
        self._filled = 0
        self.active = False
        return COMPLETE

    def _reject(self) -> int:
        self.bad += 1
        self.rejected = bytes(memoryview(self._buffer)[: self._filled])
        self._filled = 0
        self.active = False
        return REJECTED


class Radio:
    """What the receiver says of the radio: 1 nothing noticed, 2 warning or indicated, 3 critical or affirmed.

    A zero means "unknown or off" in every message and is never taken for clean: firmware that has SEC-SIG version 2
    tells zero in MON-RF for ever.
    """

    def __init__(self) -> None:
        self.answered: "bool | None" = None  # to the last settings: True accepted, False refused
        self._jamming = 0
        self._spoofing = 0

    def news(self) -> tuple:
        """(jamming, spoofing): the worst said since the last call; None when nothing was said."""
        said = (self._jamming or None, self._spoofing or None)
        self._jamming = 0
        self._spoofing = 0
        return said

    def take(self, reader: UbxReader) -> None:
        """Read a complete frame."""
        payload = reader.payload
        length = reader.length
        if reader.message == MON_RF and length >= 4 and length >= 4 + 24 * payload[1]:
            for i in range(payload[1]):
                self._say(payload[4 + 24 * i + 1] & 3, 0)
        elif reader.message == NAV_STATUS and length == 16:
            self._say(0, payload[7] >> 3 & 3)
        elif reader.message == SEC_SIG and length >= 12 and payload[0] == 1:
            self._say(
                payload[4] >> 1 & 3 if payload[4] & 1 else 0,
                payload[8] >> 1 & 7 if payload[8] & 1 else 0,
            )
        elif reader.message == SEC_SIG and length >= 4 and payload[0] == 2:
            flags = payload[1]
            self._say(flags >> 1 & 3 if flags & 1 else 0, flags >> 4 & 7 if flags & 8 else 0)
        elif reader.message in (ACK, NAK) and length == 2 and payload[0] << 8 | payload[1] == _VALSET:
            self.answered = reader.message == ACK

    def _say(self, jamming: int, spoofing: int) -> None:
        self._jamming = max(self._jamming, jamming)
        self._spoofing = max(self._spoofing, min(spoofing, 3))
