"""The simulated AD5941 on its bus: frames, map, keys, reset, sleep (hardware/registers/ad5941.md 1 to 3, 11, 15)."""

from __future__ import annotations

import pytest

from simulators.ad5941 import Ad5941, Faults, Part, RegisterMapViolation, Variants
from tests.support.ad5941_frames import Frames


@pytest.fixture
def host() -> Frames:
    return Frames(Ad5941(seed=1))


def asleep(variants: Variants | None = None) -> Frames:
    host = Frames(Ad5941(seed=1, variants=variants))
    host.initialise()
    host.write(0x2118, 0xA47E5)
    host.write(0x211C, 0)
    host.write(0x211C, 1)
    assert host.chip.asleep
    return host


def test_identity_is_read_after_boot(host: Frames) -> None:
    assert host.read(0x0400) == 0x4144
    assert host.read(0x0404) in (0x5500, 0x5501, 0x5502)


def test_the_address_stays_set_between_reads(host: Frames) -> None:
    host.address(0x0400)
    assert [host.again(2) for _ in range(3)] == [0x4144] * 3


def test_width_follows_the_address(host: Frames) -> None:
    host.write(0x2230, 0xDEADBEEF)
    assert host.read(0x2230) == 0xDEADBEEF
    host.write(0x0900, 0x1234)
    assert host.read(0x0900) == 0x1234


@pytest.mark.parametrize("address", [0x0402, 0x2224, 0x20E8, 0x3018])
def test_an_access_outside_the_map_is_an_error(host: Frames, address: int) -> None:
    with pytest.raises(RegisterMapViolation):
        host.read(address)
    host.chip.chip_select(False, int(host.now_us))
    with pytest.raises(RegisterMapViolation):
        host.write(address, 0)


def test_registers_that_only_the_aducm355_has_are_outside_the_map(host: Frames) -> None:
    with pytest.raises(RegisterMapViolation):
        host.read(0x20E8)


def test_writing_a_read_only_and_reading_a_write_only_register_are_errors(host: Frames) -> None:
    with pytest.raises(RegisterMapViolation):
        host.write(0x0400, 0)
    host.chip.chip_select(False, int(host.now_us))
    with pytest.raises(RegisterMapViolation):
        host.read(0x3004)


def test_a_frame_with_the_wrong_number_of_bytes_is_an_error(host: Frames) -> None:
    host.address(0x2230)
    with pytest.raises(RegisterMapViolation):
        host.frame(b"\x2d\x00\x01")


def test_violations_are_kept_when_the_chip_is_not_strict() -> None:
    host = Frames(Ad5941(seed=1, strict=False))
    host.read(0x2224)
    assert [v.address for v in host.chip.violations] == [0x2224]


def test_nothing_answers_before_the_die_has_booted() -> None:
    host = Frames(Ad5941(part=Part(boot_us=500.0)), now_us=100.0)
    assert host.read(0x0400) != 0x4144
    host.wait(500)
    assert host.read(0x0400) == 0x4144


def test_boot_done_pulls_int0_until_it_is_cleared(host: Frames) -> None:
    host.write(0x0004, 1)
    assert host.chip.int0_level(int(host.now_us)) == 0
    host.write(0x3004, 1 << 13)
    assert host.chip.int0_level(int(host.now_us)) == 1


def test_a_source_that_is_not_selected_shows_no_flag() -> None:
    for gating, late in (("at_read", 4), ("at_event", 0)):
        host = Frames(Ad5941(seed=1, variants=Variants(flag_gating=gating)))  # type: ignore[arg-type]
        host.initialise()
        host.loop(2048, 32)
        host.write(0x300C, 0)
        host.convert()
        assert host.read(0x3014) == 0
        host.write(0x300C, 4)  # selected after the event: the notes leave open what shows now
        assert host.read(0x3014) & 4 == late


def test_power_mode_needs_both_keys_for_each_write(host: Frames) -> None:
    host.write(0x0A00, 0x8009)
    assert host.read(0x0A00) == 1
    for key in (0x4859, 0xF27B):
        host.write(0x0A04, key)
    host.write(0x0A00, 0x8009)
    assert host.read(0x0A00) == 0x8009
    host.write(0x0A00, 0x0001)
    assert host.read(0x0A00) == 0x8009


def test_any_write_after_the_oscillator_key_locks_again(host: Frames) -> None:
    host.write(0x0A0C, 0xCB14)
    host.write(0x0900, 1)
    host.write(0x0A10, 7)
    assert host.read(0x0A10) & 0xFF == 3
    host.write(0x0A0C, 0xCB14)
    host.write(0x0A10, 7)
    assert host.read(0x0A10) == 0x707


def test_the_clock_gate_register_comes_back_with_two_bits_swapped(host: Frames) -> None:
    host.write(0x0410, 0x2C9)
    assert host.read(0x0410) == 0x1C9


def test_calibration_registers_open_with_their_key_only(host: Frames) -> None:
    host.write(0x228C, 0x5000)
    assert host.read(0x228C) == 0x4000
    host.write(0x2230, 0xDE87A5AF)
    host.write(0x228C, 0x5000)
    assert host.read(0x228C) == 0x5000


def test_a_software_reset_keeps_the_low_power_loop_and_a_pin_reset_does_not(host: Frames) -> None:
    host.initialise()
    host.loop(2048, 32)
    host.write(0x0424, 0xA158)
    host.wait(400)
    assert host.read(0x0C08) == 0
    assert host.read(0x2120) == 32 << 12 | 2048
    assert host.read(0x0A40) & 8
    host.chip.reset_pin(0, int(host.now_us))
    host.wait(2000)
    host.chip.reset_pin(1, int(host.now_us))
    host.wait(5000)
    assert host.read(0x2120) == 0
    assert host.read(0x0A40) & 2


def test_where_only_the_key_resets_the_direct_word_does_nothing() -> None:
    host = Frames(Ad5941(seed=1, variants=Variants(software_reset="key_only")))
    host.write(0x0900, 0x55)
    host.write(0x0424, 0xA158)
    host.wait(2000)
    assert host.read(0x0900) == 0x55
    host.write(0x0A5C, 0x12EA)
    host.write(0x0424, 0)
    host.wait(2000)
    assert host.read(0x0900) == 0


def test_sleep_needs_the_lock_the_permission_and_a_rising_edge() -> None:
    host = Frames(Ad5941(seed=1))
    host.initialise()
    host.write(0x211C, 1)
    assert not host.chip.asleep
    host.write(0x2118, 0xA47E5)
    host.write(0x211C, 1)
    assert not host.chip.asleep, "no edge: the bit was 1 already"
    host.write(0x211C, 0)
    host.write(0x211C, 1)
    assert host.chip.asleep


def test_the_frame_that_wakes_the_die_is_lost_and_the_first_read_is_rubbish() -> None:
    host = asleep()
    readings = [host.read(0x0400) for _ in range(3)]
    assert readings[0] != 0x4144
    assert readings[-1] == 0x4144


def test_without_bus_wake_up_only_the_reset_pin_helps() -> None:
    host = Frames(Ad5941(seed=1))
    host.initialise()
    host.write(0x0A28, 0)
    host.write(0x2118, 0xA47E5)
    host.write(0x211C, 0)
    host.write(0x211C, 1)
    assert all(host.read(0x0400) != 0x4144 for _ in range(10))
    host.chip.reset_pin(0, int(host.now_us))
    host.wait(2000)
    host.chip.reset_pin(1, int(host.now_us))
    host.wait(5000)
    assert host.read(0x0400) == 0x4144


def test_hibernate_switches_the_converter_off_and_keeps_the_low_power_loop() -> None:
    host = Frames(Ad5941(seed=1))
    host.initialise()
    host.loop(2048, 32)
    host.write(0x2118, 0xA47E5)
    host.write(0x211C, 0)
    host.write(0x211C, 1)
    for _ in range(3):
        host.read(0x0400)
    assert host.read(0x2000) & 0x180 == 0
    assert host.read(0x2120) == 32 << 12 | 2048


def test_nothing_is_converted_in_sleep() -> None:
    host = Frames(Ad5941(seed=1))
    host.initialise()
    host.loop(2048, 32)
    host.write(0x21D8, 1 | 1 << 3 | 1 << 6 | 2 << 9)
    host.write(0x2008, 0x6800)
    host.write(0x2000, 0x90180)
    host.wait(1_000)
    before = host.read(0x2200) >> 16
    assert before > 3
    host.write(0x2118, 0xA47E5)
    host.write(0x211C, 0)
    host.write(0x211C, 1)
    host.wait(20_000)
    for _ in range(3):
        host.read(0x0400)
    assert host.read(0x2200) >> 16 <= before + 2


def test_a_stuck_miso_and_flipped_bits_reach_the_host() -> None:
    faults = Faults(miso_stuck_at=0xFF)
    host = Frames(Ad5941(seed=1, faults=faults))
    assert host.read(0x0400) == 0xFFFF
    faults.miso_stuck_at = None
    assert host.read(0x0400) == 0x4144
    faults.flip_miso_bit_every = 7
    assert any(host.read(0x0400) != 0x4144 for _ in range(5))


def test_a_brown_out_forgets_everything() -> None:
    host = Frames(Ad5941(seed=1))
    host.initialise()
    host.loop(2048, 32)
    host.chip.brown_out(int(host.now_us))
    host.wait(1000)
    assert host.read(0x2120) == 0
    assert host.read(0x0C08) == 0
    assert host.read(0x0A40) & 1


def test_every_register_of_the_table_has_its_reset_value() -> None:
    host = Frames(Ad5941(part=Part(chip_id=0x5502)))
    dynamic = {"INTCFLAG0", "INTCFLAG1", "RSTSTA", "CLKEN1", "OSCCON", "DATAFIFORD"}
    for register in host.chip.map.by_address.values():
        if register.readable and register.name not in dynamic:
            assert host.read(register.address) == register.reset, register.name
