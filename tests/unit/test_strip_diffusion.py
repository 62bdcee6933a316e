"""The diffusion solver against closed forms and against a second method (SCIENCE.md, Bard and Faulkner)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from simulators.strip.chemistry import Species
from simulators.strip.diffusion import Couples, Diffusion
from simulators.strip.responses import solve, unit_responses
from simulators.strip.validation import against_closed_form, against_second_method, closed_form, peak
from simulators.strip.waveform import SquareWave

PER_VOLT = 96485.33212 / (8.314462618 * 298.15)
Array = NDArray[np.float64]


def wave(step_mv: float = 5.0, amplitude_mv: float = 50.0, **keywords: float) -> SquareWave:
    values: dict[str, float] = {"frequency_hz": 25.0, "start_v": -0.45, "end_v": 0.45, "sampling": 1.0}
    return SquareWave(step_v=step_mv / 1e3, amplitude_v=amplitude_mv / 1e3, **(values | keywords))


@pytest.mark.parametrize(
    ("amplitude_mv", "step_mv", "height", "forward", "reverse", "width_mv"),
    [
        (50, 10, 0.9281, 0.6417, -0.2864, 126.0),
        (50, 5, 0.9186, 0.5919, -0.3267, 124.8),
        (25, 10, 0.5796, 0.5040, -0.0757, 101.2),
        (25, 4, 0.5616, 0.4284, -0.1332, 99.9),
    ],
)
def test_a_reversible_couple_gives_the_closed_form(
    amplitude_mv: float, step_mv: float, height: float, forward: float, reverse: float, width_mv: float
) -> None:
    """Table of SCIENCE.md: net height within 1 %, potential within 2 mV; forward and reverse where the net peaks."""
    shape = wave(step_mv, amplitude_mv)
    psi = solve(shape, Couples.of(0.0))[:, :, 0] * np.sqrt(np.pi * shape.half_period_s)
    top, potential, width = peak(shape.steps_v(), psi[0] - psi[1])
    assert top == pytest.approx(height, rel=0.01)
    assert potential == pytest.approx(0.0, abs=0.002)
    assert width * 1e3 == pytest.approx(width_mv, abs=1.0)
    at_top = int(np.argmax(psi[0] - psi[1]))
    assert psi[0][at_top] == pytest.approx(forward, abs=0.01)
    assert psi[1][at_top] == pytest.approx(reverse, abs=0.01)


def test_a_potential_step_follows_cottrell() -> None:
    diffusion = Diffusion(Couples.of(0.0))
    diffusion.jump()
    time_s = 0.0
    for dt in np.geomspace(1e-5, 0.2, 60):
        diffusion.step(0.5, float(dt))
        time_s += float(dt)
        if time_s > 1e-3:
            assert diffusion.flux[0] == pytest.approx(1.0 / np.sqrt(np.pi * time_s), rel=0.01)


def sweep(couples: Couples, rate_v_s: float = 0.1, start_v: float = -0.35, end_v: float = 0.35) -> tuple[Array, Array]:
    """Linear sweep as a very fine staircase: flux against potential."""
    diffusion = Diffusion(couples)
    diffusion.hold(start_v, 5.0, 1e-3)
    step_v = 0.0005
    potentials = np.arange(start_v, end_v, step_v)
    flux = []
    for potential in potentials:
        diffusion.step(float(potential), step_v / rate_v_s)
        flux.append(diffusion.flux[0])
    return potentials, np.array(flux)


def test_a_reversible_sweep_follows_randles_and_sevcik() -> None:
    potentials, flux = sweep(Couples.of(0.0))
    scaled = flux / np.sqrt(PER_VOLT * 0.1)
    assert scaled.max() == pytest.approx(0.4463, rel=0.005)
    assert potentials[int(np.argmax(scaled))] == pytest.approx(0.0285, abs=0.002)


def test_an_irreversible_sweep_has_its_own_constant() -> None:
    couple = Couples.of(0.0, rate_m_s=1e-8, alpha=0.5, backward=0.0)
    _, flux = sweep(couple, start_v=0.0, end_v=0.95)
    assert flux.max() / np.sqrt(0.5 * PER_VOLT * 0.1) == pytest.approx(0.4958, rel=0.005)


def test_a_following_reaction_moves_the_peak_by_thirty_millivolt_a_decade() -> None:
    places = []
    for rate_s in (1e3, 1e4, 1e5):
        potentials, flux = sweep(Couples.of(0.0, following_s=rate_s), start_v=-0.55)
        assert flux.max() / np.sqrt(PER_VOLT * 0.1) == pytest.approx(0.4961, rel=0.02)
        places.append(potentials[int(np.argmax(flux))])
    assert np.diff(places) == pytest.approx([-0.0296, -0.0296], abs=0.0015)


def test_the_net_peak_grows_with_the_root_of_the_frequency() -> None:
    heights = []
    for frequency in (10.0, 40.0):
        shape = wave(frequency_hz=frequency)
        flux = solve(shape, Couples.of(0.0))[:, :, 0]
        heights.append((flux[0] - flux[1]).max())
    assert heights[1] / heights[0] == pytest.approx(2.0, rel=0.01)


def test_a_reduction_is_the_mirror_image_of_an_oxidation() -> None:
    up = solve(wave(), Couples.of(0.05))[:, :, 0]
    down = solve(wave(start_v=0.45, end_v=-0.45), Couples.of(-0.05, sign=-1.0))[:, :, 0]
    assert down == pytest.approx(up, rel=1e-6, abs=1e-9)


def test_the_superposition_of_steps_agrees_with_the_table_and_with_the_solver() -> None:
    """Closed form for any reversible square wave: within 1 % and 2 mV, here much closer."""
    shape = wave(5.0, 50.0)
    psi = closed_form(shape) * np.sqrt(np.pi * shape.half_period_s)
    assert peak(shape.steps_v(), psi[0] - psi[1])[0] == pytest.approx(0.9186, abs=0.0002)
    for deviation in against_closed_form():
        assert abs(deviation.height_fraction) < 0.005, deviation
        assert abs(deviation.potential_v) < 0.0005, deviation


def test_finite_volumes_agree_on_height_and_potential_for_every_mechanism() -> None:
    """Another method, another discretisation, other variables: within 1 % and 2 mV."""
    deviations = against_second_method()
    assert len(deviations) == 4
    for deviation in deviations:
        assert abs(deviation.height_fraction) < 0.01, deviation
        assert abs(deviation.potential_v) < 0.002, deviation


def test_an_interpolated_response_is_the_one_that_would_have_been_solved() -> None:
    species = Species("x", 200.0, 1, 0.2, 1.0, False, 0.5, 6.5e-10, 0.0)
    shape = wave(4.0, 25.0, start_v=-0.2, end_v=0.7, sampling=0.98)
    table = unit_responses(shape, (species,))["x"]
    for temperature, width, shift in ((24.0, 1.0, 0.0), (7.0, 0.93, 0.031), (31.0, 1.08, -0.044)):
        flux = table.at(temperature, width, shift)
        height, potential, _ = peak(shape.steps_v(), flux[0] - flux[1])
        assert potential == pytest.approx(0.2 + shift, abs=0.006)
        near = unit_responses(shape, (Species("y", 200.0, 1, 0.2 + shift, 1.0, False, 0.5 * width, 6.5e-10, 0.0),))["y"]
        direct = near.at(temperature, 1.0, 0.0)
        assert height == pytest.approx(peak(shape.steps_v(), direct[0] - direct[1])[0], rel=0.01)
