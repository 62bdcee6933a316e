"""Fuel gauge, accelerometer, haptics, pixels and strip contact (hardware/registers/behaviour.md 2 to 5)."""

from __future__ import annotations

import itertools
import math

import pytest

from simulators.ad5941 import RegisterMapViolation
from simulators.chips.battery import Battery
from simulators.chips.drv2605l import Drv2605l
from simulators.chips.i2c_chip import I2cFaults
from simulators.chips.lis3dh import Lis3dh
from simulators.chips.max17048 import Max17048
from simulators.chips.rgb_led import RgbLedStrip
from simulators.chips.strip_switch import StripSwitch
from tests.support.i2c_host import Host

# -- MAX17048 --------------------------------------------------------------------------------------------------------


def gauge(**keywords: float) -> tuple[Host, Battery]:
    battery = Battery(**keywords)
    return Host(Max17048(battery)), battery


def test_the_gauge_reads_voltage_charge_and_version() -> None:
    host, battery = gauge(soc=0.8)
    host.wait(2e6)
    assert host.word(0x08) & 0xFFF0 == 0x0010
    assert host.word(0x02) * 78.125e-6 == pytest.approx(battery.ocv_v(), abs=2e-4)
    assert host.word(0x04) / 256 == pytest.approx(80.0, abs=0.5)


def test_the_first_charge_figure_takes_a_second_and_the_reset_flag_stands_until_cleared() -> None:
    host, _ = gauge(soc=0.8)
    assert host.word(0x04) == 0
    host.wait(1.1e6)
    assert host.word(0x04) > 0
    assert host.word(0x1A) & 0x100
    host.write(0x1A, 0, 0)
    assert not host.word(0x1A) & 0x100


def test_a_load_lowers_voltage_then_charge_and_the_low_alert_stands() -> None:
    host, battery = gauge(soc=0.05)
    host.wait(2e6)
    rest = host.word(0x02)
    battery.set_load(150.0, host.now_us)
    host.wait(1e6)
    assert host.word(0x02) < rest - 400
    host.wait(120e6)
    assert host.word(0x1A) & 0x1000
    assert host.chip.alert_level(host.now_us) == 0  # type: ignore[attr-defined]
    host.write(0x0C, 0x97, 0x1C)
    assert host.chip.alert_level(host.now_us) == 1  # type: ignore[attr-defined]
    assert host.word(0x16) > 0x8000, "discharging: negative rate"


def test_a_single_byte_write_is_ignored() -> None:
    host, _ = gauge()
    host.write(0x0C, 0x55)
    assert host.word(0x0C) == 0x971C


def test_quick_start_under_load_guesses_wrong() -> None:
    host, battery = gauge(soc=0.5)
    host.wait(2e6)
    battery.set_load(200.0, host.now_us)
    host.wait(1e6)
    host.write(0x06, 0x40, 0x00)
    assert host.word(0x04) / 256 < 45.0
    assert host.chip.hazards


def test_the_reset_command_is_not_acknowledged_and_resets() -> None:
    host, _ = gauge()
    host.write(0x1A, 0, 0)
    assert not host.write(0xFE, 0x54, 0x00)
    host.wait(1.5e6)
    assert host.word(0x1A) & 0x100


def test_an_unlocked_table_freezes_the_gauge_and_sleep_does_too() -> None:
    host, battery = gauge(soc=0.8)
    host.wait(2e6)
    host.write(0x3E, 0x4A, 0x57)
    before = host.word(0x02)
    battery.set_load(200.0, host.now_us)
    host.wait(5e6)
    assert host.word(0x02) == before
    host.write(0x3E, 0, 0)
    host.wait(1e6)
    assert host.word(0x02) < before
    host.write(0x06, 0x20, 0x00)
    host.write(0x0C, 0x97, 0x9C)
    before = host.word(0x02)
    battery.set_load(0.0, host.now_us)
    host.wait(5e6)
    assert host.word(0x02) == before


def test_a_quiet_gauge_hibernates() -> None:
    host, _ = gauge()
    host.wait(2e6)
    assert not host.word(0x06) & 0x1000
    host.wait(400e6)
    assert host.word(0x06) & 0x1000


def test_without_a_cell_there_is_no_chip() -> None:
    host, _ = gauge()
    host.chip.remove_cell(host.now_us)  # type: ignore[attr-defined]
    assert not host.write(0x02)


def test_nak_and_stuck_lines_reach_the_host() -> None:
    faults = I2cFaults(nak_next=1)
    host = Host(Max17048(Battery(), faults=faults))
    assert not host.write(0x02)
    assert host.write(0x02)
    faults.flip_bit_every = 2
    first = host.word(0x08)
    assert first != 0x0010
    faults.sda_stuck_low = True
    assert not host.write(0x02)


# -- LIS3DH ----------------------------------------------------------------------------------------------------------


def signed(low: int, high: int) -> int:
    value = low | high << 8
    return value - 0x10000 if value & 0x8000 else value


def axes(host: Host) -> list[int]:
    data = host.read(0x28 | 0x80, 6)
    return [signed(data[2 * i], data[2 * i + 1]) for i in range(3)]


def test_identity_waits_for_the_boot() -> None:
    chip = Lis3dh()
    assert not chip.write(b"\x0f", 2_000)
    assert Host(chip).read(0x0F) == b"\x33"


@pytest.mark.parametrize(
    ("control1", "control4", "shift", "lsb_mg"), [(0x5F, 0x80, 8, 16), (0x57, 0x80, 6, 4), (0x57, 0x88, 4, 1)]
)
def test_each_mode_has_its_resolution(control1: int, control4: int, shift: int, lsb_mg: int) -> None:
    host = Host(Lis3dh(lambda now: (250.0, -500.0, 1000.0)))
    host.write(0x23, control4)
    host.write(0x20, control1)
    host.wait(200_000)
    assert [v >> shift for v in axes(host)] == pytest.approx([250 / lsb_mg, -500 / lsb_mg, 1000 / lsb_mg], abs=1)


def test_without_the_auto_increment_bit_every_byte_repeats() -> None:
    host = Host(Lis3dh(lambda now: (250.0, -500.0, 1000.0)))
    host.write(0x23, 0x80)
    host.write(0x20, 0x57)
    host.wait(200_000)
    data = host.read(0x28, 6)
    assert len(set(data)) == 1


def test_reserved_addresses_are_an_error() -> None:
    host = Host(Lis3dh())
    for address in (0x00, 0x10, 0x1D):
        with pytest.raises(RegisterMapViolation):
            host.write(address, 0)


def test_the_fifo_keeps_thirty_two_samples_and_wraps_its_pointer() -> None:
    host = Host(Lis3dh(lambda now: (now / 1e3 % 500.0, 0.0, 1000.0)))
    host.write(0x23, 0x80)
    host.write(0x24, 0x40)
    host.write(0x2E, 0x80 | 10)
    host.write(0x20, 0x57)
    host.wait(150_000)
    assert host.read(0x2F)[0] & 0x80
    host.wait(1_000_000)
    status = host.read(0x2F)[0]
    assert status & 0x40
    data = host.read(0x28 | 0x80, 6 * 5)
    xs = [signed(data[6 * i], data[6 * i + 1]) for i in range(5)]
    assert len(set(xs)) == 5
    assert host.read(0x2F)[0] & 0x1F == 27
    host.write(0x2E, 0x00)
    assert host.read(0x2F)[0] & 0x20


def test_a_flick_of_the_wrist_latches_int1_until_its_source_is_read() -> None:
    moving = [False]
    host = Host(Lis3dh(lambda now: (900.0 if moving[0] else 0.0, 0.0, 1000.0)))
    chip: Lis3dh = host.chip  # type: ignore[assignment]
    for address, value in ((0x21, 0x01), (0x22, 0x40), (0x24, 0x08), (0x32, 20), (0x33, 0), (0x30, 0x2A), (0x20, 0x2F)):
        host.write(address, value)
    host.wait(2_000_000)
    host.read(0x26)
    host.read(0x31)
    host.wait(500_000)
    assert chip.int1_level(host.now_us) == 0
    moving[0] = True
    host.wait(300_000)
    assert chip.int1_level(host.now_us) == 1
    moving[0] = False
    host.wait(3_000_000)
    assert chip.int1_level(host.now_us) == 1
    assert host.read(0x31)[0] & 0x42 == 0x42
    host.wait(3_000_000)
    host.read(0x31)
    host.wait(1_000_000)
    assert chip.int1_level(host.now_us) == 0


def test_two_taps_are_a_double_click() -> None:
    taps = [(1.0, 1.02), (1.1, 1.12)]

    def motion(now_us: float) -> tuple[float, float, float]:
        struck = any(start <= now_us * 1e-6 < end for start, end in taps)
        return (0.0, 0.0, 2_500.0 if struck else 0.0)

    host = Host(Lis3dh(motion))
    for address, value in (
        (0x22, 0x80),
        (0x23, 0x10),
        (0x38, 0x20),
        (0x3A, 0x80 | 60),
        (0x3B, 10),
        (0x3C, 10),
        (0x3D, 60),
        (0x20, 0x77),
    ):
        host.write(address, value)
    host.wait(1_600_000)
    assert host.chip.int1_level(host.now_us) == 1  # type: ignore[attr-defined]
    assert host.read(0x39)[0] & 0x60 == 0x60


def test_self_test_moves_every_axis_by_a_plausible_amount() -> None:
    host = Host(Lis3dh())
    host.write(0x23, 0x80)
    host.write(0x20, 0x57)
    host.wait(200_000)
    before = [v >> 6 for v in axes(host)]
    host.write(0x23, 0x82)
    host.wait(200_000)
    after = [v >> 6 for v in axes(host)]
    assert all(17 <= abs(b - a) <= 360 for a, b in zip(before, after, strict=True))


# -- DRV2605L --------------------------------------------------------------------------------------------------------


def shaker(**keywords: bool) -> tuple[Host, Drv2605l]:
    chip = Drv2605l(**keywords)  # type: ignore[arg-type]
    return Host(chip), chip


def test_a_driver_in_standby_ignores_go() -> None:
    host, chip = shaker()
    assert host.read(0x00)[0] >> 5 == 7
    host.write(0x0C, 1)
    host.wait(1e6)
    assert not chip.felt
    assert chip.hazards


def test_a_sequence_plays_its_effects_and_pauses_then_go_falls() -> None:
    host, chip = shaker()
    host.write(0x01, 0x00)
    host.write(0x03, 6)
    host.write(0x04, 15, 0x80 | 20, 1, 0)
    host.write(0x0C, 1)
    assert host.read(0x0C) == b"\x01"
    assert chip.amplitude(host.now_us + 10_000) == 1.0
    host.wait(1.5e6)
    assert host.read(0x0C) == b"\x00"
    first, second = chip.felt
    assert (first.effect, second.effect) == (15, 1)
    assert first.end_us - first.start_us == pytest.approx(750_000.0)
    assert second.start_us - first.end_us == pytest.approx(200_000.0)


def test_writing_zero_to_go_stops_an_endless_buzz() -> None:
    host, chip = shaker()
    for address, value in ((0x01, 0), (0x03, 6), (0x04, 118), (0x0C, 1)):
        host.write(address, value)
    host.wait(5e6)
    assert chip.amplitude(host.now_us) == 1.0
    host.write(0x0C, 0)
    assert chip.amplitude(host.now_us) == 0.0
    assert math.isfinite(chip.felt[-1].end_us)


def test_real_time_playback_follows_its_input() -> None:
    host, chip = shaker()
    host.write(0x01, 0x05)
    host.write(0x02, 0x7F)
    host.wait(300_000)
    assert chip.amplitude(host.now_us) == 1.0
    assert host.read(0x22)[0] * 98.46e-6 == pytest.approx(1 / 175.0, rel=0.02)
    host.write(0x02, 0x00)
    assert chip.amplitude(host.now_us) == 0.0
    assert host.read(0x22) == b"\x00"
    assert chip.felt[0].end_us - chip.felt[0].start_us == pytest.approx(300_100, abs=400)


@pytest.mark.parametrize(("mounted", "drive_time", "good"), [(True, 24, True), (False, 24, False), (True, 2, False)])
def test_auto_calibration_says_whether_it_worked(mounted: bool, drive_time: int, good: bool) -> None:
    host, _ = shaker(actuator_mounted=mounted)
    for address, value in ((0x01, 0x07), (0x1A, 0xB6), (0x1B, 0x80 | drive_time), (0x1E, 0x30), (0x0C, 1)):
        host.write(address, value)
    host.wait(1.3e6)
    assert host.read(0x0C) == b"\x00"
    status = host.read(0x00)[0]
    assert bool(status & 0x08) != good
    assert not host.read(0x00)[0] & 0x08, "cleared by reading"


def test_burning_the_memory_is_an_error_and_a_reset_restores() -> None:
    host, _ = shaker()
    with pytest.raises(RegisterMapViolation):
        host.write(0x1E, 0x21)
    host.write(0x16, 0x55)
    host.write(0x01, 0x80)
    host.wait(1_000)
    assert host.read(0x16) == b"\x3e"
    assert host.read(0x01) == b"\x40"


def test_some_clones_do_not_read_their_library_back() -> None:
    host, _ = shaker(library_reads_back=False)
    host.write(0x03, 6)
    assert host.read(0x03) == b"\x00"


# -- pixels and contact ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ws2812b_v5", "ws2812b", "sk6812"])
def test_the_timing_of_the_notes_suits_every_kind_of_pixel(kind: str) -> None:
    pixels = RgbLedStrip(2, kind)  # type: ignore[arg-type]
    pixels.bitstream((350, 850, 700, 600), bytes((0, 255, 0, 16, 0, 32)), 0)
    assert not pixels.errors
    assert pixels.colours == [(255, 0, 0), (0, 16, 32)]


def test_a_pulse_between_the_two_is_not_taken_for_either() -> None:
    pixels = RgbLedStrip(1, "ws2812b_v5")
    pixels.bitstream((480, 850, 700, 600), bytes((0, 255, 0)), 0)
    assert pixels.errors
    assert pixels.colours == [(0, 0, 0)]


def test_three_spi_bits_make_a_pixel_bit_for_the_kinds_that_allow_it() -> None:
    def encoded(data: bytes) -> bytes:
        bits = "".join("110" if byte >> bit & 1 else "100" for byte in data for bit in range(7, -1, -1))
        return int(bits, 2).to_bytes(len(bits) // 8, "big")

    for kind, right in (("sk6812", False), ("ws2812b", True), ("ws2812b_v5", False)):
        pixels = RgbLedStrip(1, kind)  # type: ignore[arg-type]
        pixels.spi(encoded(bytes((10, 20, 30))), 2_500_000, 0)
        assert (pixels.colours == [(20, 10, 30)]) == right, kind


def test_a_contact_bounces_and_then_settles() -> None:
    contact = StripSwitch(seed=4)
    assert contact.level(0) == 1
    contact.insert(1_000.0)
    levels = [contact.level(now) for now in range(1_000, 8_000, 10)]
    assert levels[-1] == 0
    assert sum(a != b for a, b in itertools.pairwise(levels)) >= 2
    contact.stuck = 1
    assert contact.level(9_000) == 1
