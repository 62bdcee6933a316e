"""Virtual boards for tests: small worlds, and mpremote as a person would use it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.buses import I2cBus, SpiBus
from simulators.virtual_board.peripherals import Peripherals
from simulators.virtual_board.uart import UartLine

MPREMOTE_TIMEOUT_S = 60
SPI_CHIP_SELECT = 10
EEPROM_ADDRESS = 0x50


@dataclass
class InvertingSpiChip:
    """Answers each byte with its complement; keeps the levels of its chip select."""

    selections: list[bool] = field(default_factory=list)

    def chip_select(self, active: bool, now_us: int) -> None:
        self.selections.append(active)

    def transfer(self, mosi: bytes, now_us: int) -> bytes:
        return bytes(byte ^ 0xFF for byte in mosi)


@dataclass
class Eeprom:
    """256 bytes behind an I2C address: the first byte written is the place."""

    cells: bytearray = field(default_factory=lambda: bytearray(range(256)))
    place: int = 0

    def write(self, data: bytes, now_us: int) -> bool:
        self.place = data[0]
        self.cells[self.place : self.place + len(data) - 1] = data[1:]
        return True

    def read(self, count: int, now_us: int) -> bytes | None:
        return bytes(self.cells[self.place : self.place + count])


@dataclass
class TestBench:
    """A board with one chip of each kind on it."""

    __test__ = False

    spi_chip: InvertingSpiChip = field(default_factory=InvertingSpiChip)
    eeprom: Eeprom = field(default_factory=Eeprom)
    line: UartLine = field(default_factory=UartLine)
    peripherals: Peripherals = field(default_factory=Peripherals)

    def __post_init__(self) -> None:
        self.peripherals.spi[1] = SpiBus({SPI_CHIP_SELECT: self.spi_chip})
        self.peripherals.i2c[0] = I2cBus({EEPROM_ADDRESS: self.eeprom})
        self.peripherals.uarts[1] = self.line

    def board(self, folder: Path, main: str = "", **settings: object) -> VirtualBoard:
        """A board with that main.py on it."""
        made = VirtualBoard(folder / "flash.img", peripherals=self.peripherals, **settings)  # type: ignore[arg-type]
        made.storage.write({"/main.py": main})
        return made


def mpremote(port: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run mpremote itself on a port; its output, whatever its exit status."""
    return subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", port, *arguments],
        capture_output=True,
        text=True,
        timeout=MPREMOTE_TIMEOUT_S,
        cwd=cwd,
        check=False,
    )
