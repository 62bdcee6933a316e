"""The 6 kB SRAM that the sequencer's commands and the data FIFO share (ad5941.md section 8)."""

from __future__ import annotations

SRAM_WORDS = 1536
PRIVATE_WORDS = 8
_WORDS_OF_CODE = (PRIVATE_WORDS, 512, 1024, 1536)
MODE_FIFO = 2
MODE_STREAM = 3


class SharedMemory:
    """Commands from the bottom, data from the top; a split of more than 6 kB lets one overwrite the other."""

    def __init__(self) -> None:
        self.words = [0] * SRAM_WORDS
        self._private_command = [0] * PRIVATE_WORDS
        self._private_data = [0] * PRIVATE_WORDS
        self.command_code = 0
        self.data_code = 0
        self.data_mode = MODE_FIFO
        self._head = 0
        self.count = 0

    def configure(self, command_code: int, data_code: int, data_mode: int) -> None:
        """Sizes as codes of CMDDATACON (0 = 32 B, 1 = 2 kB, 2 = 4 kB, 3 = 6 kB)."""
        self.command_code = min(command_code, 3)
        self.data_code = min(data_code, 3)
        self.data_mode = data_mode
        self.clear()

    @property
    def command_words(self) -> int:
        return _WORDS_OF_CODE[self.command_code]

    @property
    def data_words(self) -> int:
        return _WORDS_OF_CODE[self.data_code]

    @property
    def overlaps(self) -> bool:
        """True when the two sides together ask for more than there is."""
        shared = (self.command_words if self.command_code else 0) + (self.data_words if self.data_code else 0)
        return shared > SRAM_WORDS

    def write_command(self, address: int, word: int) -> bool:
        """Store a command; False when the address is outside the sequencer's side."""
        if address >= self.command_words:
            return False
        if self.command_code == 0:
            self._private_command[address] = word
        else:
            self.words[address] = word
        return True

    def command(self, address: int) -> int:
        """The command at a word address; beyond the sequencer's side there is only 0 (wait one clock)."""
        if address >= self.command_words:
            return 0
        return self._private_command[address] if self.command_code == 0 else self.words[address]

    def clear(self) -> None:
        self._head = 0
        self.count = 0

    def forget(self) -> None:
        """Hibernate without retention: what comes back is not what was there."""
        self.words = [0xA5A5A5A5] * SRAM_WORDS
        self.clear()

    @property
    def full(self) -> bool:
        return self.count >= self.data_words

    def push(self, word: int) -> bool:
        """Append a data word. False when something was lost: the new word (FIFO mode) or the oldest (stream mode)."""
        lost = self.full
        if lost:
            if self.data_mode != MODE_STREAM:
                return False
            self._head = (self._head + 1) % self.data_words
            self.count -= 1
        self._store((self._head + self.count) % self.data_words, word)
        self.count += 1
        return not lost

    def pop(self) -> int | None:
        """Oldest data word, None when empty."""
        if not self.count:
            return None
        word = self._load(self._head)
        self._head = (self._head + 1) % self.data_words
        self.count -= 1
        return word

    def _store(self, index: int, word: int) -> None:
        if self.data_code == 0:
            self._private_data[index] = word
        else:
            self.words[SRAM_WORDS - self.data_words + index] = word

    def _load(self, index: int) -> int:
        if self.data_code == 0:
            return self._private_data[index]
        return self.words[SRAM_WORDS - self.data_words + index]
