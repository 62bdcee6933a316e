"""Registers behind an I2C address: bounded retries, one typed error. `i2c` is machine.I2C-like."""

from firmware.drivers.errors import BusFault

TRIES = 3


class I2cRegisters:
    """Reads and writes registers of one chip. An address that does not answer three times is a BusFault."""

    def __init__(self, i2c, address: int, chip: str):
        self._i2c = i2c
        self.address = address
        self.chip = chip
        self._one = bytearray(1)
        self._two = bytearray(2)
        self.retries = 0

    def read_into(self, register: int, buffer) -> None:
        """Fill `buffer` from `register` on, in one transaction."""
        for left in range(TRIES - 1, -1, -1):
            try:
                self._i2c.readfrom_mem_into(self.address, register, buffer)
                return
            except OSError as error:
                self.retries += 1
                if left == 0:
                    raise BusFault(self.chip, "no_acknowledge", "read 0x%02X: %s" % (register, error)) from None

    def write_from(self, register: int, data) -> None:
        """Write `data` from `register` on, in one transaction."""
        for left in range(TRIES - 1, -1, -1):
            try:
                self._i2c.writeto_mem(self.address, register, data)
                return
            except OSError as error:
                self.retries += 1
                if left == 0:
                    raise BusFault(self.chip, "no_acknowledge", "write 0x%02X: %s" % (register, error)) from None

    def read(self, register: int) -> int:
        """One byte."""
        self.read_into(register, self._one)
        return self._one[0]

    def write(self, register: int, value: int) -> None:
        """One byte."""
        self._one[0] = value
        self.write_from(register, self._one)

    def write_checked(self, register: int, value: int, mask: int = 0xFF) -> None:
        """Write one byte and prove that it arrived; BusFault when it did not, twice."""
        got = 0
        for _ in range(2):
            self.write(register, value)
            got = self.read(register)
            if got & mask == value & mask:
                return
        raise BusFault(self.chip, "readback", "0x%02X is 0x%02X, not 0x%02X" % (register, got, value))

    def read_word(self, register: int) -> int:
        """Two bytes, high byte first."""
        self.read_into(register, self._two)
        return self._two[0] << 8 | self._two[1]

    def write_word(self, register: int, value: int) -> None:
        """Two bytes, high byte first, in one transaction."""
        self._two[0] = value >> 8
        self._two[1] = value & 0xFF
        self.write_from(register, self._two)
