"""Whatever a broken bus sends, a simulated chip answers: it may record violations, it never falls over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.ad5941 import Ad5941, RandlesCell, ResistorCell
from simulators.chips import As7341, Drv2605l, Lis3dh, Max17048
from simulators.chips.i2c_chip import I2cChip
from simulators.chips.rgb_led import RgbLedStrip
from tests.support.ad5941_frames import Frames

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
CHIPS: dict[str, Callable[[], I2cChip]] = {
    "as7341": lambda: As7341(strict=False),
    "max17048": lambda: Max17048(strict=False),
    "lis3dh": lambda: Lis3dh(strict=False),
    "drv2605l": lambda: Drv2605l(strict=False),
}
WAIT_US = st.integers(0, 400_000)
FRAMES = st.lists(st.tuples(WAIT_US, st.binary(min_size=1, max_size=12)), max_size=40)
REGISTERS = sorted(Ad5941(strict=False).map.by_address)
WRITES = st.lists(st.tuples(WAIT_US, st.sampled_from(REGISTERS), st.integers(0, 0xFFFFFFFF)), max_size=40)


@EXAMPLES
@given(FRAMES)
def test_random_bytes_on_spi_never_break_the_front_end(frames: list[tuple[int, bytes]]) -> None:
    chip = Ad5941(ResistorCell(1e4), strict=False, seed=1)
    now = 0
    for wait, data in frames:
        now += wait
        chip.chip_select(True, now)
        assert len(chip.transfer(data, now)) == len(data)
        chip.chip_select(False, now)


@EXAMPLES
@given(WRITES)
def test_random_values_in_real_registers_never_break_the_front_end(writes: list[tuple[int, int, int]]) -> None:
    chip = Ad5941(ResistorCell(1e4), strict=False, seed=1)
    host = Frames(chip)
    for wait, address, value in writes:
        host.wait(wait)
        host.write(address, value & (1 << 8 * host.width(address)) - 1)
        host.read(address)
    chip.brown_out(int(host.now_us))
    host.wait(1_000)
    assert host.read(0x0400) == 0x4144, "after a supply dip the chip is as new"


HIGH_SPEED = [
    Ad5941(strict=False).map.address(name)
    for name in (
        "SWCON DSWFULLCON PSWFULLCON NSWFULLCON TSWFULLCON HSDACCON HSDACDAT WGCON WGFCW WGPHASE WGOFFSET WGAMPLITUDE "
        "HSRTIACON HSTIACON DFTCON ADCFILTERCON ADCCON PMBW FIFOCON BUFSENCON AFECON"
    ).split()
]
EXCITING = {"AFECON": 0x19CFC0, "SWCON": 0x1FFFF, "DSWFULLCON": 0x10, "PSWFULLCON": 0x10, "NSWFULLCON": 0x100,
            "TSWFULLCON": 0x110, "WGCON": 4, "HSRTIACON": 0x200, "ADCCON": 0x10101}  # fmt: skip


@EXAMPLES
@given(st.lists(st.tuples(st.integers(0, 40_000), st.sampled_from(HIGH_SPEED), st.integers(0, 0xFFFFFF)), max_size=20))
def test_random_values_on_a_running_high_speed_path_never_break_it(writes: list[tuple[int, int, int]]) -> None:
    chip = Ad5941(RandlesCell(100.0, 1e4, 1e-7), strict=False, seed=1)
    host = Frames(chip)
    for name, value in EXCITING.items():
        host.write(chip.map.address(name), value)
    for wait, address, value in writes:
        host.wait(wait)
        host.write(address, value)
        for result in ("DFTREAL", "DFTIMAG", "SINC2DAT"):
            assert 0 <= host.read(chip.map.address(result)) < 1 << 18


@pytest.mark.parametrize("name", sorted(CHIPS))
@EXAMPLES
@given(transactions=st.lists(st.tuples(WAIT_US, st.binary(max_size=8), st.integers(0, 16)), max_size=40))
def test_random_transactions_on_i2c_never_break_a_chip(name: str, transactions: list[tuple[int, bytes, int]]) -> None:
    chip = CHIPS[name]()
    now = 10_000
    for wait, data, count in transactions:
        now += wait
        assert chip.write(data, now) in (True, False)
        answer = chip.read(count, now)
        assert answer is None or len(answer) == count


@EXAMPLES
@given(st.binary(max_size=64), st.integers(500_000, 8_000_000))
def test_random_bits_on_the_pixel_line_show_something_or_an_error(data: bytes, baud_hz: int) -> None:
    pixels = RgbLedStrip(3)
    pixels.spi(data, baud_hz, 0)
    assert len(pixels.colours) == 3
    assert all(0 <= part <= 255 for colour in pixels.colours for part in colour)
