"""Sealed records in flash: a bounded ring of files, chained by hash, whole or not there at all.

A record is written to a file that no reader looks at, closed, then renamed: LittleFS does each of those wholly or not
at all, so that a power cut leaves the ring as it was before or with the whole record. `os` and `open` are passed in.
"""

import binascii
import hashlib

GENESIS = "0" * 64
SUFFIX = ".wzr"
UNFINISHED = "next.tmp"
CHUNK_BYTES = 256


class RingError(Exception):
    """The ring could not be read or written; `reason` is a short word."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__("%s%s" % (reason, ": " + detail if detail else ""))
        self.reason = reason


class FlashRing:
    """At most `capacity` records under `folder`, oldest dropped first; `discards` counts what was dropped."""

    def __init__(self, filesystem, opener, folder: str = "/records", capacity: int = 48):
        self._os = filesystem
        self.open = opener
        self.folder = folder
        self.capacity = capacity
        self.discards = 0
        try:
            self._os.mkdir(folder)
        except OSError as error:
            if error.args[0] != 17:  # EEXIST: that is what was wanted
                raise RingError("no_folder", str(error)) from None

    def numbers(self) -> list:
        """Numbers of the whole records, oldest first."""
        found = []
        for name in self._os.listdir(self.folder):
            if name.endswith(SUFFIX):
                found.append(int(name[: -len(SUFFIX)]))
        found.sort()
        return found

    def path(self, number: int) -> str:
        """Where record `number` lies."""
        return "%s/%08d%s" % (self.folder, number, SUFFIX)

    def aside_path(self, number: int) -> str:
        """Where trace `number` of the test under way waits for its record."""
        return "%s/%d.aside" % (self.folder, number)

    def drop_aside(self, number: int) -> None:
        """Its record is written, or its test is over."""
        try:
            self._os.remove(self.aside_path(number))
        except OSError:  # the next test writes over it
            pass

    def make_room(self, size: int) -> None:
        """Drop the oldest records until so many bytes are free: a full flash would keep every new verdict out.

        The newest stays, for the chain.
        """
        numbers = self.numbers()
        while len(numbers) > 1:
            held = self._os.statvfs(self.folder)
            if held[1] * held[3] >= size:
                return
            self._os.remove(self.path(numbers.pop(0)))
            self.discards += 1

    def lines_of(self, number: int):
        """The record's text in chunks (generator), without its line end."""
        with self.open(self.path(number), "rb") as file:
            while True:
                chunk = file.read(CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk

    def last_sha256(self) -> str:
        """Hash of the newest record, which the next one names; of nothing, the genesis hash."""
        numbers = self.numbers()
        if not numbers:
            return GENESIS
        digest = hashlib.sha256()
        for chunk in self.lines_of(numbers[-1]):
            digest.update(chunk)
        return binascii.hexlify(digest.digest()).decode()

    def append(self, pieces):
        """Write one record from its pieces (generator: yields 0 now and then); returns its number.

        Only when this has returned may the verdict be told.
        """
        numbers = self.numbers()
        number = numbers[-1] + 1 if numbers else 1
        unfinished = self.folder + "/" + UNFINISHED
        held = []
        size = 0
        with self.open(unfinished, "wb") as file:
            for piece in pieces:
                held.append(piece)
                size += len(piece)
                if size >= CHUNK_BYTES:
                    file.write("".join(held).encode())
                    held = []
                    size = 0
                    yield 0
            file.write("".join(held).encode())
        self._os.rename(unfinished, self.path(number))
        numbers.append(number)
        while len(numbers) > self.capacity:  # only now: a cut before this keeps the old and the new
            self._os.remove(self.path(numbers.pop(0)))
            self.discards += 1
        return number
