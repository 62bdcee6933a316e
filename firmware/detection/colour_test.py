"""The readings of one colour strip, and what its pads absorb: counts in, Kubelka-Munk values out. No maths library."""

from array import array

READINGS_MAX = 160  # bounds memory: 8 pads read 20 times
REFLECTANCE_LEAST = 0.01  # darker than this, Kubelka-Munk values are noise
REFLECTANCE_MOST = 1.2  # brighter than the dry reference pad: another light than the lamp's


class ColourTest:
    """What the sensor saw of one strip in one pour, in the order read.

    `add` takes the counts of the calibration's channels (F1..F8), lamp on and lamp off just before; `time_s` since the
    drink arrived, 0 or less for the dry strip. Pads: "white" (reference paper), "ph" (indicator without buffer),
    "buffer" (indicator behind the drug pads' dry buffer) and the drug pads. `lot` and `matrix` (the declared drink)
    are "" when unknown, `temperature_c` is None when unknown. A second ColourTest of a clean pour of the same drink is
    the pair.
    """

    def __init__(self, *, lot="", matrix="", temperature_c=None, scan_id="") -> None:
        self.lot = lot
        self.matrix = matrix
        self.temperature_c = temperature_c
        self.scan_id = scan_id
        self.readings: list = []  # (pad, time_s, net counts, unlit counts, saturated)

    def add(self, pad: str, time_s: float, lit, unlit, saturated: bool = False) -> None:
        """One pad at one time. Raises ValueError when the strip has more readings than a test can have."""
        if len(self.readings) >= READINGS_MAX:
            raise ValueError("more than %d readings of one strip" % READINGS_MAX)
        net = array("f", [lit[k] - unlit[k] for k in range(len(lit))])
        self.readings.append((pad, time_s, net, array("f", unlit), bool(saturated)))

    def series(self, pad: str, first_s: float, last_s: float) -> list:
        """The readings of a pad from first_s to last_s, oldest first."""
        found = [one for one in self.readings if one[0] == pad and first_s <= one[1] <= last_s]
        return sorted(found, key=lambda one: one[1])

    def dry(self, pad: str, channels: int):
        """Mean net counts of a pad before the drink, or None; saturated readings do not count."""
        found = [one for one in self.series(pad, -1e9, 0.0) if not one[4]]
        if not found:
            return None
        out = array("f", [0.0] * channels)
        for one in found:
            for k in range(channels):
                out[k] += one[2][k] / len(found)
        return out

    def nearest(self, pad: str, time_s: float):
        """The sound wet reading of a pad nearest in time, or None."""
        best = None
        for one in self.readings:
            if one[0] == pad and one[1] > 0.0 and not one[4]:
                if best is None or abs(one[1] - time_s) < abs(best[1] - time_s):
                    best = one
        return best


def reflectances(net, white, paper: float) -> array:
    """Reflectance of a pad: its net counts over the dry white pad's, times that paper's own reflectance."""
    out = array("f", [0.0] * len(white))
    for k in range(len(white)):
        out[k] = min(max(paper * net[k] / white[k], REFLECTANCE_LEAST), REFLECTANCE_MOST)
    return out


def absorption(r: float) -> float:
    """Kubelka-Munk K/S = (1 - R)^2 / 2R; 0 for what is brighter than perfect white."""
    if r >= 1.0:
        return 0.0
    return (1.0 - r) * (1.0 - r) / (2.0 * r)


def steepness(r: float) -> float:
    """How much K/S changes per unit of reflectance, at least 0.1: what a dark pad makes of the counts' noise."""
    return max((1.0 / (r * r) - 1.0) * 0.5, 0.1)


def unmix(values, noise, shapes: tuple, slack: float) -> tuple:
    """(amount of dye, its standard deviation, amount of drink) in a pad's K/S `values`; `noise`: their deviations.

    `shapes` = (dye, drink): K/S per unit of dye, and of the drink soaked into the white pad. Least squares of
    dye + drink + a flat part; the drink's amount, what a pad soaks up more than the white one, has standard deviation
    `slack` about 0, so that a drink coloured like the dye widens the error instead of taking the dye away.
    """
    dye, drink = shapes
    count = len(values)
    total = v = x = d = 0.0
    for k in range(count):
        w = 1.0 / (noise[k] * noise[k])
        total += w
        v += w * values[k]
        x += w * dye[k]
        d += w * drink[k]
    v /= total
    x /= total
    d /= total
    xx = xd = xv = dv = 0.0
    dd = 1.0 / (slack * slack)
    for k in range(count):
        w = 1.0 / (noise[k] * noise[k])
        xx += w * (dye[k] - x) * (dye[k] - x)
        xd += w * (dye[k] - x) * (drink[k] - d)
        xv += w * (dye[k] - x) * (values[k] - v)
        dd += w * (drink[k] - d) * (drink[k] - d)
        dv += w * (drink[k] - d) * (values[k] - v)
    determinant = xx * dd - xd * xd
    if determinant <= 1e-6 * xx * dd:
        return 0.0, 1e9, 0.0
    return (xv * dd - dv * xd) / determinant, (dd / determinant) ** 0.5, (dv * xx - xv * xd) / determinant
