"""What can go wrong in a drink test: faults of bus, chip, strip, light, supply, flash and wearer, put in at any moment.

A fault acts on a whole simulated bracelet; where it may strike at any time, `rng` says when within `until_s`, the
length of an undisturbed test of that kind of strip.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

from simulators.ad5941 import OpenCell, ResistorCell, ShortCell
from simulators.chips.battery import Battery
from waakzaam.rigs.bracelet_parts import SENSORS, WholeBracelet

Fault = Callable[[WholeBracelet, random.Random, float], None]
FLIPS_EVERY = (13, 150, 1500, 9000)  # bytes between two flipped bits
STALLS_US = (5e3, 30e3, 200e3, 2e6, 20e6)


def _later(bench: WholeBracelet, rng: random.Random, until_s: float, action: Callable[[], None]) -> None:
    """At a moment anywhere in the test; a long one has half of its faults where its strip is put in and dipped."""
    bench.at(rng.uniform(0.0, until_s if rng.random() < 0.5 else min(until_s, 16.0)), action)


def _for_a_while(
    bench: WholeBracelet, rng: random.Random, until_s: float, begin: Callable[[], None], end: Callable[[], None]
) -> None:
    begin_s = rng.uniform(0.0, until_s if rng.random() < 0.5 else min(until_s, 15.0))
    bench.at(begin_s, begin)
    bench.at(begin_s + rng.uniform(0.005, 4.0), end)


def _setting(target: Any, **values: Any) -> Callable[[], None]:
    def act() -> None:
        for name, value in values.items():
            setattr(target, name, value)

    return act


def _afe(**values: Any) -> Fault:
    """A lasting fault of the front end, one of the values of each name."""

    def strike(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
        chosen = {name: rng.choice(choices) for name, choices in values.items()}
        _later(bench, rng, until_s, _setting(bench.afe.chip.faults, **chosen))

    return strike


def _afe_briefly(name: str, choices: tuple[Any, ...], none: Any) -> Fault:
    def strike(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
        faults = bench.afe.chip.faults
        begin, end = _setting(faults, **{name: rng.choice(choices)}), _setting(faults, **{name: none})
        _for_a_while(bench, rng, until_s, begin, end)

    return strike


def _sensor(part: str, briefly: bool = False, **values: Any) -> Fault:
    """A bus fault of one chip on the sensor bus, lasting or for a while."""

    def strike(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
        faults = bench.faults_of(part)
        chosen = {name: rng.choice(choices) for name, choices in values.items()}
        if not briefly:
            _later(bench, rng, until_s, _setting(faults, **chosen))
            return
        before = {name: getattr(faults, name) for name in chosen}
        _for_a_while(bench, rng, until_s, _setting(faults, **chosen), _setting(faults, **before))

    return strike


def _bus(briefly: bool, name: str, choices: tuple[Any, ...]) -> Fault:
    """The same on every chip: a line that all of them share."""

    def strike(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
        value = rng.choice(choices)
        parts = [bench.faults_of(part) for part in SENSORS]
        before = [getattr(one, name) for one in parts]

        def begin() -> None:
            for one in parts:
                setattr(one, name, value)

        def end() -> None:
            for one, was in zip(parts, before, strict=True):
                setattr(one, name, was)

        if briefly:
            _for_a_while(bench, rng, until_s, begin, end)
        else:
            _later(bench, rng, until_s, begin)

    return strike


def _stall(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
    def act() -> None:
        bench.clock.now_us += rng.choice(STALLS_US)

    _later(bench, rng, until_s, act)


def _flash_refuses(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
    healthy = bench.ring.open
    left = [rng.randrange(0, 8)]

    def refuse(path: str, mode: str) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(rng.choice((5, 28, 30)), "flash")
        return healthy(path, mode)

    bench.ring.open = refuse


def _battery(soc: tuple[float, ...], inner_ohm: tuple[float, ...] = (0.35,)) -> Fault:
    def strike(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
        battery = Battery(soc=rng.choice(soc), inner_ohm=rng.choice(inner_ohm))
        bench.gauge.remove_cell(bench.clock.now_us)
        bench.gauge.insert_cell(battery, bench.clock.now_us)

    return strike


def _supply(levels_v: tuple[float, ...]) -> Fault:
    """The front end's supply leaves its range."""

    def strike(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
        analogue = bench.afe.chip.analogue
        sagged = dataclasses.replace(analogue._board, avdd_v=rng.choice(levels_v))
        _later(bench, rng, until_s, _setting(analogue, _board=sagged))

    return strike


def _cell(make: Callable[[random.Random], Any]) -> Fault:
    def strike(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
        cell = make(rng)
        _later(bench, rng, until_s, lambda: bench.afe.put(cell))

    return strike


def _loose(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
    """A contact that opens for a while, in the middle of everything."""
    strip = bench.afe.cell
    _for_a_while(bench, rng, until_s, lambda: bench.afe.put(OpenCell()), lambda: bench.afe.put(strip))


def _pads_away(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
    """The pads slip out of the window and back, the contact still closed."""
    strip = bench.window.strip
    away, back = _setting(bench.window, strip=None), _setting(bench.window, strip=strip)
    _for_a_while(bench, rng, until_s, away, back)


def _lamp(briefly: bool) -> Fault:
    """A lamp that dims: its current source, its solder joint, a finger over the window."""

    def strike(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
        strip = bench.window.strip
        assert strip is not None
        dim = dataclasses.replace(strip._optics, brightness=strip._optics.brightness * rng.choice((0.0, 0.3, 0.7, 1.4)))
        begin, end = _setting(strip, _optics=dim), _setting(strip, _optics=strip._optics)
        if briefly:
            _for_a_while(bench, rng, until_s, begin, end)
        else:
            _later(bench, rng, until_s, begin)

    return strike


def _room_light(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
    strip = bench.window.strip
    assert strip is not None
    lit = dataclasses.replace(strip._optics, leak_uw_cm2=rng.choice((5.0, 50.0, 500.0)))
    _for_a_while(bench, rng, until_s, _setting(strip, _optics=lit), _setting(strip, _optics=strip._optics))


def _warmth(bench: WholeBracelet, rng: random.Random, until_s: float) -> None:
    value = rng.choice((-10.0, 5.0, 45.0))
    _later(bench, rng, until_s, lambda: bench.afe.chip.set_temperature(value, bench.clock.now_us))


# Of every kind of strip: sensor bus, gauge, accelerometer, motor, flash, host, wearer.
COMMON: dict[str, Fault] = {
    "none": lambda b, r, u: None,
    "host_stall": _stall,
    "flash_refuses": _flash_refuses,
    "texts_missing": lambda b, r, u: setattr(b.runner, "_texts", {}),
    "strip_pulled": lambda b, r, u: _later(b, r, u, b.pull),
    "i2c_stuck": _bus(False, "sda_stuck_low", (True,)),
    "i2c_stuck_briefly": _bus(True, "sda_stuck_low", (True,)),
    "i2c_flips_read": _bus(False, "flip_bit_every", FLIPS_EVERY),
    "i2c_flips_written": _bus(False, "flip_written_bit_every", FLIPS_EVERY),
    "gauge_silent": _sensor("gauge", nak_next=(1, 3, 1_000_000)),
    "gauge_lies": _sensor("gauge", flip_bit_every=(1, 2, 3, 7)),
    "battery_low": _battery((0.0, 0.01, 0.03), (0.35, 2.0)),
    "accelerometer_silent": _sensor("accelerometer", nak_next=(1, 3, 1_000_000)),
    "accelerometer_lies": _sensor("accelerometer", flip_bit_every=(1, 2, 5)),
    "wrist_never_still": lambda b, r, u: setattr(b, "moving_until_s", 1e9),
    "motor_silent": _sensor("haptics", nak_next=(1, 3, 1_000_000)),
    "motor_flips": _sensor("haptics", flip_bit_every=(1, 3, 13)),
}
VOLTAMMETRIC: dict[str, Fault] = {
    **COMMON,
    "miso_stuck": _afe(miso_stuck_at=(0x00, 0xFF)),
    "miso_stuck_briefly": _afe_briefly("miso_stuck_at", (0x00, 0xFF), None),
    "miso_flips": _afe(flip_miso_bit_every=FLIPS_EVERY),
    "mosi_flips": _afe(flip_mosi_bit_every=FLIPS_EVERY),
    "miso_one_flip": lambda b, r, u: setattr(b.afe.chip.faults, "flip_miso_at_byte", {r.randrange(100, 12_000)}),
    "stale_fifo": _afe(stale_fifo=(True,)),
    "interrupts_stuck": _afe(custom_interrupts_stuck=(True,)),
    "lpdac_frozen": _afe(lpdac_frozen=(True,)),
    "lpdac_frozen_briefly": _afe_briefly("lpdac_frozen", (True,), False),
    "adc_jump": _afe(adc_offset_jump_v=(-0.3, -0.02, 0.02, 0.3)),
    "brown_out": lambda b, r, u: _later(b, r, u, lambda: b.afe.chip.brown_out(b.clock.now_us)),
    "supply_out_of_range": _supply((2.2, 2.6, 3.8)),
    "dummy_missing": lambda b, r, u: setattr(b.afe, "dummy_cell", OpenCell()),
    "dummy_wrong": lambda b, r, u: setattr(b.afe, "dummy_cell", ResistorCell(r.choice((2_000.0, 50_000.0)))),
    "strip_opens": _cell(lambda r: OpenCell()),
    "strip_shorts": _cell(lambda r: ShortCell(r.choice((1.0, 100.0, 700.0)))),
    "strip_loose": _loose,
    "strip_bridged_weakly": _cell(lambda r: ResistorCell(r.choice((3e3, 3e4, 3e5)))),
    "temperature_jump": _warmth,
}
COLOUR: dict[str, Fault] = {
    **COMMON,
    "spectrometer_silent": _sensor("spectrometer", nak_next=(1, 2, 3, 1_000_000)),
    "spectrometer_stuck_briefly": _sensor("spectrometer", briefly=True, sda_stuck_low=(True,)),
    "spectrometer_flips_read": _sensor("spectrometer", flip_bit_every=(13, 97, 1_009, 9_001)),
    "spectrometer_flips_written": _sensor("spectrometer", flip_written_bit_every=(7, 97, 1_009, 9_001)),
    "smux_hangs": _sensor("spectrometer", smux_hangs=(True,)),
    "smux_does_nothing": _sensor("spectrometer", smux_does_nothing=(True,)),
    "results_stale": _sensor("spectrometer", avalid_stale=(True,)),
    "brown_out": lambda b, r, u: _later(b, r, u, lambda: b.spectrometer.supply_cycle(b.clock.now_us)),
    "lamp_changed": _lamp(False),
    "lamp_flickers": _lamp(True),
    "room_light": _room_light,
    "pads_slip": _pads_away,
    "selector_stuck": lambda b, r, u: _later(b, r, u, _setting(b.window, stuck_bits=r.choice((1, 2, 4)))),
}
BOTH = {
    name: COMMON[name]
    for name in ("none", "host_stall", "flash_refuses", "strip_pulled", "i2c_stuck_briefly", "i2c_flips_read")
}
# These act before the test begins; all others strike at a moment within it and change nothing before.
FROM_THE_START = frozenset(
    """none flash_refuses texts_missing battery_low wrist_never_still miso_one_flip dummy_missing dummy_wrong""".split()
)
