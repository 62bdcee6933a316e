"""Preconcentrating strips: the surface reaction, competition for it, and no better than published electrodes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulators.strip.adsorption import F_OVER_R, Gathering, Surroundings, adsorbed_flux, coverage_mol_m2, surface_flux
from simulators.strip.chemistry import load_strip, species
from simulators.strip.scans import simulate_scan
from simulators.strip.waveform import SquareWave
from tests.support.source_tree import ROOT

WATER = Surroundings(temperature_c=25.0, ethanol_percent=0.0, diffusion_factor=1.0, time_s=11.0)
CAPACITY = 2e-6
STRIPS = ROOT / "sensor_models/strips"


def test_without_pulses_the_film_gives_the_closed_form_of_an_irreversible_surface_peak() -> None:
    """Linear sweep: height alpha F v / (e R T) per n F A Gamma, width at half height 2.446 RT / alpha F."""
    wave = SquareWave(-0.4, 0.4, 0.0005, 1e-9, 200.0, sampling=1.0)
    alpha, kelvin = 0.5, 298.15
    forward, reverse = surface_flux(wave, np.array([alpha]), np.array([25.0]), np.array([0.0]), 1)[:, :, 0]
    mean = 0.5 * (forward + reverse)
    assert mean.max() == pytest.approx(alpha * F_OVER_R / kelvin * 0.1 / math.e, rel=0.01)
    above = wave.steps_v()[mean > 0.5 * mean.max()]
    assert np.ptp(above) == pytest.approx(2.446 * kelvin / F_OVER_R / alpha, rel=0.01)
    assert abs(wave.steps_v()[int(np.argmax(mean))]) < 0.002


def test_the_film_gives_back_the_charge_that_it_holds() -> None:
    wave = SquareWave(-0.4, 0.4, 0.0005, 1e-9, 200.0, sampling=1.0)
    flux = surface_flux(wave, np.array([0.5]), np.array([25.0]), np.array([0.0]), 1)[:, :, 0]
    assert float(flux.sum() * wave.half_period_s) == pytest.approx(1.0, abs=0.01)


def test_diffusion_limits_what_gathers_and_other_substances_and_ethanol_push_it_out() -> None:
    members = (species()["scopolamine"], species()["caffeine"])
    alone = coverage_mol_m2(members, {"scopolamine": 1e-5}, CAPACITY, WATER)["scopolamine"]
    most = 2.0 * 1e-2 * math.sqrt(species()["scopolamine"].diffusion_m2_s * WATER.time_s / math.pi)
    assert 0.2 * most < alone < most
    beside = coverage_mol_m2(members, {"scopolamine": 1e-5, "caffeine": 1.5e-3}, CAPACITY, WATER)["scopolamine"]
    assert beside < 0.75 * alone
    spirit = Surroundings(25.0, 40.0, 1.0, 11.0)
    assert coverage_mol_m2(members, {"scopolamine": 1e-5}, CAPACITY, spirit)["scopolamine"] < 0.7 * alone
    assert coverage_mol_m2(members, {"scopolamine": 1e-1}, CAPACITY, WATER)["scopolamine"] == pytest.approx(
        CAPACITY, rel=0.01
    )


@pytest.mark.parametrize("name", ["scopolamine", "flunitrazepam"])
def test_in_time_the_film_gathers_and_reacts_as_in_a_scan(name: str) -> None:
    """The same scan step by step: what has gathered after the rest, and the current of each half period's end."""
    member, contents, rest_s = species()[name], {name: 1e-5}, WATER.time_s
    wave = SquareWave(0.4, 1.4, 0.004, 0.04, 30.0) if member.sign > 0 else SquareWave(-0.2, -1.1, 0.004, 0.025, 25.0)
    held = coverage_mol_m2((member,), contents, CAPACITY, WATER)[name]
    film = Gathering(wave, (member,), contents, CAPACITY, WATER, 1.0, {name: 0.02})
    film.step(None, rest_s, rest_s)
    found = []
    sampled_s = wave.sampling * wave.half_period_s
    for potential_v in wave.halves_v():
        film.step(float(potential_v), rest_s, sampled_s)
        found.append(film.flux(float(potential_v)))
        film.step(float(potential_v), rest_s, wave.half_period_s - sampled_s)
    wanted = held * member.sign * member.electrons * adsorbed_flux(wave, member, 25.0, 1.0, 0.02)
    np.testing.assert_allclose(np.array(found).reshape(-1, 2).T, wanted, rtol=1e-6, atol=1e-12 * abs(wanted).max())


@pytest.mark.parametrize(
    ("name", "drug", "sd_factor", "published_mol_l"),
    [
        # scopolamine: LOD (3 sd) 0.3 umol/L on modified paste. Flunitrazepam: LOQ (10 sd) below 1 mg/L = 3.2 umol/L,
        # taken as half of that. Both SCIENCE.md.
        ("scopolamine_screen", "scopolamine", 3.0, 0.3e-6),
        ("nitro_screen", "flunitrazepam", 10.0, 1.6e-6),
    ],
)
def test_a_simulated_strip_is_not_better_than_the_published_electrode(
    name: str, drug: str, sd_factor: float, published_mol_l: float
) -> None:
    """Its blanks alone, read at the peak against the two feet, scatter by more than the published limit allows."""
    strip = load_strip(STRIPS / f"{name}.toml")
    place = species()[drug].peak_potential_v

    def height(amount: float, seed: int) -> float:
        one = simulate_scan(strip, "water", {drug: amount}, temperature_c=25.0, seed=f"published {seed}")
        net = (one.forward_a - one.reverse_a) * species()[drug].sign
        near = np.abs(one.potential_v - place) < 0.05
        x = np.abs(one.potential_v - place)
        feet = (x > 0.12) & (x < 0.17)
        line = np.polyval(np.polyfit(one.potential_v[feet], net[feet], 1), one.potential_v[near])
        return float(np.mean(net[near] - line))

    blanks = np.array([height(0.0, seed) for seed in range(60)])
    spiked = np.array([height(5e-6, seed) for seed in range(60)])
    per_mol = (spiked.mean() - blanks.mean()) / 5e-6
    assert per_mol > 0
    assert sd_factor * blanks.std(ddof=1) / per_mol > published_mol_l
