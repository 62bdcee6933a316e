"""From a fitted peak to a verdict: decision limit, concentration by the calibration's table, and every doubt named."""

from firmware.detection.guarantee import doubt, outside
from firmware.detection.verdict import INCONCLUSIVE, NEGATIVE, POSITIVE, AnalyteVerdict

# A peak as far below a blank as no blank lies (the lowest of 5,000 clean drinks: 3.4) is a current of the wrong sign,
# or a fit that came to rest in the wrong place: tonic with 0.75 of a dose of flunitrazepam, at 4.5.
UPSIDE_DOWN = 4.0
UNSETTLED = 3.0  # ASSUMED: the error of an unfinished fit, in its last steps


def interpolate(at: list, values: list, x: float) -> float:
    """Piecewise-linear value at x; `at` ascends; held constant outside."""
    last = len(at) - 1
    if x <= at[0]:
        return values[0]
    if x >= at[last]:
        return values[last]
    low = 0
    high = last
    while high - low > 1:
        middle = (low + high) // 2
        if at[middle] <= x:
            low = middle
        else:
            high = middle
    part = (x - at[low]) / (at[high] - at[low])
    return values[low] + part * (values[high] - values[low])


def normalised(entry: dict, signal: float, lot: str, matrix: str) -> tuple:
    """(signal without the lot's and matrix's offset, their gain, relative half-width of what is not known of them).

    The last is 0 when the calibration knows both.
    """
    offset = 0.0
    gain = 1.0
    unseen = 0.0
    for table, name, apart in (
        (entry["lots"], lot, entry["unseen_lot"]),
        (entry["matrices"], matrix, entry["unseen_matrix"]),
    ):
        if name in table:
            offset += table[name][0]
            gain *= table[name][1]
        elif table:
            unseen += apart * apart
    return signal - offset, gain, unseen**0.5


def _concentration(entry: dict, u: float, widen: float, unseen: float) -> tuple:
    """(concentration, lower end, upper end) for a signal brought to the table's gain.

    `widen` is the scan's noise relative to what the table allows for: the interval's half-widths are put right by it.
    `unseen` is the relative half-width that an unknown lot or drink adds.
    """
    table = entry["table"]
    signal = table["signal"]
    c = interpolate(signal, table["concentration"], u)
    low = interpolate(signal, table["low"], u)
    high = interpolate(signal, table["high"], u)
    own = entry["t_interval"] * entry["noise_a"]
    own = interpolate(signal, table["concentration"], u + own) - interpolate(signal, table["concentration"], u - own)
    extra = 0.25 * own * own * (widen * widen - 1.0)
    # An unseen lot's gain g lies in 1 -/+ unseen: the truth is c / g, so the upper end reaches further than the lower.
    far = c / (1.0 - min(unseen, 0.8)) - c
    near = c - c / (1.0 + unseen)
    low = c - _other_half(c - low, extra + near * near)
    high = c + _other_half(high - c, extra + far * far)
    return max(0.0, c), max(0.0, low), max(0.0, high)


def _other_half(half: float, extra: float) -> float:
    """A half-width with a variance added or taken away, never to less than half of what it was."""
    return max(half * half + extra, 0.25 * half * half) ** 0.5


def spread(model: dict, entry: dict, fit) -> tuple:
    """(standard deviation of this scan's signal without analyte relative to a usual blank's, excess of the residuals).

    Grows with the fit's own uncertainty (overlapping peaks), with the other substances' peaks, with noise, and with the
    last step of a fit that had not come to rest.
    """
    k = entry["peak"]
    others = 0.0
    largest = 0.0
    for n in range(len(fit.height)):
        size = abs(fit.height[n])
        largest = max(largest, size)
        if n != k:
            others += size
    misfit = entry["misfit"] * largest
    excess = fit.mean_square / (entry["residual_mean_square"] + misfit * misfit)
    own = fit.height_sd[k] / entry["height_sd"]
    leak = entry["leak"] * others * model["sigma_a"] / entry["noise_a"]
    total = own * own + leak * leak
    if not fit.converged:
        unsettled = UNSETTLED * fit.last_step[k] * model["sigma_a"] / entry["noise_a"]
        total += unsettled * unsettled
    if excess > entry["excess_noisy"]:
        total *= excess
    return total**0.5, excess


def decide(model: dict, entry: dict, fit, lot: str, matrix: str) -> AnalyteVerdict:
    """The verdict on one analyte (an entry of the calibration) from the fit of its peak.

    u is the peak height in ampere without the lot's and matrix's offset; detected means u above this scan's limit.
    Doubts that turn the answer into inconclusive: a drink the calibration does not know, residuals that are not noise,
    a peak outside its window, when nothing is detected a scan in which a dose could hide, and an answer that the
    decision table of this drug and drink group does not bear out.
    """
    k = entry["peak"]
    peak = model["peaks"][k]
    u, gain, unseen = normalised(entry, fit.height[k] * model["sigma_a"], lot, matrix)
    limit = entry["lc_signal_unknown_lot_a"] if unseen else entry["lc_signal_a"]
    out = AnalyteVerdict(entry["name"], INCONCLUSIVE, "")
    out.signal = fit.height[k] * model["sigma_a"]
    out.potential_v = peak["potential_v"] + fit.shift[k] * peak["shift_sd_v"]
    if entry["not_testable"]:
        out.reason = "not testable: " + entry["not_testable"]
        return out
    why = outside(entry, matrix)
    if why:
        out.reason = why
        return out
    widen, excess = spread(model, entry, fit)
    if excess > entry["excess_most"] and fit.roughness < entry["roughness_least"]:
        out.reason = "the curve is not a baseline and the known peaks (residual %.1f times the noise)" % excess**0.5
        return out
    centre = entry["blank_signal_a"]
    level = centre + (u - centre) / gain
    c, low, high = _concentration(entry, level, widen / gain, unseen)
    above = level > entry["table"]["signal"][-1]
    bounded = level <= entry["table"]["bounded_signal"] and not above
    out.concentration_mol_l = None if above else c
    out.ci_low = low
    out.ci_high = high if bounded else None
    if u <= centre + (limit - centre) * widen:
        _undetected(entry, out, widen, fit.converged)
    else:
        _detected(entry, out, low, above)
    statistic = (u - centre) / (entry["noise_a"] * widen)
    if out.verdict == NEGATIVE and statistic < -UPSIDE_DOWN:
        out.verdict = INCONCLUSIVE
        out.reason = "the peak of %s is upside down (is the current's sign the calibration's?)" % entry["name"]
    if out.verdict != INCONCLUSIVE:
        why = doubt(entry, out.verdict, statistic, matrix)
        if why:
            out.verdict = INCONCLUSIVE
            out.reason = why
    return out


def _detected(entry: dict, out: AnalyteVerdict, low: float, above: bool) -> None:
    first_v, last_v = entry["peak_window_v"]
    if not first_v <= out.potential_v <= last_v:
        out.reason = "a peak at %.3f V, outside the window of %s" % (out.potential_v, entry["name"])
        return
    out.verdict = POSITIVE
    if above:
        out.reason = "%s above the calibrated range (at least %.2g mol/L)" % (entry["name"], low)
    else:
        out.reason = "peak of %s at %.3f V above the decision limit" % (entry["name"], out.potential_v)


def _undetected(entry: dict, out: AnalyteVerdict, widen: float, converged: bool) -> None:
    dose = entry["dose_mol_l"]
    high = out.ci_high
    if dose and (high is None or high >= dose):
        out.reason = "an incapacitating dose of %s cannot be excluded" % entry["name"]
    elif widen > entry["widen_most"] and not converged:
        out.reason = "the fit of the peaks did not converge"
    elif not dose and widen > entry["widen_most"]:
        out.reason = "too much else in the curve to exclude %s (uncertainty %.1f times a clean blank's)" % (
            entry["name"],
            widen,
        )
    else:
        out.verdict = NEGATIVE
        out.reason = "no %s above the decision limit" % entry["name"]
