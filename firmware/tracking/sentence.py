"""NMEA 0183 framing: bytes in, one checked sentence at a time out, in buffers allocated once.

Everything between sentences is dropped and counted: binary frames, comments, lines cut short. A sentence counts only
with a right checksum, because a sentence cut and joined by the UART can still look like one.
"""

from array import array

SENTENCE_BYTES_MAX = 120  # NMEA 0183 says 82; receivers with four-decimal HDOP or many satellites exceed it
FIELDS_MAX = 32
_DOLLAR = 36
_STAR = 42
_COMMA = 44
_DOT = 46
_MINUS = 45
_LINE_ENDS = (13, 10)


class Sentence:
    """The sentence being received and, after take() said True, its fields.

    Field 0 is the address (talker and type), e.g. b"GNRMC".
    """

    def __init__(self) -> None:
        self._bytes = bytearray(SENTENCE_BYTES_MAX)
        self._view = memoryview(self._bytes)
        self._starts = array("H", [0] * (FIELDS_MAX + 1))
        self._length = -1  # -1: outside a sentence
        self.fields = 0
        self.good = 0
        self.bad = 0
        self.dropped_bytes = 0

    def take(self, byte: int) -> bool:
        """Take one byte; True when it completed a sentence whose checksum is right."""
        length = self._length
        if byte == _DOLLAR:
            if length >= 0:
                self.bad += 1  # the line before was cut
            self._length = 0
            return False
        if length < 0:
            if byte not in _LINE_ENDS:
                self.dropped_bytes += 1
            return False
        if byte in _LINE_ENDS:
            self._length = -1
            if self._check(length):
                self.good += 1
                return True
            self.bad += 1
            return False
        if byte < 32 or byte > 126 or length == SENTENCE_BYTES_MAX:
            self._length = -1
            self.bad += 1
            return False
        self._bytes[length] = byte
        self._length = length + 1
        return False

    def _check(self, length: int) -> bool:
        """Whether `*hh` ends the line and is the exclusive or of what stands before; notes where fields begin."""
        line = self._bytes
        if length < 9 or line[length - 3] != _STAR:
            return False
        total = 0
        fields = 0
        self._starts[0] = 0
        for i in range(length - 3):
            byte = line[i]
            total ^= byte
            if byte == _COMMA:
                fields += 1
                if fields == FIELDS_MAX:
                    return False
                self._starts[fields] = i + 1
        self.fields = fields + 1
        self._starts[self.fields] = length - 2
        return total == _hex(line[length - 2]) << 4 | _hex(line[length - 1])

    def is_a(self, kind: bytes) -> bool:
        """Whether this is a sentence of that type (b"RMC"), from any talker of two letters."""
        line = self._bytes
        return (
            self._starts[1] == 6
            and line[2] == kind[0]
            and line[3] == kind[1]
            and line[4] == kind[2]
            and line[0] != 80  # P: a proprietary sentence has no talker
        )

    def is_empty(self, number: int) -> bool:
        """Whether a field is absent or has no characters."""
        return number >= self.fields or self._starts[number + 1] - 1 == self._starts[number]

    def letter(self, number: int) -> int:
        """The first byte of a field; 0 when it is empty."""
        return 0 if self.is_empty(number) else self._bytes[self._starts[number]]

    def scaled(self, number: int, decimals: int):
        """A decimal number times 10**decimals, rounded half away from zero; None when the field is empty.

        Raises ValueError when the field is not a number.
        """
        if self.is_empty(number):
            return None
        at = self._starts[number]
        end = self._starts[number + 1] - 1
        line = self._bytes
        negative = line[at] == _MINUS
        if negative:
            at += 1
        value = 0
        seen = 0
        left = -1  # decimals still to come; -1 before the point
        round_up = 0
        while at < end:
            byte = line[at]
            at += 1
            if byte == _DOT and left < 0:
                left = decimals
            elif 48 <= byte <= 57:
                seen += 1
                if left < 0:
                    value = value * 10 + byte - 48
                elif left > 0:
                    value = value * 10 + byte - 48
                    left -= 1
                elif left == 0:
                    round_up = 1 if byte >= 53 else 0
                    left = -2
                # further decimals do not change the rounding
                if left == -2:
                    while at < end:
                        if not 48 <= line[at] <= 57:
                            raise ValueError("not a number")
                        at += 1
                    left = 0
            else:
                raise ValueError("not a number")
        if not seen or seen > 18:
            raise ValueError("not a number")
        value = value * 10 ** (decimals if left < 0 else left) + round_up
        return -value if negative else value

    def text(self) -> bytes:
        """The sentence without `$` and checksum, for a log."""
        return bytes(self._view[: self._starts[self.fields] - 1])


def _hex(byte: int) -> int:
    if 48 <= byte <= 57:
        return byte - 48
    byte |= 32  # some receivers write the checksum in small letters
    return byte - 87 if 97 <= byte <= 102 else 256
