"""What the fit makes of peaks about the detection limit: it seeks their place and width, and finds some noise there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from firmware.detection.decision import spread
from sensor_models import batch_fit
from sensor_models.scans import Array, RecordedScan, cut_scan

HEIGHTS = (1.5, 3.0, 4.5, 7.0, 11.0)  # peaks added to the blanks, in standard deviations of a usual blank
FITS_LEAST = 240  # of each height: every blank is used as often as that takes
BLANKS_MOST = 240
OUTLYING = 4.0  # standard deviations off the blanks' median: not a blank to add a peak to
SEED = 1  # of where the added peaks lie: the same file gives the same calibration
PRIOR_OF_SCATTER = 1.5  # a peak's priors are this many times the scatter seen (sensor_models.model_building)


@dataclass(frozen=True)
class LowPeaks:
    """Detection statistic of a peak added to blanks, by the peak's true height; all in a usual blank's noise.

    `excess` is how much further the statistic rises than the height, `scatter` its standard deviation relative to the
    blanks' own. Nothing known: excess 0, scatter 1.
    """

    height: tuple[float, ...] = (0.0,)
    excess: tuple[float, ...] = (0.0,)
    scatter: tuple[float, ...] = (1.0,)

    def excess_at(self, height: Array) -> Array:
        """Excess at true heights, linearly between those tried and constant beyond."""
        return np.asarray(np.interp(height, self.height, self.excess), dtype=np.float64)

    def scatter_at(self, height: Array) -> Array:
        """Relative scatter at true heights."""
        return np.asarray(np.interp(height, self.height, self.scatter), dtype=np.float64)


@dataclass(frozen=True)
class _Blanks:
    """Blanks that share their potentials, cut to the window and in noise units, each as often as it is used."""

    potential_v: Array
    net: Array

    def statistic(self, model: dict[str, Any], entry: dict[str, Any], added: Array) -> Array:
        """Signal of each over its own uncertainty, in a usual blank's noise, with curves `added`; NaN: not settled."""
        fits = batch_fit.fit_batch(model, self.potential_v, self.net + added)
        degrees = max(len(self.potential_v) - model["degree"] - 1 - len(model["peaks"]), 1)
        signal = fits.height[:, entry["peak"]] * model["sigma_a"] / entry["noise_a"]
        own = [spread(model, entry, fits.one(row, degrees))[0] for row in range(len(signal))]
        return np.where(fits.converged, signal / np.array(own), np.nan)


def _grouped(model: dict[str, Any], blanks: Sequence[RecordedScan], repeats: int) -> list[_Blanks]:
    groups: dict[bytes, list[RecordedScan]] = {}
    for scan in blanks:
        groups.setdefault(scan.potential_v.tobytes(), []).append(scan)
    out = []
    for members in groups.values():
        cuts = [cut_scan(scan, model["window_v"], model["sigma_a"] * model["sign"]) for scan in members]
        out.append(_Blanks(cuts[0][0], np.repeat([net for _, net in cuts], repeats, axis=0)))
    return out


def _peaks(model: dict[str, Any], k: int, blanks: _Blanks, rng: np.random.Generator) -> Array:
    """A peak of height 1 for each blank, its place and width scattered as the calibration's scans were."""
    one = model["peaks"][k]
    shape = model["shapes"][one["shape"]]
    count = len(blanks.net)
    shift = rng.standard_normal(count) * one["shift_sd_v"] / PRIOR_OF_SCATTER
    width = 1.0 + rng.standard_normal(count) * one["width_sd"] / PRIOR_OF_SCATTER
    values = np.asarray(shape["values"])
    centre, scale = one["potential_v"] + shift, one["width"] * np.clip(width, 0.5, 2.0)
    return batch_fit.fill(values, float(shape["step_v"]), centre, scale, blanks.potential_v)[0]


def added_to_blanks(model: dict[str, Any], entry: dict[str, Any], blanks: Sequence[RecordedScan]) -> LowPeaks:
    """What the fit reads when peaks of known height are added to the calibration's own blanks.

    A fit that looks for a peak's place and width reports the height at the best of many places, so near the noise a
    peak reads higher than it is (expected value of a maximum over a searched parameter: Davies 1977, Biometrika 64:
    247; for a nonlinear least-squares height the bias of second order, Box 1971, J. R. Stat. Soc. B 33: 171), and the
    scatter of height over own uncertainty is not that of blanks. Neither has a closed form with several peaks, priors
    and a real baseline, so both are found by adding peaks to the blanks and fitting again (a parametric bootstrap:
    Efron and Tibshirani 1993, chapter 6): rise = mean over blanks of the statistic with the peak less without it, in
    which the blank's own noise cancels. `entry` holds what `firmware.detection.decision.spread` reads, and noise_a.
    """
    chosen = list(blanks)[:: max(-(-len(blanks) // BLANKS_MOST), 1)]
    groups = _grouped(model, chosen, max(-(-FITS_LEAST // len(chosen)), 1))
    rng = np.random.default_rng(SEED)
    without = np.concatenate([one.statistic(model, entry, np.zeros_like(one.net)) for one in groups])
    middle = float(np.nanmedian(without))
    usual = np.abs(without - middle) <= OUTLYING * max(float(np.nanstd(without)), 1e-12)
    unit = [_peaks(model, entry["peak"], one, rng) * entry["noise_a"] / model["sigma_a"] for one in groups]
    excess, scatter = [0.0], [1.0]
    for height in HEIGHTS:
        found = zip(groups, unit, strict=True)
        with_peak = np.concatenate([one.statistic(model, entry, height * peaks) for one, peaks in found])
        sound = usual & np.isfinite(with_peak)
        if sound.sum() < 0.5 * len(sound):
            return LowPeaks()
        excess.append(float(np.mean(with_peak[sound] - without[sound])) - height)
        scatter.append(float(np.std(with_peak[sound]) / max(float(np.std(without[sound])), 1e-12)))
    return LowPeaks((0.0, *HEIGHTS), tuple(excess), tuple(scatter))
