"""The simulated AD5941 in time: FIFO, sequencer, wake-up timer (hardware/registers/ad5941.md 8 to 10, 12)."""

from __future__ import annotations

import pytest

from simulators.ad5941 import Ad5941, Faults, ResistorCell, Variants
from simulators.ad5941.sequencer import crc8
from tests.support.ad5941_frames import Frames, quiet_part

WRITE = 0x80000000
STOP = 0x81000000
SLEEP = 0xC7000001


def afecon(value: int) -> int:
    return WRITE | value


def bench(**keywords: object) -> Frames:
    host = Frames(Ad5941(ResistorCell(10_000.0), part=quiet_part(), seed=1, **keywords))  # type: ignore[arg-type]
    host.initialise()
    host.loop(2048 - 400, 32)
    host.write(0x300C, 0xFFFFFFFF)
    return host


def with_fifo(host: Frames, *, data_code: int = 1, mode: int = 2, command_code: int = 1) -> None:
    host.write(0x2008, 0)
    host.write(0x21D8, command_code | 1 << 3 | data_code << 6 | mode << 9)
    host.write(0x21E0, 5 << 16)
    host.write(0x2008, 0x6800)


def fill(host: Frames, results: int) -> None:
    """Convert until `results` SINC2 words are in the FIFO."""
    host.write(0x3004, 0xFFFFFFFF)
    host.write(0x2000, 0x90180)
    host.wait(237.2 + 110.0 * (results - 1) + 20.0)
    host.write(0x2000, 0x90080)


def test_a_fifo_word_carries_its_channel_and_data_and_bits_to_be_masked() -> None:
    host = bench()
    with_fifo(host)
    fill(host, 4)
    assert host.read(0x2200) >> 16 == 4
    words = [host.read(0x206C) for _ in range(4)]
    assert {word >> 16 & 0x7F for word in words} == {0x61}
    assert {word >> 23 & 3 for word in words} == {0}
    assert any(word >> 25 for word in words)
    plain = bench(variants=Variants(ecc="zero"))
    with_fifo(plain)
    fill(plain, 4)
    assert [plain.read(0x206C) for _ in range(4)] == [word & 0x1FFFFFF for word in words]


def test_a_burst_with_a_proper_tail_pops_exactly_what_it_reads() -> None:
    host = bench()
    with_fifo(host)
    fill(host, 8)
    count = host.read(0x2200) >> 16
    words = host.read_fifo(count)
    assert all(word >> 16 & 0x7F == 0x61 for word in words)
    assert host.read(0x2200) >> 16 == 0
    assert not host.read(0x3014) & 1 << 27


def test_a_burst_of_zeros_to_the_end_swallows_two_words_more() -> None:
    host = bench()
    with_fifo(host)
    fill(host, 8)
    before = host.read(0x2200) >> 16
    host.read_fifo(4, tail=0)
    assert before - (host.read(0x2200) >> 16) == 6
    host.read_fifo(4, tail=0)
    assert host.read(0x3014) & 1 << 27


def test_a_burst_without_the_init_write_gives_nothing() -> None:
    host = bench(strict=False)
    with_fifo(host)
    fill(host, 6)
    host.write(0x0C08, 0)
    assert set(host.read_fifo(4)) == {0}
    assert host.chip.violations


def test_a_full_fifo_refuses_in_fifo_mode_and_drops_the_oldest_in_stream_mode() -> None:
    for mode, first_kept in ((2, True), (3, False)):
        host = bench()
        with_fifo(host, data_code=0, mode=mode)
        host.write(0x2000, 0x90180)
        host.wait(237.2 + 110.0 * 3)
        host.write(0x2120, 32 << 12 | 2048 - 800)
        host.wait(110.0 * 12)
        host.write(0x2000, 0x90080)
        assert bool(host.read(0x3014) & 1 << 26) == first_kept, "only a refused word is a fault"
        assert host.read(0x2200) >> 16 == 8
        first = host.read(0x206C) & 0xFFFF
        assert (first < 0x8000 + 8000) == first_kept


def test_the_threshold_flag_rises_with_the_count() -> None:
    host = bench()
    with_fifo(host)
    fill(host, 4)
    assert not host.read(0x3014) & 1 << 25
    fill(host, 2)
    assert host.read(0x3014) & 1 << 25


def test_switching_the_fifo_off_empties_it_and_reading_it_empty_is_flagged() -> None:
    host = bench()
    with_fifo(host)
    fill(host, 4)
    host.write(0x2008, 0x6000)
    host.write(0x2008, 0x6800)
    assert host.read(0x2200) == 0
    host.read(0x206C)
    assert host.read(0x3014) & 1 << 27


def test_a_stale_fifo_repeats_what_it_gave_before() -> None:
    host = bench(faults=Faults())
    with_fifo(host)
    fill(host, 6)
    first = host.read(0x206C)
    host.write(0x2120, 32 << 12 | 2048 - 900)
    host.chip.faults.stale_fifo = True
    assert host.read(0x206C) == first


def test_a_split_that_exceeds_the_memory_overwrites_commands() -> None:
    host = bench()
    with_fifo(host, data_code=3, command_code=2)
    host.program(600, [0x12345])
    host.write(0x2000, 0x90180)
    host.wait(110.0 * 620)
    host.write(0x2000, 0x90080)
    assert any("6 kB" in hazard.what for hazard in host.chip.hazards)
    assert host.chip.memory.words[600] != 0x12345


def sequence_bench(**keywords: object) -> Frames:
    host = bench(**keywords)
    with_fifo(host)
    return host


def test_a_sequence_runs_in_clocks_and_raises_its_custom_interrupt() -> None:
    host = sequence_bench()
    host.program(0, [afecon(0x90080), 160_000, 0xA7000001, STOP])
    host.write(0x21CC, 4 << 16)
    host.write(0x3004, 0xFFFFFFFF)
    host.write(0x2004, 1)
    host.write(0x0430, 1)
    host.wait(9_980)
    assert not host.read(0x3014) & 1 << 9
    host.wait(30)
    assert host.read(0x3014) & (1 << 9 | 1 << 15) == 1 << 9 | 1 << 15
    assert host.read(0x2064) == 4


def test_a_sequence_that_runs_off_its_end_stops_quietly_and_stays_armed() -> None:
    host = sequence_bench()
    host.program(0, [0xA7000002, 0xA7000004])
    host.write(0x21CC, 1 << 16)
    host.write(0x3004, 0xFFFFFFFF)
    host.write(0x2004, 1)
    host.write(0x0430, 1)
    host.wait(10)
    flags = host.read(0x3014)
    assert flags >> 10 & 3 == 1, "the command beyond the length was not executed"
    assert not flags & 1 << 15
    assert host.read(0x2004) & 1


def test_a_trigger_without_seqen_or_while_one_runs_does_not_start() -> None:
    host = sequence_bench()
    host.program(0, [16_000, 0xA7000001])
    host.write(0x21CC, 2 << 16)
    host.write(0x2004, 0)
    host.write(0x3004, 0xFFFFFFFF)
    host.write(0x0430, 1)
    host.wait(2_000)
    assert not host.read(0x3014) & 1 << 9
    host.write(0x2004, 1)
    host.write(0x0430, 1)
    host.write(0x0430, 1)
    assert host.read(0x3014) & 1 << 31


def test_the_checksum_is_over_the_commands_that_ran() -> None:
    host = sequence_bench()
    commands = [afecon(0x90080), 0, 0xA7000001]
    host.write(0x2064, 0)
    host.program(0, commands)
    host.write(0x21CC, 3 << 16)
    host.write(0x2004, 1)
    host.write(0x0430, 1)
    host.wait(10)
    expected = 1
    for command in commands:
        for byte in command.to_bytes(4, "big"):
            for bit in range(8):
                feedback = (expected >> 7 ^ byte >> (7 - bit)) & 1
                expected = (expected << 1 & 0xFF) ^ (0x07 if feedback else 0)
    assert host.read(0x2060) == expected
    assert crc8(1, 0) != crc8(1, 1)


def test_the_timeout_goes_on_after_the_sequence_ended() -> None:
    host = sequence_bench()
    host.program(0, [0x40000000 | 16_000, 0])
    host.write(0x21CC, 2 << 16)
    host.write(0x3004, 0xFFFFFFFF)
    host.write(0x2004, 1)
    host.write(0x0430, 1)
    host.wait(500)
    assert 6_000 < host.read(0x2068) < 9_000
    host.wait(600)
    assert host.read(0x3014) >> 16 & 3 == 1


def test_commands_need_memory_mode_and_room() -> None:
    host = sequence_bench()
    host.write(0x2008, 0)
    host.write(0x21D8, 1 | 2 << 3 | 1 << 6 | 2 << 9)
    host.program(0, [0xA7000001])
    assert host.chip.memory.command(0) == 0
    host.write(0x21D8, 0 | 1 << 3 | 1 << 6 | 2 << 9)
    host.program(9, [0xA7000001])
    assert any("beyond" in hazard.what for hazard in host.chip.hazards)


def test_custom_interrupts_can_stick() -> None:
    host = sequence_bench(faults=Faults(custom_interrupts_stuck=True))
    host.program(0, [0xA7000001, STOP])
    host.write(0x21CC, 2 << 16)
    host.write(0x3004, 0xFFFFFFFF)
    host.write(0x2004, 1)
    host.write(0x0430, 1)
    host.wait(10)
    assert host.read(0x3014) & (1 << 9 | 1 << 15) == 1 << 15


def timer(host: Frames, counts: dict[int, tuple[int, int]], order: int, last: int) -> None:
    for sequence, (wake, sleep) in counts.items():
        base = 0x0808 + 0x10 * sequence
        for offset, value in ((0, wake), (4, 0), (8, sleep), (12, 0)):
            host.write(base + offset, value)
    host.write(0x0804, order)
    host.write(0x0800, 1 | last << 1)


@pytest.mark.parametrize("lfosc_hz", [32_000.0, 32_700.0])
def test_a_timer_count_of_n_is_n_plus_one_ticks_of_the_real_oscillator(lfosc_hz: float) -> None:
    host = Frames(Ad5941(ResistorCell(1e4), part=quiet_part(lfosc_hz=lfosc_hz), seed=1))  # type: ignore[arg-type]
    host.initialise()
    host.loop(2048, 32)
    with_fifo(host)
    host.program(0, [0xA7000001])
    host.write(0x21CC, 1 << 16)
    host.write(0x300C, 0xFFFFFFFF)
    host.write(0x2004, 1)
    host.frame_us = 0.0
    timer(host, {0: (99, 27)}, 0, 0)
    times = []
    for _ in range(4_000):
        host.wait(10)
        if host.read(0x3014) & 1 << 9:
            times.append(host.now_us)
            host.write(0x3004, 1 << 9)
    period_us = (times[-1] - times[0]) / (len(times) - 1)
    assert period_us == pytest.approx((27 + 1 + 99 + 1) / lfosc_hz * 1e6, abs=1.5)


def test_slots_run_in_their_order_and_wrap_after_the_last() -> None:
    host = sequence_bench()
    for sequence, info in ((0, 0x21CC), (1, 0x21E8), (2, 0x21D0)):
        host.program(sequence, [0xA7000000 | 1 << sequence])
        host.write(info, 1 << 16 | sequence)
    host.write(0x2004, 1)
    seen = []
    timer(host, {0: (9, 4), 1: (9, 4), 2: (9, 4)}, 0 | 2 << 2 | 1 << 4, 2)
    for _ in range(300):
        host.wait(20)
        flags = host.read(0x3014) >> 9 & 7
        if flags:
            seen.append(flags.bit_length() - 1)
            host.write(0x3004, 7 << 9)
    assert seen[:6] == [0, 2, 1, 0, 2, 1]


def test_a_sleeping_die_is_woken_by_the_timer_only_when_allowed() -> None:
    for allowed in (1, 0):
        host = sequence_bench()
        host.program(0, [0xA7000001, SLEEP])
        host.write(0x21CC, 2 << 16)
        host.write(0x2004, 1)
        host.write(0x0A1C, allowed)
        host.write(0x2118, 0xA47E5)
        host.write(0x211C, 0)
        timer(host, {0: (31, 31)}, 0, 0)
        host.wait(20_000)
        host.chip.int0_level(int(host.now_us))
        ran = host.chip.sequencer.count
        assert (ran > 5) == bool(allowed), f"{ran} commands ran"


def test_sleeping_before_the_dac_has_taken_its_code_loses_the_step() -> None:
    host = sequence_bench()
    host.write(0x2118, 0xA47E5)
    host.write(0x211C, 0)
    host.program(0, [WRITE | 0x48000000 | 32 << 12 | 1000, SLEEP])
    host.write(0x21CC, 2 << 16)
    host.write(0x2004, 1)
    bias_v = host.chip.analogue.loop.bias_v
    host.write(0x0430, 1)
    host.wait(100)
    host.chip.int0_level(int(host.now_us))
    assert host.chip.analogue.loop.bias_v == bias_v
    assert any("LPDAC" in hazard.what for hazard in host.chip.hazards)


def test_a_sleep_count_of_zero_is_noted() -> None:
    host = sequence_bench()
    timer(host, {0: (31, 0)}, 0, 0)
    host.wait(5_000)
    host.chip.int0_level(int(host.now_us))
    assert any("SLEEP = 0" in hazard.what for hazard in host.chip.hazards)


def test_a_pin_in_the_trigger_role_starts_the_sequence_of_its_number() -> None:
    host = sequence_bench()
    host.program(0, [0xA7000002])
    host.write(0x21E8, 1 << 16)
    host.write(0x2004, 1)
    host.write(0x0000, 1 << 2)
    host.write(0x3004, 0xFFFFFFFF)
    host.chip.gpio_input(1, 1, int(host.now_us))
    host.wait(10)
    assert not host.read(0x3014) & 1 << 10, "input buffer and edge not enabled"
    host.write(0x000C, 2)
    host.write(0x0A20, 0x80)
    host.chip.gpio_input(1, 0, int(host.now_us))
    host.chip.gpio_input(1, 1, int(host.now_us))
    host.wait(10)
    assert host.read(0x3014) & 1 << 10


def test_without_retention_the_memory_is_lost_in_sleep() -> None:
    host = sequence_bench()
    host.program(0, [0xA7000001])
    for address, value in ((0x0A04, 0x4859), (0x0A04, 0xF27B), (0x0A00, 0x0009), (0x2118, 0xA47E5), (0x211C, 0)):
        host.write(address, value)
    host.write(0x211C, 1)
    for _ in range(3):
        host.read(0x0400)
    assert host.chip.memory.command(0) != 0xA7000001


def test_a_burst_of_fewer_than_three_words_is_noted() -> None:
    host = bench()
    with_fifo(host)
    fill(host, 6)
    host.read_fifo(2)
    assert any("READFIFO" in hazard.what for hazard in host.chip.hazards)


def test_a_sequence_drives_a_pin_in_the_sync_role() -> None:
    host = sequence_bench()
    host.write(0x0000, 2 << 2)
    host.write(0x0004, 2)
    assert host.chip.gpio_output(1, int(host.now_us)) == 0
    host.program(0, [WRITE | 0x15000000 | 2])
    host.write(0x21CC, 1 << 16)
    host.write(0x2004, 1)
    host.write(0x0430, 1)
    host.wait(10)
    assert host.chip.gpio_output(1, int(host.now_us)) == 1
