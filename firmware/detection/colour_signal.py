"""What a colour pad says before any decision: dye above the drink and the clean pour, corrected for time and pH."""

from firmware.detection.colour_test import ColourTest, absorption, reflectances, steepness, unmix
from firmware.detection.decision import interpolate
from firmware.detection.kinetics import extent

SOON_S = 25.0  # ASSUMED: before this a pad is still filling
EXTENT_SEEN = (0.1, 0.85)  # of the final colour: where an early reading tells one rate from another


def pad_values(calibration: dict, test: ColourTest, one: tuple) -> tuple:
    """(K/S above the wet white pad, its standard deviations, the drink's own K/S) of one reading, per channel."""
    paper = calibration["paper_reflectance"]
    channels = len(calibration["channels"])
    white = test.dry("white", channels)
    beside = test.nearest("white", one[1])
    pad = reflectances(one[2], white, paper)
    wet = reflectances(beside[2], white, paper)
    dry = absorption(paper)
    values = []
    noise = []
    drink = []
    for k in range(channels):
        soaked = absorption(wet[k])
        values.append(absorption(pad[k]) - soaked)
        noise.append(calibration["reflectance_sd"] * (steepness(pad[k]) + steepness(wet[k])) + calibration["value_sd"])
        drink.append(max(soaked - dry, 0.0))
    return values, noise, drink


def _beside(calibration: dict, clean: ColourTest, pad: str, time_s: float):
    one = clean.nearest(pad, time_s)
    return None if one is None else pad_values(calibration, clean, one)


def _amount(calibration: dict, entry: dict, test: ColourTest, clean, one: tuple) -> tuple:
    """(dye, its standard deviation, the drink's own colour where the dye absorbs) of one reading of a drug pad."""
    values, noise, drink = pad_values(calibration, test, one)
    if clean is not None:
        beside, other, _ = _beside(calibration, clean, one[0], one[1])
        for k in range(len(values)):
            values[k] -= beside[k]
            noise[k] = (noise[k] * noise[k] + other[k] * other[k]) ** 0.5
    amount, sd, _ = unmix(values, noise, (entry["dye"], drink), calibration["soak_sd"])
    own = total = 0.0
    for k in range(len(drink)):
        own += drink[k] * entry["dye"][k]
        total += entry["dye"][k]
    return amount, sd, own / total


class Signal:
    """What a drug pad says: `value` (dye, corrected to its final colour and full response), `sd`, `drink`, `early`.

    `drink` is the drink's own colour where the dye absorbs, in the same unit; `early` the share of early readings.
    """

    def __init__(self, value: float, sd: float, drink: float, developed: float) -> None:
        self.value = value
        self.sd = sd
        self.drink = drink
        self.developed = developed  # share of the final colour that had come, mean over the window
        self.early = 1.0  # share of the colour due by then that early readings had
        self.early_sd = 0.0
        self.early_known = False
        self.points: list = []  # (time_s, dye) as read


def signal(calibration: dict, entry: dict, test: ColourTest, clean=None) -> Signal:
    """Dye on a drug's pad in the reading window divided by the share that kinetics lets come by then.

    A sour drink wears the pad's buffer and weakens its response: what the buffer pad shows says by how much.

    `early` is how much of the expected part earlier readings had: about 1 for the drug, more for colour that came at
    once (reductants, drink), less for colour that came late. Needs a test that colour_quality.refusal lets pass.
    """
    first_s, last_s = calibration["window_s"]
    kinetics = entry["kinetics"]
    amount = spread = own = developed = 0.0
    count = 0
    points = []
    for one in test.series(entry["pad"], first_s, last_s):
        if one[4]:
            continue
        a, sd, drink = _amount(calibration, entry, test, clean, one)
        points.append((one[1], a))
        amount += a
        spread += sd
        own += drink
        developed += extent(kinetics, test.temperature_c, one[1])
        count += 1
    value = amount / developed
    response = 1.0
    if entry["response"] is not None:
        share = indicator(calibration, test, "buffer")
        response = interpolate(entry["response"]["share"], entry["response"]["gain"], share)
    found = Signal(value / response, spread / developed / response, own / count / response, developed / count)
    seen = expected = square = 0.0
    for one in test.series(entry["pad"], SOON_S, first_s - 1e-3):
        share = extent(kinetics, test.temperature_c, one[1])
        if one[4]:
            continue
        a, sd, _ = _amount(calibration, entry, test, clean, one)
        points.append((one[1], a))
        if EXTENT_SEEN[0] < share / found.developed < EXTENT_SEEN[1]:
            seen += a
            square += sd * sd
            expected += share
    if expected > 0.0 and value > 0.0:
        found.early_known = True
        found.early = seen / (value * expected)
        found.early_sd = square**0.5 / (value * expected)
    points.sort()
    found.points = points
    return found


def indicator(calibration: dict, test: ColourTest, pad: str) -> float:
    """Share of an indicator's basic form on the "ph" or "buffer" pad, about 0 (acid) to 1 (basic), in the window."""
    first_s, last_s = calibration["window_s"]
    one = test.nearest(pad, 0.5 * (first_s + last_s))
    values, noise, drink = pad_values(calibration, test, one)
    acid, basic = calibration["indicators"][pad]
    step = [basic[k] - acid[k] for k in range(len(values))]
    share, _, _ = unmix([values[k] - acid[k] for k in range(len(values))], noise, (step, drink), calibration["soak_sd"])
    return share
