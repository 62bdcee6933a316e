"""Colour pads: reflectance, kinetics, what pH and drink colour do, and the sensor that reads them."""

from __future__ import annotations

import time

import numpy as np
import pytest

from simulators.chips.as7341 import As7341
from simulators.chips.light import WAVELENGTHS_NM
from simulators.strip import UnknownSubstance
from simulators.strip.chemistry import concentration_mol_l, drinks
from simulators.strip.colour import ColourStrip, Optics, k_over_s, reflectance
from simulators.strip.colour_readings import CHANNELS, ColourTest, colour_cases, simulate_colour_test
from tests.support.as7341_host import F1_F4, F5_F8, Host

GHB = concentration_mol_l("GHB", 2000.0, 330.0)
GBL = concentration_mol_l("GBL", 1130.0, 330.0)


def at_nm(strip: ColourStrip, wavelength_nm: float, now_us: float = 600e6) -> float:
    return float(np.interp(wavelength_nm, WAVELENGTHS_NM, strip.pad_reflectance(now_us)))


def test_reflectance_and_its_inverse_agree_with_kubelka_and_munk() -> None:
    values = np.array([0.0, 0.05, 0.5, 2.0, 10.0])
    reflected = reflectance(values)
    assert k_over_s(reflected) == pytest.approx(values, abs=1e-9)
    assert reflected[0] == 1.0
    assert float(reflectance(np.array([0.5]))[0]) == pytest.approx(1.5 - np.sqrt(1.25))


def test_a_dose_darkens_its_own_pad_where_its_dye_absorbs() -> None:
    for drug, amount, nm in (("GHB", GHB, 515.0), ("GBL", GBL, 515.0)):
        clean, spiked = ColourStrip("water", {}), ColourStrip("water", {drug: amount})
        for strip in (clean, spiked):
            strip.select(drug)
        assert at_nm(spiked, nm) < 0.6 * at_nm(clean, nm)
        assert at_nm(spiked, 680.0) > 0.75 * at_nm(clean, 680.0)
        other = "GBL" if drug == "GHB" else "GHB"
        spiked.select(other)
        clean.select(other)
        assert at_nm(spiked, nm) == pytest.approx(at_nm(clean, nm), rel=0.05)


def test_colour_grows_with_time_and_warmth_and_comes_by_itself_when_read_late() -> None:
    strip = ColourStrip("water", {"GHB": GHB})
    growth = [strip.extent("GHB", t * 1e6) for t in (0.0, 60.0, 180.0, 600.0)]
    assert growth == sorted(growth)
    assert growth[0] == 0.0
    cold = ColourStrip("water", {"GHB": GHB}, temperature_c=6.0)
    assert cold.extent("GHB", 180e6) < 0.6 * strip.extent("GHB", 180e6)
    clean = ColourStrip("water", {})
    assert clean.extent("GHB", 600e6) < 0.02
    assert clean.extent("GHB", 1_800e6) > 0.1


def test_a_pad_saturates() -> None:
    levels = [ColourStrip("water", {"GHB": amount}).extent("GHB", 600e6) for amount in (GHB, 2 * GHB, 4 * GHB)]
    assert levels[1] / levels[0] < 1.3


def test_reductants_colour_the_dehydrogenase_pad_without_any_drug() -> None:
    juice, water = ColourStrip("orange_juice", {}), ColourStrip("water", {})
    assert juice.extent("GHB", 600e6) > 3 * water.extent("GHB", 600e6) + 0.03


def test_an_acid_drink_wears_the_buffer_and_the_pads_say_so() -> None:
    sour, neutral = ColourStrip("lemonade", {"GBL": GBL}), ColourStrip("water", {"GBL": GBL})
    assert sour.buffered_ph < neutral.buffered_ph - 0.4
    assert sour.extent("GBL", 600e6) < neutral.extent("GBL", 600e6)
    for strip in (sour, neutral):
        strip.select("ph")
    assert at_nm(sour, 630.0) > at_nm(neutral, 630.0)  # yellow, not blue
    assert at_nm(sour, 445.0) < at_nm(neutral, 445.0)


def test_a_dark_drink_darkens_every_pad() -> None:
    wine, water = ColourStrip("red_wine", {}), ColourStrip("water", {})
    for pad in ("white", "GHB"):
        wine.select(pad)
        water.select(pad)
        assert at_nm(wine, 515.0) < 0.9 * at_nm(water, 515.0)


def test_a_dry_strip_is_brighter_and_shows_no_drug() -> None:
    dry = ColourStrip("water", {"GHB": GHB}, wet_at_us=float("inf"))
    wet = ColourStrip("water", {"GHB": GHB})
    assert at_nm(dry, 515.0) > 1.02 * at_nm(wet, 515.0)
    assert dry.extent("GHB", 1e9) == 0.0


def test_lots_and_strips_differ_and_repeat() -> None:
    def level(lot: str, seed: int) -> float:
        strip = ColourStrip("water", {"GHB": GHB}, lot=lot, seed=seed)
        strip.select("GHB")
        return at_nm(strip, 515.0)

    assert level("C1", 1) == level("C1", 1)
    assert len({level("C1", seed) for seed in range(5)} | {level("C2", seed) for seed in range(5)}) == 10


def test_worn_optics_and_room_light_change_what_arrives() -> None:
    fresh = ColourStrip("water", {})
    worn = ColourStrip("water", {}, optics=Optics(brightness=0.7, stain=0.2))
    assert worn.irradiance(1e6, 12.0).sum() < 0.72 * fresh.irradiance(1e6, 12.0).sum()
    lit = ColourStrip("water", {}, optics=Optics(leak_uw_cm2=20.0))
    assert lit.irradiance(1e6, 0.0).sum() > 0.0
    assert lit.flicker_hz(0.0) == 100.0
    assert fresh.flicker_hz(0.0) == 0.0


def ratio(test: ColourTest, pad: str, channel: str, time_s: float) -> float:
    """Pad over white, dark subtracted."""
    index = CHANNELS.index(channel)
    chosen = {r.pad: r for r in test.readings if r.time_s == time_s}
    net = {name: r.lit[index] - r.unlit[index] for name, r in chosen.items()}
    return net[pad] / net["white"]


def test_a_spiked_drink_reads_darker_than_its_clean_pour_in_most_drinks() -> None:
    for matrix in ("water", "cola", "lager", "white_wine", "gin_tonic", "energy_drink"):
        spiked = simulate_colour_test(matrix, {"GHB": GHB}, seed=2, paired=True)
        assert spiked.clean_pour is not None
        clean = ColourTest(**(vars(spiked) | {"readings": spiked.clean_pour, "clean_pour": None}))
        assert ratio(spiked, "GHB", "F4", 600.0) < 0.85 * ratio(clean, "GHB", "F4", 600.0), matrix


def test_the_same_arguments_give_the_same_readings() -> None:
    one, two = (simulate_colour_test("cola", {"GHB": GHB}, seed=2, times_s=(600.0,)) for _ in range(2))
    assert one == two


def test_no_reading_saturates_with_the_recommended_settings() -> None:
    test = simulate_colour_test("water", {}, times_s=(60.0,), optics=Optics(leak_uw_cm2=5.0))
    assert not any(reading.saturated for reading in test.readings)
    assert min(reading.lit[CHANNELS.index("F7")] for reading in test.readings) > 200


def test_the_register_simulator_counts_what_the_fast_readings_say() -> None:
    fast = simulate_colour_test("cola", {"GHB": GHB}, seed=5, part=0, times_s=(600.0,))
    strip = ColourStrip("cola", {"GHB": GHB}, seed=5)
    strip.select("GHB")
    host = Host(As7341(strip, seed=0))
    host.now_us = 599_000_000
    host.write(0x80, 0x01)
    host.set_time()
    host.write(0xA9, 0x10)
    host.write(0x70, 0x08)
    host.write(0x74, 0x80 | 4)  # 12 mA
    host.write(0xA9, 0x00)
    counts = host.measure(F1_F4)[1][:4] + host.measure(F5_F8)[1][:4]
    expected = next(reading for reading in fast.readings if reading.pad == "GHB").lit[:8]
    assert counts == pytest.approx(expected, rel=0.03, abs=8)


def test_a_drug_without_a_pad_is_named() -> None:
    with pytest.raises(UnknownSubstance, match="ketamine"):
        ColourStrip("water", {"ketamine": 1e-3})


def test_the_colour_panel_is_whole_seeded_and_fast() -> None:
    cases = list(colour_cases(seed=2, repeats=1))
    assert len(cases) == len({case.case_id for case in cases}) == len(drinks()) * 2 * 5 * 3 * 2
    assert {case.drug for case in cases} == {"GHB", "GBL"}
    assert cases[0].test() == next(iter(colour_cases(seed=2, repeats=1))).test()
    start = time.process_time()
    for case in cases[:20]:
        case.test()
    assert (time.process_time() - start) / 20 * 10_000 < 300.0, "seconds for 10,000 paired tests"
