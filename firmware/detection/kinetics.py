"""How far a pad's colour has come after a time at a temperature: first order, Arrhenius; exponentials of our own."""

GAS_J_MOL_K = 8.314
KELVIN = 273.15
REFERENCE_K = 298.15
LN2 = 0.6931471806


def exponential(x: float) -> float:
    """e to the x, for x from -60 to 8: halvings and a Taylor polynomial, within 1e-6, the same on every machine."""
    if x < -60.0:
        return 0.0
    x = min(x, 8.0)
    halvings = 0
    while x > 0.0:
        x -= LN2
        halvings -= 1
    while x < -LN2:
        x += LN2
        halvings += 1
    out = 1.0
    for n in range(9, 0, -1):
        out = 1.0 + out * x / n
    for _ in range(halvings):
        out *= 0.5
    for _ in range(-halvings):
        out *= 2.0
    return out


def rate_per_s(kinetics: dict, temperature_c: float) -> float:
    """The rate constant at a temperature: `rate_per_s` at 25 degC with `activation_j_mol` (Arrhenius)."""
    kelvin = temperature_c + KELVIN
    x = kinetics["activation_j_mol"] / GAS_J_MOL_K * (1.0 / REFERENCE_K - 1.0 / kelvin)
    return kinetics["rate_per_s"] * exponential(x)


def extent(kinetics: dict, temperature_c: float, time_s: float) -> float:
    """Share of its final colour that a pad has after time_s, 0 to 1."""
    if time_s <= 0.0:
        return 0.0
    return 1.0 - exponential(-rate_per_s(kinetics, temperature_c) * time_s)
