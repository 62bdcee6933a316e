"""A whole square wave through the register simulator with a strip on it, in the three ways of ad5941.md section 12."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from simulators.ad5941 import Ad5941, ResistorCell
from simulators.strip import StripCell, load_strip
from simulators.strip.waveform import SquareWave
from tests.support.ad5941_frames import Frames, quiet_part

LSB12_V = 2.2 / 4095
CODE_PER_A = 1.5 / 1.835 * 32768 * 10_100.0
WAVE = SquareWave(start_v=0.4, end_v=1.2, step_v=0.004, amplitude_v=0.025, frequency_hz=25.0)
CODE6 = 52


def dac_word(potential_v: float) -> int:
    code = 64 * CODE6 - round(potential_v / LSB12_V)
    return CODE6 << 12 | (code - 1 if code < 64 * CODE6 else code)


def strip_host(cell: StripCell | ResistorCell) -> Frames:
    host = Frames(Ad5941(cell, part=quiet_part(), seed=1))  # type: ignore[arg-type]
    host.initialise()
    host.loop(0, CODE6)
    host.write(0x2120, dac_word(WAVE.start_v))
    host.wait(2e6)
    return host


def ketamine() -> StripCell:
    return StripCell("water", {"ketamine": 1e-3}, seed=3, noise_a=0.0, mains_a=0.0, wetting_s=0.1)


def host_timed(cell: StripCell | ResistorCell) -> np.ndarray:
    """Way A: write the DAC, wait, convert, read."""
    host = strip_host(cell)
    out = []
    due = host.now_us
    for potential in WAVE.halves_v():
        host.write(0x2120, dac_word(float(potential)))
        due += 20_000.0
        host.now_us = due - 300.0
        out.append(host.convert() / CODE_PER_A)
        host.now_us = due
    return np.array(out)


def sequenced(cell: StripCell | ResistorCell) -> np.ndarray:
    """Way B: one sequence for a block of halves, results through the FIFO."""
    host = strip_host(cell)
    host.write(0x2008, 0)
    host.write(0x21D8, 2 | 1 << 3 | 1 << 6 | 2 << 9)
    host.write(0x2008, 0x6800)
    out: list[float] = []
    halves = WAVE.halves_v()
    start_clocks = 16 * 19_700
    for first in range(0, halves.size, 100):
        block = halves[first : first + 100]
        commands = []
        for potential in block:
            commands += [
                0xC8000000 | dac_word(float(potential)), start_clocks, 0x80090180, 16 * 290, 0x80090080, 16 * 9,
            ]  # fmt: skip
        commands.append(0x81000000)
        host.program(0, commands)
        host.write(0x21CC, len(commands) << 16)
        host.write(0x3004, 0xFFFFFFFF)
        host.write(0x2004, 1)
        host.write(0x0430, 1)
        host.wait(20_000 * block.size)
        assert host.read(0x300C) == 0x85
        words = host.read_fifo(host.read(0x2200) >> 16)
        assert len(words) == block.size
        assert {word >> 16 & 0x7F for word in words} == {0x61}
        out += [((word & 0xFFFF) - 0x8000) / CODE_PER_A for word in words]
    return np.array(out)


def test_a_resistor_is_measured_alike_in_both_ways() -> None:
    expected = WAVE.halves_v() / 47_000.0
    for way in (host_timed, sequenced):
        assert way(ResistorCell(47_000.0)) == pytest.approx(expected, abs=2.0 / CODE_PER_A + 3e-8), way.__name__


def test_a_strip_shows_its_peak_in_both_ways_and_within_two_seconds_of_processor_time() -> None:
    heights = []
    for way in (host_timed, sequenced):
        cell = ketamine()
        start = time.process_time()
        current = way(cell)
        spent = time.process_time() - start
        assert spent < 2.0, f"{way.__name__} took {spent:.2f} s for {WAVE.steps_v().size} steps"
        net = current[::2] - current[1::2]
        steps = WAVE.steps_v()
        assert steps[int(np.argmax(net))] == pytest.approx(0.86, abs=0.04)
        heights.append(net.max())
    assert heights[0] == pytest.approx(heights[1], rel=0.05)


def test_the_wake_up_timer_way_gives_the_period_its_counts_ask_for() -> None:
    """Way C with ADI's ADuCM355 counts: all SLEEP = 4, WUP2 = f t1 - 6, WUP0 = WUP1 = f (T/2 - t1) - 6."""
    host = strip_host(ResistorCell(47_000.0))
    host.write(0x2008, 0)
    host.write(0x21D8, 1 | 1 << 3 | 1 << 6 | 2 << 9)
    host.write(0x2008, 0x6800)
    tick, half_us, t1_us = 32_000.0, 20_000.0, 15_000.0
    host.program(0, [0xC8000000 | dac_word(0.5), 16 * 10])
    host.program(8, [0xC8000000 | dac_word(0.45), 16 * 10])
    host.program(16, [0x80090180, 16 * 290, 0x80090080])
    for info, value in ((0x21CC, 2 << 16), (0x21E8, 2 << 16 | 8), (0x21D0, 3 << 16 | 16)):
        host.write(info, value)
    late = round(tick * (half_us - t1_us) * 1e-6) - 6
    early = round(tick * t1_us * 1e-6) - 6
    for sequence, wake in ((0, late), (1, late), (2, early)):
        base = 0x0808 + 0x10 * sequence
        for offset, value in ((0, wake), (4, 0), (8, 4), (12, 0)):
            host.write(base + offset, value)
    host.write(0x0804, 0 | 2 << 2 | 1 << 4 | 2 << 6)
    host.write(0x2004, 1)
    host.write(0x0800, 1 | 3 << 1)
    host.wait(10 * 2 * half_us + 1_000)
    words = [host.read(0x206C) for _ in range(host.read(0x2200) >> 16)]
    assert len(words) in (19, 20)
    current = [((word & 0xFFFF) - 0x8000) / CODE_PER_A * 47_000.0 for word in words]
    assert current[:4] == pytest.approx([0.5, 0.45, 0.5, 0.45], abs=0.003)
    assert {word >> 23 & 3 for word in words} == {2}, "the sequence that converted is in the tag"


def test_the_demo_strip_is_within_reach_of_the_front_end(root: Path) -> None:
    """Window and current range: what a strip asks for, the simulated chip can give."""
    strip = load_strip(root / "sensor_models/strips/ketamine_screen.toml")
    highest = max(strip.waveform.halves_v())
    assert 0.2 + 64 * CODE6 * LSB12_V - highest >= 0.2
