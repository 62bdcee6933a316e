"""Is this scan a measurement at all? Checks before any fit; each refusal says what was seen and what to do."""

from array import array

from firmware.detection.internal_standard import amiss
from firmware.detection.scan import POINTS_MIN, Scan, bounds
from firmware.detection.waveform import differs

FLAT_RUN_MIN = 5  # equal neighbouring readings at the extreme that mean a clipped converter, not chance
QUANTA_MIN = 4.0  # mean deviation in converter steps below which equal neighbours are rounding, not clipping: ASSUMED
CLIP_EVIDENCE = 10.0  # ... when run length times departure from the mean (in mean deviations) reaches this: ASSUMED
# Readings one converter step from the extreme, per reading at it. A parabola in steps has 0.7; a trace cut off where it
# runs s steps a point has 2 / s in all. What is cut off and missed by this is less than 1.7 steps high.
SHOULDER_MOST = 0.3
CLEAR_PEAK = 12.0  # a peak this many standard deviations high tells its own place
# A calibration says of each peak how far off it must lie to mean drift (`drift_v`; None: drinks themselves move it, or
# too few scans showed it). For files without: clear peaks of fresh strips lie within 22 mV of their place in 99 % of
# simulated scans (two strips, 32 drinks, 8 to 27 degC); with a reference 60 mV off, beyond 30 mV in 95 %.
DRIFT_MOST_V = 0.030
DRIFT_PRIORS = 2.5  # a prior is 1.5 times the scatter seen in calibration: 3.75 standard deviations, 1 in 5,000
EDGE_V = 0.020  # a peak nearer to the window's edge shows a flank: its place is the baseline's as much. ASSUMED
HALVINGS = 14  # find a quartile within a ten-thousandth of the largest value
SMOOTHED = 9  # points of a running mean: a third of the noise, a fifth of a peak
HUGE = 1e30  # a reading beyond this is none
FULL_SCALE_PART = 0.98  # part of the converter's full scale that counts as clipped


def _traces(scan: Scan) -> list:
    if scan.net_a is not None:
        return [("net", scan.net_a)]
    return [("forward", scan.forward_a), ("reverse", scan.reverse_a)]


def _shape(scan: Scan, low_v: float, high_v: float):
    count = len(scan.potential_v)
    potential_v = scan.potential_v
    traces = _traces(scan)
    for name, trace in traces:
        if len(trace) != count:
            return "the %s current has %d readings for %d potentials" % (name, len(trace), count)
    if count < POINTS_MIN:
        return "too few points: %d (at least %d)" % (count, POINTS_MIN)
    for name, trace in [("potential", potential_v)] + [(name + " current", trace) for name, trace in traces]:
        k = 0
        for x in trace:
            k += 1
            if not abs(x) < HUGE:  # NaN too
                return "the %s of point %d is not a number" % (name, k)
    up = potential_v[count - 1] > potential_v[0]
    last = potential_v[0]
    for k in range(1, count):
        now = potential_v[k]
        if (now > last) != up or now == last:
            return "the potential does not run one way (point %d)" % (k + 1)
        last = now
    ends = (min(scan.potential_v[0], scan.potential_v[-1]), max(scan.potential_v[0], scan.potential_v[-1]))
    step = (ends[1] - ends[0]) / (count - 1)
    if ends[0] > low_v + 2 * step or ends[1] < high_v - 2 * step:
        return "the scan runs %.2f to %.2f V and does not cover the peak window %.2f to %.2f V" % (
            ends[0],
            ends[1],
            low_v,
            high_v,
        )
    first, stop = bounds(scan.potential_v, low_v, high_v)
    if stop - first < POINTS_MIN // 2:
        return "too few points in the peak window: %d (at least %d)" % (stop - first, POINTS_MIN // 2)
    return None


def _clipped(name: str, trace, full_scale_a) -> object:
    """Whether a trace (already cut to where it matters) stands at a converter's end or does not move at all."""
    count = len(trace)
    mean = 0.0
    for now in trace:
        mean += now / count
    spread = 0.0
    high = low = last = trace[0]
    step = 0.0
    for now in trace:
        spread += abs(now - mean) / count
        jump = abs(now - last)
        last = now
        if jump and (step == 0.0 or jump < step):
            step = jump
        high = max(high, now)
        low = min(low, now)
    if high == low:
        return "open circuit or stuck converter: every %s current is %.3g A (seat the strip, test again)" % (name, high)
    for extreme in (high, low):
        run = longest = near = 0
        for now in trace:
            if now == extreme:
                run += 1
                longest = max(longest, run)
            else:
                run = 0
                if abs(now - extreme) < 1.5 * step:
                    near += 1
        if full_scale_a and abs(extreme) >= FULL_SCALE_PART * full_scale_a:
            return "saturated: the %s current reaches the converter's full scale %.3g A" % (name, full_scale_a)
        rounded = spread < QUANTA_MIN * step  # a quiet trace of few converter steps repeats itself by chance
        rounded = rounded or near > SHOULDER_MOST * longest  # a flat top or bottom
        if longest >= FLAT_RUN_MIN and not rounded and longest * abs(extreme - mean) > CLIP_EVIDENCE * spread:
            return "saturated: the %s current stays at %.3g A for %d points" % (name, extreme, longest)
    return None


def level(scan: Scan) -> float:
    """Mean size of the current over the whole scan, A: what a dry, open or shorted strip gets wrong."""
    count = len(scan.potential_v)
    total = 0.0
    for k in range(count):
        if scan.net_a is not None:
            total += abs(scan.net_a[k])
        else:
            total += (abs(scan.forward_a[k]) + abs(scan.reverse_a[k])) * 0.5
    return total / count


def background(scan: Scan) -> float:
    """Lower quartile of the net current's size in running means of SMOOTHED points, A: the electrode, hardly the drink.

    A drink's substances change the mean current tenfold, this by a third: what tells how much of the electrode is wet.
    """
    count = len(scan.potential_v) - SMOOTHED + 1
    total = 0.0
    for k in range(SMOOTHED - 1):
        total += scan.net(k)
    sizes = array("f", [0.0] * count)
    high = 0.0
    for k in range(count):
        total += scan.net(k + SMOOTHED - 1)
        sizes[k] = abs(total) / SMOOTHED
        high = max(high, sizes[k])
        total -= scan.net(k)
    low = 0.0
    for _ in range(HALVINGS):  # by halving the range: a sorted list would not fit beside the scan
        middle = 0.5 * (low + high)
        below = 0
        for size in sizes:
            if size <= middle:
                below += 1
        if below > count // 4:
            high = middle
        else:
            low = middle
    return high


def _wetting(limits: dict, scan: Scan):
    """Why the electrode itself is not as a fresh and wholly wetted one, in words, or None."""
    if "background_low_a" not in limits:
        return None
    seen = background(scan)
    if seen < limits["background_low_a"]:
        return "dry or half-wetted strip: background %.3g A, a wetted one gives at least %.3g A" % (
            seen,
            limits["background_low_a"],
        )
    if seen > limits["background_high_a"]:
        return "residue or a used strip: background %.3g A, a fresh one gives at most %.3g A" % (
            seen,
            limits["background_high_a"],
        )
    return None


def refusal(limits: dict, scan: Scan):
    """Why this scan cannot be judged, in words, or None. `limits` is the calibration's `quality` table."""
    why = _shape(scan, limits["window_v"][0], limits["window_v"][1])
    if why is None and "waveform" in limits:
        why = differs(limits["waveform"], scan)
    if why:
        return why
    first, stop = bounds(scan.potential_v, limits["fit_window_v"][0], limits["fit_window_v"][1])
    for name, trace in _traces(scan):
        why = _clipped(name, trace[first:stop], limits.get("full_scale_a"))
        if why:
            return why
    seen = level(scan)
    if seen < limits["level_open_a"]:
        return "open circuit: mean current %.3g A, a wetted strip gives %.3g A (seat the strip, test again)" % (
            seen,
            limits["level_low_a"],
        )
    if seen < limits["level_dry_a"]:
        return "dry or half-wetted strip: mean current %.3g A, a wetted one gives at least %.3g A" % (
            seen,
            limits["level_low_a"],
        )
    if seen > limits["level_short_a"]:
        return "short circuit: mean current %.3g A, a sound strip gives at most %.3g A" % (seen, limits["level_high_a"])
    net = 0.0  # its sign is that of the charging current and of every peak alike
    for k in range(len(scan.potential_v)):
        net += scan.net(k)
    if limits.get("net_sign", 0) * net < 0.0:
        return (
            "the current runs the other way than in the calibration's scans"
            " (are forward and reverse, or the sign of the current, changed round?)"
        )
    why = _wetting(limits, scan)
    if why is None and limits.get("standard"):
        why = amiss(limits["standard"], scan)
    return why


def _drift_v(peak: dict):
    """How far off this peak must lie to mean drift, V, or None when it tells nothing."""
    if "drift_v" in peak:
        return peak["drift_v"]
    return max(DRIFT_MOST_V, DRIFT_PRIORS * peak["shift_sd_v"])


def drifted(model: dict, fit):
    """Why the reference electrode is not to be trusted, in words, or None: every clear peak lies off to one side.

    The known peaks (analytes' and other substances') are the internal reference, each as far as the calibration found
    it steady over its drinks and its top lies inside the window. Peaks that lie off to both sides are something else
    than drift; without a clear and steady peak nothing can be told.
    """
    total = allowed = 0.0
    count = up = 0
    for k in range(len(fit.height)):
        if fit.height[k] < CLEAR_PEAK * fit.height_sd[k]:
            continue
        peak = model["peaks"][k]
        shift = fit.shift[k] * peak["shift_sd_v"]
        top = peak["potential_v"] + shift
        most = _drift_v(peak)
        if most is None or not model["window_v"][0] + EDGE_V <= top <= model["window_v"][1] - EDGE_V:
            continue
        total += shift
        allowed += most
        count += 1
        if shift > 0.0:
            up += 1
    if count == 0 or up not in (0, count) or abs(total) <= allowed:
        return None
    return "the reference electrode has drifted: %d known peak%s %.0f mV off (fresh strip, test again)" % (
        count,
        " is" if count == 1 else "s are",
        1e3 * total / count,
    )


def used_before(strip_id: str, earlier):
    """Why a strip cannot be read, in words, or None: its number is in the records of `earlier` tests."""
    if strip_id and strip_id in earlier:
        return "strip %s was used before: one strip, one drink" % strip_id
    return None
