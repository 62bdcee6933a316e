"""Peak shapes as tables: cubic interpolation instead of exp(), so that every maths library gives the same verdict."""


def fill(shape: dict, centre_v: float, scale: float, potential_v, rows: tuple) -> None:
    """Write a peak of height 1 and its derivatives by shift and by width into `rows` = (value, slope, stretch).

    The table `shape["values"]` holds the peak at u = -R, -R+step, ..., +R (step_v apart, R symmetric, zero at both ends
    and outside). The curve runs out over one step more than the table: no slope jumps where a point leaves it.
    u = (E - centre_v) / scale. `slope` is the derivative by centre_v (1/V), `stretch` the derivative by scale.
    Catmull-Rom interpolation: continuous value and first derivative. The arrays may be longer than potential_v.
    """
    value, slope, stretch = rows
    table = shape["values"]
    step = shape["step_v"]
    count = len(table)
    half = (count - 1) * 0.5 * step
    for k in range(len(potential_v)):
        u = (potential_v[k] - centre_v) / scale
        x = (u + half) / step + 1.0
        at = int(x)
        if x < 0.0 or at > count:
            value[k] = 0.0
            slope[k] = 0.0
            stretch[k] = 0.0
            continue
        f = x - at
        p0 = table[at - 2] if at > 1 else 0.0
        p1 = table[at - 1] if at > 0 else 0.0
        p2 = table[at] if at < count else 0.0
        p3 = table[at + 1] if at + 1 < count else 0.0
        a = p2 - p0
        b = 2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3
        c = 3.0 * (p1 - p2) + p3 - p0
        value[k] = p1 + 0.5 * f * (a + f * (b + f * c))
        rate = -0.5 * (a + f * (2.0 * b + 3.0 * f * c)) / (step * scale)
        slope[k] = rate
        stretch[k] = rate * u
