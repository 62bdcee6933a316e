"""Numbers as text that is the same on every machine: the shortest decimal that reads back as the same float32.

Integer arithmetic only. A runtime's own float printing differs between MicroPython and CPython; a record must not.
"""

import struct

_DIGITS_MAX = 9  # IEEE 754: nine significant digits tell any two float32 apart


def text_of(value: float) -> str:
    """A JSON number for `value` rounded to float32; raises ValueError for what JSON cannot write (inf, nan)."""
    bits = struct.unpack(">I", struct.pack(">f", value))[0]
    sign = "-" if bits >> 31 else ""
    exponent = bits >> 23 & 0xFF
    mantissa = bits & 0x7FFFFF
    if exponent == 255:
        raise ValueError("not a finite number")
    if exponent == 0:
        if mantissa == 0:
            return sign + "0.0"
        exponent = 1
    else:
        mantissa |= 0x800000
    return sign + _shortest(mantissa, exponent - 150)


def _shortest(mantissa: int, power2: int) -> str:
    """Shortest decimal of mantissa * 2**power2 that is nearer to it than to any other float32."""
    numerator = mantissa << power2 if power2 >= 0 else mantissa
    denominator = 1 if power2 >= 0 else 1 << -power2
    point = _decimal_exponent(numerator, denominator)
    part = 4 if mantissa == 0x800000 else 2  # below a power of two float32 lie half as far apart
    for count in range(1, _DIGITS_MAX + 1):
        scaled = numerator * 10 ** max(count - point, 0)
        divisor = denominator * 10 ** max(point - count, 0)
        digits = (2 * scaled + divisor) // (2 * divisor)
        if abs(digits * divisor - scaled) * mantissa * part < scaled:
            break
    if digits == 10**count:  # 9.99 rounded up to 10
        point += 1
    return _written(str(digits).rstrip("0"), point)


def _decimal_exponent(numerator: int, denominator: int) -> int:
    """The p with 10**(p-1) <= numerator/denominator < 10**p."""
    point = len(str(numerator)) - len(str(denominator))
    while not _below(numerator, denominator, point):
        point += 1
    while _below(numerator, denominator, point - 1):
        point -= 1
    return point


def _below(numerator: int, denominator: int, point: int) -> bool:
    """numerator/denominator < 10**point."""
    return numerator * 10 ** max(-point, 0) < denominator * 10 ** max(point, 0)


def _written(digits: str, point: int) -> str:
    """0.digits * 10**point as a JSON number with a point or an exponent, so that it reads back as a float."""
    if -4 <= point <= 0:
        return "0." + "0" * -point + digits
    if 0 < point <= 9:
        whole = digits[:point] + "0" * (point - len(digits))
        return whole + "." + (digits[point:] or "0")
    return digits[0] + "." + (digits[1:] or "0") + "e" + str(point - 1)
