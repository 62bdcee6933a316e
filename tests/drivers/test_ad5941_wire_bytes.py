"""What the AD5941 driver puts on the wire, byte by byte, and its arithmetic, against the notes' own numbers."""

from __future__ import annotations

from array import array

import pytest

from firmware.drivers import ad5941_convert as convert
from firmware.drivers.ad5941_bus import RegisterBus
from firmware.drivers.ad5941_sequence import crc8, half_waits, write_command
from firmware.drivers.errors import BadRequest, BusFault


class Wire:
    """SPI and CS that keep every frame; answers come from `replies`, then zeros."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.replies: list[bytes] = []
        self._selected = False

    def cs(self, level: int) -> None:
        self._selected = level == 0

    def write(self, out: bytes) -> None:
        assert self._selected, "a transfer outside chip select"
        self.frames.append(bytes(out).hex())

    def write_readinto(self, out: bytes, into: bytearray) -> None:
        self.write(out)
        reply = self.replies.pop(0) if self.replies else b""
        into[:] = reply.ljust(len(into), b"\0")[: len(into)]


def on_the_wire() -> tuple[Wire, RegisterBus]:
    wire = Wire()
    return wire, RegisterBus(wire, wire.cs)


def test_a_write_is_an_address_frame_and_a_data_frame_of_the_registers_width() -> None:
    wire, bus = on_the_wire()
    bus.write(0x0A04, 0x4859)
    bus.write(0x2120, 0x12345)
    bus.write(0x3014, 0xFFFFFFFF)
    assert wire.frames == ["200a04", "2d4859", "202120", "2d00012345", "203014", "2dffffffff"]


def test_a_read_has_one_dummy_byte_before_its_data() -> None:
    wire, bus = on_the_wire()
    wire.replies = [bytes.fromhex("00004144"), bytes.fromhex("000012345678")]
    assert bus.read(0x0400) == 0x4144
    assert bus.read(0x2230) == 0x12345678
    assert wire.frames == ["200400", "6d000000", "202230", "6d0000000000"]


def test_a_fifo_burst_ends_with_the_offset_that_keeps_the_prefetch_from_popping() -> None:
    wire, bus = on_the_wire()
    wire.replies = [bytes(7) + bytes.fromhex("c2610001c2610002c2610003")]
    words = array("I", [0] * 3)
    assert bus.read_fifo(words, 3) == 3
    assert wire.frames == ["5f" + "00" * 6 + "00000000" + "44444444" * 2]
    assert list(words) == [0xC2610001, 0xC2610002, 0xC2610003]


def test_fewer_than_three_words_are_popped_one_by_one() -> None:
    wire, bus = on_the_wire()
    bus.read_fifo(array("I", [0] * 2), 2)
    assert wire.frames == ["20206c", "6d0000000000"] * 2


def test_a_value_that_does_not_arrive_is_tried_twice_and_then_a_bus_fault() -> None:
    wire, bus = on_the_wire()
    with pytest.raises(BusFault, match="readback"):
        bus.write_checked(0x2128, 1)
    assert wire.frames.count("2d00000001") == 2


def test_the_commands_are_the_ones_of_the_notes() -> None:
    assert write_command(0x2120, 0) == 0xC8000000
    assert write_command(0x2000, 0x90180) == 0x80090180
    assert write_command(0x2004, 0) == 0x81000000
    assert write_command(0x209C, 1) == 0xA7000001


def test_a_half_period_is_made_of_its_parts_to_the_clock() -> None:
    first, second = convert.conversion_clocks(0)
    settle, window = half_waits(320_000, first, second)
    assert settle + window + 3 == 320_000
    assert first < window < second
    assert first / 16_000 == pytest.approx(0.237, abs=0.0005)  # the notes' table, milliseconds
    assert convert.conversion_clocks(3)[0] / 16_000 == pytest.approx(1.80, abs=0.005)


def test_the_crc_starts_at_one_and_runs_most_significant_byte_first() -> None:
    bits = format(0x81000000, "032b")
    crc = 1
    for bit in bits:  # the same polynomial, bit by bit
        crc = (crc << 1 ^ (0x07 if (crc >> 7) ^ int(bit) else 0)) & 0xFF
    assert crc8(1, 0x81000000) == crc


def test_the_coupling_rule_lowers_the_code_only_below_the_six_bit_level() -> None:
    at_zero = convert.lpdac_word(0, 32)
    assert at_zero & 0xFFF == 64 * 32
    assert convert.lpdac_word(537, 32) & 0xFFF == 64 * 32 - 1 - 1
    assert convert.lpdac_word(-537, 32) & 0xFFF == 64 * 32 + 1


def test_the_current_is_anodic_positive_and_of_the_notes_size() -> None:
    assert convert.convert_current_a(0x8001, 10_000.0) == pytest.approx(3.73e-9, rel=0.002)
    assert convert.convert_current_a(0x7FFF, 100_000.0) == pytest.approx(-0.373e-9, rel=0.002)


def test_a_span_that_the_converter_cannot_reach_is_refused() -> None:
    with pytest.raises(BadRequest):
        convert.vzero_code(-1_200_000, 1_200_000)
    assert convert.vzero_code(-1_090_000, 1_090_000) == 32
