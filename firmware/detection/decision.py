"""From a fitted peak to a verdict: decision limit, concentration by the calibration's table, and every doubt named."""

from firmware.detection.verdict import INCONCLUSIVE, NEGATIVE, POSITIVE, AnalyteVerdict


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
    """(signal with the lot's and matrix's offset and gain taken out, True when the calibration knows both)."""
    known = True
    offset = 0.0
    gain = 1.0
    for table, name in ((entry["lots"], lot), (entry["matrices"], matrix)):
        if name in table:
            offset += table[name][0]
            gain *= table[name][1]
        elif table:
            known = False
    return (signal - offset) / gain, known


def _concentration(entry: dict, u: float, widen: float, known: bool) -> tuple:
    """(concentration, lower end, upper end) for a normalised signal; `widen` stretches the interval."""
    table = entry["table"]
    signal = table["signal"]
    c = interpolate(signal, table["concentration"], u)
    low = interpolate(signal, table["low"], u)
    high = interpolate(signal, table["high"], u)
    if widen != 1.0 or not known:
        between = 0.0 if known else entry["between_lots"] * c
        low = c - (((c - low) * widen) ** 2 + between * between) ** 0.5
        high = c + (((high - c) * widen) ** 2 + between * between) ** 0.5
    return max(0.0, c), max(0.0, low), max(0.0, high)


def decide(model: dict, entry: dict, fit, lot: str, matrix: str) -> AnalyteVerdict:
    """The verdict on one analyte (an entry of the calibration) from the fit of its peak.

    u is the peak height in ampere with lot and matrix taken out; detected means u above the decision limit LC. Doubts
    that turn the answer into inconclusive: no convergence, residuals that are not noise, a peak outside its window.
    """
    k = entry["peak"]
    peak = model["peaks"][k]
    sigma_a = model["sigma_a"]
    u, known = normalised(entry, fit.height[k] * sigma_a, lot, matrix)
    limit = entry["lc_signal_a"] if known else entry["lc_signal_unknown_lot_a"]
    out = AnalyteVerdict(entry["name"], INCONCLUSIVE, "")
    out.signal = fit.height[k] * sigma_a
    out.potential_v = peak["potential_v"] + fit.shift[k] * peak["shift_sd_v"]
    if not fit.converged:
        out.reason = "the fit of the peaks did not converge"
        return out
    largest = 0.0
    for height in fit.height:
        largest = max(largest, abs(height))
    misfit = entry["misfit"] * largest
    excess = fit.mean_square / (entry["residual_mean_square"] + misfit * misfit)
    if excess > entry["excess_most"] and fit.roughness < entry["roughness_least"]:
        out.reason = "the curve is not a baseline and the known peaks (residual %.1f times the noise)" % excess**0.5
        return out
    widen = excess**0.5 if excess > entry["excess_noisy"] else 1.0
    c, low, high = _concentration(entry, u, widen, known)
    above = u > entry["table"]["signal"][-1]
    bounded = u <= entry["table"]["bounded_signal"]
    out.concentration_mol_l = None if above else c
    out.ci_low = low
    out.ci_high = high if bounded and not above else None
    centre = entry["blank_signal_a"]
    detected = u > centre + (limit - centre) * widen
    if not detected:
        if widen > 1.0 and u > limit:
            out.reason = "too noisy to tell (noise %.1f times the calibration's)" % widen
            return out
        if entry["dose_mol_l"] and (above or not bounded or high >= entry["dose_mol_l"]):
            out.reason = "an incapacitating dose cannot be excluded"
            return out
        out.verdict = NEGATIVE
        out.reason = "no %s above the decision limit" % entry["name"]
        return out
    first_v, last_v = entry["peak_window_v"]
    if not first_v <= out.potential_v <= last_v:
        out.reason = "a peak at %.3f V, outside the window of %s" % (out.potential_v, entry["name"])
        return out
    out.verdict = POSITIVE
    if above:
        out.reason = "%s above the calibrated range (at least %.2g mol/L)" % (entry["name"], low)
    else:
        out.reason = "peak of %s at %.3f V above the decision limit" % (entry["name"], out.potential_v)
    return out
