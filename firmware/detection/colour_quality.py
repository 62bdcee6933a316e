"""Are these readings of colour pads a measurement at all? Each refusal says what was seen and what to do."""

from firmware.detection.colour_test import ColourTest, absorption, reflectances


def _mean(values, channels: int) -> float:
    total = 0.0
    for k in range(channels):
        total += values[k]
    return total / channels


def _window(calibration: dict, test: ColourTest, pad: str):
    """Why a pad has no usable reading inside the reading window, or None."""
    first_s, last_s = calibration["window_s"]
    inside = test.series(pad, first_s, last_s)
    if not inside:
        wet = test.series(pad, 1e-3, 1e9)
        if not wet:
            return "the %s pad was not read" % pad
        if wet[0][1] > last_s:
            return "read too late: after %d s colour comes without the drug; void" % last_s
        if wet[-1][1] < first_s:
            return "not yet: the pads are read from %d s after wetting, the last reading is of %d s" % (
                first_s,
                wet[-1][1],
            )
        return "the %s pad was not read between %d and %d s after wetting" % (pad, first_s, last_s)
    if all([one[4] for one in inside]):
        return "saturated: the colour sensor is at full scale on the %s pad; its counts are no measurement" % pad
    return None


def _light(calibration: dict, test: ColourTest, channels: int):
    """Why lamp, window or room forbid a measurement, or None."""
    white = test.dry("white", channels)
    if white is None:
        return "the white pad was not read before the drink (time 0 or less)"
    for k in range(channels):
        if not white[k] >= calibration["white_least"][k]:
            return "the reference pad is dark: lamp off, window covered or strip missing"
        if white[k] > calibration["white_most"][k]:
            return "the reference pad is brighter than the lamp makes it: another strip, gain or light"
    for pad, time_s, net, unlit, saturated in test.readings:
        if saturated:
            continue
        for k in range(channels):
            if not abs(net[k]) < 1e9 or not abs(unlit[k]) < 1e9:
                return "the counts of the %s pad at %d s are not numbers" % (pad, time_s)
            if unlit[k] > calibration["ambient_most"] * (white[k] + unlit[k]):
                return "too much light from outside: cover the strip"
    return None


def coloured_before(calibration: dict, test: ColourTest):
    """Why the strip was used before or stored damp, from its dry readings, or None."""
    channels = len(calibration["channels"])
    paper = calibration["paper_reflectance"]
    white = test.dry("white", channels)
    for pad in calibration["dry_pads"]:
        before = test.dry(pad, channels)
        if before is None:
            continue
        mean, tolerance = calibration["dry_pads"][pad]
        r = reflectances(before, white, paper)
        shade = _mean([absorption(r[k]) for k in range(channels)], channels)
        if abs(shade - mean) > tolerance:
            return "the %s pad is coloured before any drink: a used strip, or one stored damp" % pad
    return None


def _wetting(calibration: dict, test: ColourTest, channels: int):
    """Why the strip is dry, half wetted or used before, or None."""
    why = coloured_before(calibration, test)
    if why:
        return why
    first_s, last_s = calibration["window_s"]
    for pad in ["white"] + [entry["pad"] for entry in calibration["analytes"] if not entry["ph_only"]]:
        before = test.dry(pad, channels)
        one = test.nearest(pad, 0.5 * (first_s + last_s))
        if before is None or one is None:
            continue
        if _mean(one[2], channels) > calibration["wet_most"] * _mean(before, channels):
            return "dry or half-wetted strip: the %s pad is as bright as before the drink" % pad
    return None


def refusal(calibration: dict, test: ColourTest):
    """Why this test cannot be judged, in words, or None."""
    channels = len(calibration["channels"])
    if test.temperature_c is None or not -40.0 < test.temperature_c < 80.0:
        return "the temperature was not measured: the pads' colour cannot be judged without it"
    low_c, high_c = calibration["temperature_c"]
    if not low_c <= test.temperature_c <= high_c:
        return "%.0f degC is outside the %.0f to %.0f degC that the pads were calibrated for" % (
            test.temperature_c,
            low_c,
            high_c,
        )
    for one in test.readings:
        if len(one[2]) < channels or len(one[3]) < channels:
            return "the %s pad has %d channels of %d" % (one[0], min(len(one[2]), len(one[3])), channels)
    why = _light(calibration, test, channels)
    if why:
        return why
    for pad in calibration["pads"]:
        why = _window(calibration, test, pad)
        if why:
            return why
    return _wetting(calibration, test, channels)
