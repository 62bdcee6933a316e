"""One voltammetric scan as the detector sees it, and its cut to the window that is fitted."""

from array import array

POINTS_MAX = 256  # points fitted at most: bounds memory; finer scans are averaged in equal bins
EDGE_V = 1e-5  # a point on a window's edge lies inside in either precision
POINTS_MIN = 12  # ASSUMED: fewer points cannot carry a baseline and a peak


class Scan:
    """Potentials (V) and currents (A) of one square-wave scan, in the order measured.

    Give `forward_a` and `reverse_a`, or `net_a` alone (forward minus reverse). Sequences of equal length,
    array('f') on the device. `lot` and `matrix` (the declared drink) are "" when unknown, and so is `technique` ("swv"
    for a square wave); `amplitude_v` (half of peak to peak) and `frequency_hz` are 0 when unknown.
    """

    def __init__(
        self,
        potential_v,
        forward_a=None,
        reverse_a=None,
        *,
        net_a=None,
        lot="",
        matrix="",
        scan_id="",
        technique="",
        amplitude_v=0.0,
        frequency_hz=0.0,
    ) -> None:
        if net_a is None and (forward_a is None or reverse_a is None):
            raise ValueError("a scan needs forward_a and reverse_a, or net_a")
        self.potential_v = potential_v
        self.forward_a = forward_a
        self.reverse_a = reverse_a
        self.net_a = net_a
        self.lot = lot
        self.matrix = matrix
        self.scan_id = scan_id
        self.technique = technique
        self.amplitude_v = amplitude_v
        self.frequency_hz = frequency_hz

    def net(self, index: int) -> float:
        """Forward minus reverse current at a point, A."""
        if self.net_a is not None:
            return self.net_a[index]
        return self.forward_a[index] - self.reverse_a[index]


def bounds(potential_v, low_v: float, high_v: float) -> tuple:
    """First index and one past the last index whose potential lies in [low_v, high_v]; potentials are monotonic."""
    first = -1
    last = -1
    for index in range(len(potential_v)):
        if low_v - EDGE_V <= potential_v[index] <= high_v + EDGE_V:
            if first < 0:
                first = index
            last = index
    return first, last + 1


def cut(scan: Scan, low_v: float, high_v: float, scale_a: float) -> tuple:
    """(potential_v, net / scale_a) as array('f') of at most POINTS_MAX bins inside the window.

    Bins hold equally many neighbouring points; a remainder at the end is dropped.
    """
    first, stop = bounds(scan.potential_v, low_v, high_v)
    count = stop - first
    if first < 0 or count < 1:
        return array("f"), array("f")
    width = (count + POINTS_MAX - 1) // POINTS_MAX
    bins = count // width
    potential = array("f", [0.0] * bins)
    net = array("f", [0.0] * bins)
    at = first
    for k in range(bins):
        e = 0.0
        i = 0.0
        for _ in range(width):
            e += scan.potential_v[at]
            i += scan.net(at)
            at += 1
        potential[k] = e / width
        net[k] = i / width / scale_a
    return potential, net
