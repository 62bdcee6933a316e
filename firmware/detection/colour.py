"""Colour pads: dark-corrected counts to Kubelka-Munk values, unmixed into dye and drink, judged beside a clean pour.

A test is a dict: "pads" maps a pad's name to (lit, unlit), each a sequence of counts in the calibration's channels;
"time_s" since wetting; "saturated" true when the sensor said so; "clean" (optional) the pads of a clean pour of the
same drink. Pads "white" (reference paper), "ph" and "buffer" (indicator without and behind the dry buffer) must be
there. No function of the maths library is used.
"""

from firmware.detection.decision import interpolate
from firmware.detection.verdict import INCONCLUSIVE, NEGATIVE, POSITIVE, AnalyteVerdict, invalid, together

REFERENCES = ("white", "ph", "buffer")
REFLECTANCE_LEAST = 0.01  # darker than this, Kubelka-Munk values are noise


def absorption(pads: dict, name: str, channels: int) -> list:
    """Kubelka-Munk K/S = (1 - R)^2 / 2R of a pad, R against the white pad of the same strip, one value a channel."""
    lit, unlit = pads[name]
    white_lit, white_unlit = pads["white"]
    out = []
    for k in range(channels):
        r = (lit[k] - unlit[k]) / (white_lit[k] - white_unlit[k])
        r = min(max(r, REFLECTANCE_LEAST), 1.0)
        out.append((1.0 - r) * (1.0 - r) / (2.0 * r))
    return out


def _refusal(calibration: dict, test: dict):
    channels = len(calibration["channels"])
    time_s = test["time_s"]
    if time_s > calibration["late_s"]:
        return "read too late: after %d s colour comes without the drug; void" % calibration["late_s"]
    if time_s < calibration["early_s"]:
        return "read too early: wait until %d s after wetting" % calibration["early_s"]
    if test.get("saturated"):
        return "the colour sensor is saturated: its counts are no measurement"
    for pads in (test["pads"], test.get("clean")):
        if pads is None:
            continue
        for name in REFERENCES + tuple([one["pad"] for one in calibration["analytes"]]):
            if name not in pads:
                return "the %s pad was not read" % name
            lit, unlit = pads[name]
            if len(lit) < channels or len(unlit) < channels:
                return "the %s pad has too few channels" % name
        lit, unlit = pads["white"]
        for k in range(channels):
            if lit[k] - unlit[k] < calibration["white_least"]:
                return "the reference pad is dark: lamp off, window covered or strip missing"
            if unlit[k] > calibration["ambient_most"] * lit[k]:
                return "too much light from outside: cover the strip"
    return None


def indicator(calibration: dict, pads: dict, name: str) -> float:
    """Share of the indicator's basic form on a pad, about 0 (acid) to 1 (basic): projection on the calibrated ends."""
    values = absorption(pads, name, len(calibration["channels"]))
    acid = calibration["indicator_acid"]
    basic = calibration["indicator_basic"]
    over = under = 0.0
    for k in range(len(values)):
        step = basic[k] - acid[k]
        over += (values[k] - acid[k]) * step
        under += step * step
    return over / under


def dye(calibration: dict, entry: dict, test: dict) -> float:
    """Amount of dye on an analyte's pad in K/S of its strongest channel, drink and paper taken out.

    With a clean pour its pad is subtracted; the rest is unmixed into dye and a flat part. Without one the drink's own
    colour cannot be told from dye that absorbs alike: the calibration's unpaired limit is wider.
    """
    channels = len(calibration["channels"])
    values = absorption(test["pads"], entry["pad"], channels)
    if test.get("clean") is not None:
        clean = absorption(test["clean"], entry["pad"], channels)
        for k in range(channels):
            values[k] -= clean[k]
    shape = entry["dye"]
    mean_v = sum(values) / channels
    mean_s = sum(shape) / channels
    over = under = 0.0
    for k in range(channels):
        over += (values[k] - mean_v) * (shape[k] - mean_s)
        under += (shape[k] - mean_s) * (shape[k] - mean_s)
    return over / under


def _one(calibration: dict, entry: dict, test: dict) -> AnalyteVerdict:
    out = AnalyteVerdict(entry["name"], INCONCLUSIVE, "")
    paired = test.get("clean") is not None
    signal = dye(calibration, entry, test)
    out.signal = signal
    part = entry["paired"] if paired else entry["unpaired"]
    buffered = indicator(calibration, test["pads"], "buffer")
    u = signal - part["blank"]
    table = entry["table"]
    c = interpolate(table["signal"], table["concentration"], u)
    out.concentration_mol_l = c if u <= table["signal"][-1] else None
    out.ci_low = interpolate(table["signal"], table["low"], u - part["extra"])
    high = interpolate(table["signal"], table["high"], u + part["extra"])
    out.ci_high = high if u + part["extra"] <= table["signal"][-1] else None
    detected = u > part["limit"]
    if buffered < entry["buffer_least"]:
        out.reason = "the drink is too sour for the pad's buffer: the %s pad cannot answer" % entry["name"]
        return out
    if detected and paired:
        own = indicator(calibration, test["pads"], "ph")
        beside = indicator(calibration, test["clean"], "ph")
        if abs(own - beside) > calibration["ph_apart_most"]:
            out.reason = "the two pours differ in pH: the colour may come from that, not from %s" % entry["name"]
            return out
    if detected and not paired and indicator(calibration, test["pads"], "ph") > calibration["ph_basic_most"]:
        out.reason = (
            "the drink is basic enough to colour the pad without %s: test a clean pour beside it" % entry["name"]
        )
        return out
    if detected:
        out.verdict = POSITIVE
        out.reason = "the %s pad coloured beyond the decision limit" % entry["name"]
    elif u >= entry["dose_least"]:
        out.reason = "an incapacitating dose of %s cannot be excluded%s" % (
            entry["name"],
            "" if paired else ": test a clean pour beside it",
        )
    else:
        out.verdict = NEGATIVE
        out.reason = "the %s pad shows no colour beyond the decision limit" % entry["name"]
    return out


def evaluate_colour(calibration: dict, test: dict):
    """The verdict on one colour test; calibration from sensor_models.colour_calibration."""
    why = _refusal(calibration, test)
    if why:
        return invalid(why)
    return together([_one(calibration, entry, test) for entry in calibration["analytes"]])
