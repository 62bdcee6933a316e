"""How near the peak heights come to the Cramer-Rao bound, and how fast the joint fit is beside lmfit."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from sensor_models import model_building
from sensor_models.batch_fit import fill, fit_batch
from sensor_models.scans import Array, RecordedScan, cut_scan
from simulators.strip.waveform import SquareWave
from waakzaam.benches._detection_scenes import NOISE_A, SolvedPeak, line, scan, strip
from waakzaam.benches.report import Figure, at_least, at_most

SHIFT_SD_V = 0.004


def bound(peaks: list[SolvedPeak], shifts: list[float], heights: list[float], potential_v: Array) -> float:
    """Cramer-Rao bound (standard deviation, A) of the first peak's height: heights, places and a line unknown."""
    columns = [np.ones_like(potential_v), potential_v - potential_v.mean()]
    for peak, shift, height in zip(peaks, shifts, heights, strict=True):
        columns.append(peak.value(shift))
        columns.append(height * (peak.value(shift + 1e-3) - peak.value(shift - 1e-3)) / 2e-3)
    rows = np.stack(columns, axis=1)
    scale = np.linalg.norm(rows, axis=0)
    covariance = np.linalg.inv((rows / scale).T @ (rows / scale)) / np.outer(scale, scale)
    return float(NOISE_A * np.sqrt(covariance[2, 2]))


def _scene(peaks: list[SolvedPeak], heights: list[float], rng: np.random.Generator) -> tuple[Array, list[float]]:
    """(net current, shifts) of one scan."""
    shifts = [float(SHIFT_SD_V * rng.standard_normal()) for _ in peaks]
    potential = peaks[0].grid
    net = line(potential, rng) + NOISE_A * rng.standard_normal(len(potential))
    for peak, shift, height in zip(peaks, shifts, heights, strict=True):
        net = net + height * peak.value(shift)
    return np.asarray(net, dtype=np.float64), shifts


def _calibration_scans(peaks: list[SolvedPeak], name: str, rng: np.random.Generator) -> list[RecordedScan]:
    out = []
    levels = [0.0] * 60 + [c for c in (2e-5, 5e-5, 1e-4) for _ in range(15)]
    for n, level in enumerate(levels):
        others = [float(rng.choice([0.0, 3e-7, 1e-6])) for _ in peaks[1:]]
        net, _ = _scene(peaks, [1e-2 * level, *others], rng)
        out.append(scan(n, peaks[0].grid, net, analyte=name, concentration=level))
    return out


def _gain(model: dict[str, Any], scans: list[RecordedScan]) -> float:
    """Fitted over true height in the calibration scans: a table's height is a convention, calibration takes it out."""
    spiked = [one for one in scans if one.concentration_mol_l]
    true = np.array([1e-2 * (one.concentration_mol_l or 0.0) for one in spiked])
    found = np.array([f.height[row, 0] for f, row, _, _ in model_building.fit_scans(model, spiked)]) * model["sigma_a"]
    return float(found @ true / (true @ true))


def _ratio(
    peaks: list[SolvedPeak], fitted: tuple[dict[str, Any], float], rng: np.random.Generator, count: int
) -> tuple[float, float, list[RecordedScan], list[float]]:
    """(RMSE over bound, bias over bound, scans, true heights) of `count` scans, heights 15 to 60 noise units."""
    model, gain = fitted
    scans, truth, bounds = [], [], []
    for n in range(count):
        heights = [float(rng.uniform(15, 60)) * NOISE_A for _ in peaks]
        net, shifts = _scene(peaks, heights, rng)
        scans.append(scan(n, peaks[0].grid, net, analyte="", concentration=None))
        truth.append(heights[0])
        bounds.append(bound(peaks, shifts, heights, peaks[0].grid))
    fits = model_building.fit_scans(model, scans)
    found = np.array([f.height[row, 0] for f, row, _, _ in fits]) * model["sigma_a"] / gain
    z = (found - np.array(truth)) / np.array(bounds)
    return float(np.sqrt(np.mean(z**2))), float(np.mean(z)), scans, truth


def _lmfit_heights(model: dict[str, Any], potential: Array, nets: Array) -> tuple[Array, float]:
    """(heights in noise units, seconds) of lmfit doing the same model scan by scan."""
    import lmfit  # noqa: PLC0415 - a test library: the other figures do not need it

    x = (potential - potential.mean()) / (0.5 * np.ptp(potential))
    powers = np.vander(x, model["degree"] + 1, increasing=True)
    peaks = model["peaks"]

    def residual(parameters: Any, net: Array) -> Array:
        left = net - powers @ np.array([parameters[f"b{k}"].value for k in range(powers.shape[1])])
        prior = []
        for k, peak in enumerate(peaks):
            shift, width = parameters[f"s{k}"].value, parameters[f"w{k}"].value
            centre = np.array([peak["potential_v"] + shift * peak["shift_sd_v"]])
            scale = np.array([peak["width"] * np.clip(1.0 + width * peak["width_sd"], 0.5, 2.0)])
            shape = model["shapes"][peak["shape"]]
            value = fill(np.asarray(shape["values"]), shape["step_v"], centre, scale, potential)[0][0]
            left = left - parameters[f"h{k}"].value * value
            prior += [shift, width]
        return np.concatenate([left, prior])

    heights = []
    start = time.process_time()
    for net in nets:
        parameters = lmfit.Parameters()
        for k in range(powers.shape[1]):
            parameters.add(f"b{k}", value=float(np.median(net)) if k == 0 else 0.0)
        for k in range(len(peaks)):
            parameters.add(f"h{k}", value=float(np.ptp(net)))
            parameters.add(f"s{k}", value=0.0)
            parameters.add(f"w{k}", value=0.0)
        done = lmfit.minimize(residual, parameters, args=(net,))
        heights.append(done.params["h0"].value)
    return np.array(heights), time.process_time() - start


def figures(seed: int, quick: bool) -> list[Figure]:
    """Height errors against the bound, and the race with lmfit."""
    rng = np.random.default_rng(seed)
    count = 200 if quick else 2000
    wave = SquareWave(start_v=0.50, end_v=1.20, step_v=0.004, amplitude_v=0.025, frequency_hz=25.0)
    one = [SolvedPeak("ketamine", wave, 0.85)]
    known = _calibration_scans(one, "ketamine", rng)
    model = model_building.build(strip("ketamine", (0.70, 1.00)), known)
    ratio, bias, _, _ = _ratio(one, (model, _gain(model, known)), rng, count)
    out = [at_most("peak height RMSE / Cramer-Rao bound, one peak", ratio, 1.3, "", bias=bias, scans=count)]
    wave = SquareWave(start_v=-0.30, end_v=-1.20, step_v=0.004, amplitude_v=0.025, frequency_hz=25.0)
    two = [SolvedPeak("flunitrazepam", wave, -0.75), SolvedPeak("quinine", wave, -0.85)]
    definition = strip("flunitrazepam", (-0.84, -0.66), {"quinine": -0.85})
    known = _calibration_scans(two, "flunitrazepam", rng)
    model = model_building.build(definition, known)
    ratio, bias, scans, truth = _ratio(two, (model, _gain(model, known)), rng, count)
    out.append(at_most("peak height RMSE / Cramer-Rao bound, 100 mV apart", ratio, 2.0, "", bias=bias, scans=count))
    number = 50 if quick else 1000
    cuts = [cut_scan(one_scan, model["window_v"], model["sigma_a"] * model["sign"]) for one_scan in scans[:number]]
    nets = np.array([net for _, net in cuts])
    start = time.process_time()
    ours = fit_batch(model, cuts[0][0], nets).height[:, 0]
    seconds = time.process_time() - start
    theirs, peer_seconds = _lmfit_heights(model, cuts[0][0], nets)
    true = np.array(truth[:number]) / model["sigma_a"]
    rmse = [float(np.sqrt(np.mean((h - true) ** 2))) for h in (ours, theirs)]
    detail = {"scans": number, "seconds": seconds, "lmfit_seconds": peer_seconds}
    out.append(at_least("joint fit, times faster than lmfit", peer_seconds / seconds, 20.0, "x", **detail))
    out.append(at_most("joint fit RMSE / lmfit's", rmse[0] / rmse[1], 1.005, "", ours=rmse[0], lmfit=rmse[1]))
    return out
