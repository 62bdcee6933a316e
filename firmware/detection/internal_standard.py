"""Is the reference electrode where it should be? The couple dried on the strip, at a potential of its own, tells.

A printed silver chloride electrode that lost its chloride moves every potential alike, and a drug's peak out of the
place where it is looked for: read as a clean drink. A strip with an internal standard is judged only while that one
stands in its place, as high as on a fresh strip, with a current in both directions, as only a fast couple has.
"""

from array import array

from firmware.detection.scan import bounds

SMOOTHED = 5  # points of the running mean: less than a tenth of the peak
HALF = 0.5  # the place is the centre of what stands above this part of the height


def _smooth(read, first: int, stop: int):
    """Running means of SMOOTHED points about each index of [first, stop), array('f')."""
    out = array("f", [0.0] * (stop - first))
    side = SMOOTHED // 2
    for k in range(stop - first):
        total = 0.0
        for at in range(first + k - side, first + k + side + 1):
            total += read(at)
        out[k] = total / SMOOTHED
    return out


def _rise(values, reach: int):
    """How far each value stands above the chord of its neighbours `reach` away: no slope, no broad hump, a peak."""
    out = array("f", [0.0] * (len(values) - 2 * reach))
    for k in range(len(out)):
        out[k] = values[k + reach] - 0.5 * (values[k] + values[k + 2 * reach])
    return out


def _span(limits: dict, scan):
    """(first index, one past the last) of the search window and the chord's reach in points, or None.

    None when the scan does not run far enough past the window on both sides, or holds too few points there.
    """
    count = len(scan.potential_v)
    step = abs(scan.potential_v[count - 1] - scan.potential_v[0]) / (count - 1)
    reach = int(limits["reach_v"] / step + 0.5)
    first, stop = bounds(scan.potential_v, limits["search_v"][0], limits["search_v"][1])
    side = SMOOTHED // 2
    if first < 0 or reach < 2 or stop - first < 3 or first - reach < side or stop + reach > count - side:
        return None
    return first, stop, reach


def find(limits: dict, scan):
    """(place V, height A, reverse current's part of it or None) of the tallest peak in the search window, or None.

    None when the scan does not reach far enough, or when the tallest place is the window's edge. Limits: `search_v`,
    `reach_v`, `sign` (of a peak's net current).
    """
    span = _span(limits, scan)
    if span is None:
        return None
    first, stop, reach = span
    start = first - reach
    end = stop + reach
    sign = limits["sign"]
    rise = _rise(_smooth(scan.net, start, end), reach)
    top = 0
    for k in range(len(rise)):
        rise[k] *= sign
        if rise[k] > rise[top]:
            top = k
    height = rise[top]
    low = top
    while low >= 0 and rise[low] > HALF * height:
        low -= 1
    high = top
    while high < len(rise) and rise[high] > HALF * height:
        high += 1
    if height <= 0.0 or low < 0 or high >= len(rise):
        return None
    weight = moment = 0.0
    for k in range(low + 1, high):
        part = rise[k] - HALF * height
        weight += part
        moment += part * (k - top)
    place = scan.potential_v[first + top] + moment / weight * (scan.potential_v[1] - scan.potential_v[0])
    if scan.reverse_a is None:
        return place, height, None
    back = _rise(_smooth(lambda at: scan.reverse_a[at], start, end), reach)
    total = 0.0
    for k in range(low + 1, high):
        total += (rise[k] - HALF * height) * back[k]
    return place, height, sign * total / weight / height


def amiss(limits: dict, scan):
    """Why the strip's internal standard does not bear this scan out, in words with what to do, or None.

    Limits: those of `find`, `name`, `place_v`, `drift_v`, `height_low_a`, `height_high_a`, `reverse_most`.
    """
    if _span(limits, scan) is None:
        ends = scan.potential_v[0], scan.potential_v[len(scan.potential_v) - 1]
        return (
            "the scan runs %.2f to %.2f V and does not pass the strip's internal standard, %.2f to %.2f V"
            " (scan as the calibration's scans)"
            % (
                min(ends),
                max(ends),
                limits["search_v"][0] - limits["reach_v"],
                limits["search_v"][1] + limits["reach_v"],
            )
        )
    found = find(limits, scan)
    if found is None:
        return (
            "the strip's internal standard is not where it is looked for: reference electrode drifted,"
            " or a strip without one (fresh strip, test again)"
        )
    place, height, reverse = found
    if height < limits["height_low_a"]:
        return (
            "the strip's internal standard gives %.3g A, on a fresh strip at least %.3g A: used, dry or old"
            " (fresh strip, test again)" % (height, limits["height_low_a"])
        )
    off = place - limits["place_v"]
    if abs(off) > limits["drift_v"]:
        return "the reference electrode has drifted: the internal standard is %.0f mV off (fresh strip, test again)" % (
            1e3 * off
        )
    if height > limits["height_high_a"]:
        return (
            "something else stands where the internal standard belongs: %.3g A, a fresh strip gives at most %.3g A"
            " (fresh strip, test again)" % (height, limits["height_high_a"])
        )
    if reverse is not None and limits["reverse_most"] is not None and reverse > limits["reverse_most"]:
        return (
            "something else stands where the internal standard belongs: its current does not run both ways"
            " (fresh strip, test again)"
        )
    return None
