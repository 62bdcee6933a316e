"""Raw SPI frames to the simulated AD5941, as ad5941.md section 1 describes them; no driver is involved."""

from __future__ import annotations

from simulators.ad5941 import Ad5941


class Frames:
    """A host that knows only the frame format. Time moves a little with each frame."""

    def __init__(self, chip: Ad5941, now_us: float = 1000.0, frame_us: float = 4.0) -> None:
        self.chip = chip
        self.now_us = now_us
        self.frame_us = frame_us

    def wait(self, us: float) -> None:
        self.now_us += us

    def frame(self, data: bytes) -> bytes:
        now = int(self.now_us)
        self.chip.chip_select(True, now)
        reply = self.chip.transfer(data, now)
        self.chip.chip_select(False, now)
        self.now_us += self.frame_us
        return reply

    @staticmethod
    def width(address: int) -> int:
        return 4 if 0x1000 <= address <= 0x3014 else 2

    def address(self, address: int) -> None:
        self.frame(bytes((0x20, address >> 8, address & 0xFF)))

    def again(self, width: int) -> int:
        """Read the register that the sticky address points at."""
        return int.from_bytes(self.frame(bytes((0x6D, 0)) + bytes(width))[2:], "big")

    def read(self, address: int) -> int:
        self.address(address)
        return self.again(self.width(address))

    def write(self, address: int, value: int) -> None:
        self.address(address)
        self.frame(b"\x2d" + value.to_bytes(self.width(address), "big"))

    def initialise(self) -> None:
        for row in self.chip.map.constants["init_write"]:
            self.write(row["address"], row["value"])

    def read_fifo(self, words: int, tail: int = 2) -> list[int]:
        """READFIFO burst: zeros, and 0x44 for the last `tail` words."""
        mosi = b"\x5f" + bytes(6) + bytes(4 * (words - tail)) + b"\x44" * (4 * tail)
        reply = self.frame(mosi)[7:]
        return [int.from_bytes(reply[4 * i : 4 * i + 4], "big") for i in range(words)]

    def loop(self, code12: int, code6: int, *, tia: int = 0x2118, switches: int = 0x14) -> None:
        """Low-power loop on, three-electrode cell, ADC ready with SINC2 22 (words of section 12)."""
        for address, value in (
            (0x2128, 1),
            (0x2124, 0x34),
            (0x2120, code6 << 12 | code12),
            (0x20EC, tia),
            (0x20E4, switches),
            (0x21A8, 0x10221),
            (0x2044, 0x1011),
            (0x2000, 0x90080),
            (0x300C, 0x85),
        ):
            self.write(address, value)
        self.wait(400)

    def convert(self, wait_us: float = 260.0) -> int:
        """One SINC2 result as a signed code."""
        self.write(0x3004, 0xFFFFFFFF)
        self.write(0x2000, 0x90180)
        self.wait(wait_us)
        code = self.read(0x2080)
        self.write(0x2000, 0x90080)
        return code - 0x8000

    def program(self, start: int, commands: list[int]) -> None:
        """Load commands into the sequencer's memory."""
        for index, command in enumerate(commands):
            self.write(0x21D4, start + index)
            self.write(0x2070, command)


def quiet_part(**changes: float) -> object:
    """A part without spread or noise, for tests that need round figures."""
    from simulators.ad5941 import Part

    values: dict[str, float] = {
        "rtia_tolerance": 0.0, "rtia_spread": 0.0, "rtia_drift_per_k": 0.0, "lfosc_hz": 32_000.0, "hfosc_error": 0.0,
        "adc_offset_v": 0.0, "adc_gain_error": 0.0, "lpdac_inl_v": 0.0, "noise_900sps_v": 0.0,
        "hsdac_gain_error": 0.0, "hsdac_offset_v": 0.0,
    }  # fmt: skip
    return Part(**(values | changes))  # type: ignore[arg-type]
