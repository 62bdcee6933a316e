"""Least squares by modified Gram-Schmidt on columns: stable in float32 where normal equations are not."""

from array import array

_TINY = 1e-12


def dot(a, b, count: int) -> float:
    """Sum of products of the first `count` elements."""
    total = 0.0
    for k in range(count):
        total += a[k] * b[k]
    return total


def subtract(target, column, factor: float, count: int) -> None:
    """target -= factor * column."""
    for k in range(count):
        target[k] -= factor * column[k]


def scale(target, factor: float, count: int) -> None:
    """target *= factor."""
    for k in range(count):
        target[k] *= factor


def remove(target, basis: list, count: int) -> None:
    """Take the span of orthonormal `basis` out of `target`, in place."""
    for column in basis:
        subtract(target, column, dot(target, column, count), count)


def polynomials(potential_v, degree: int) -> list:
    """Orthonormal columns spanning the polynomials up to `degree` on the points given."""
    count = len(potential_v)
    middle = (potential_v[0] + potential_v[count - 1]) * 0.5
    half = (potential_v[count - 1] - potential_v[0]) * 0.5
    basis: list = []
    for power in range(degree + 1):
        column = array("f", [1.0] * count)
        for k in range(count):
            x = (potential_v[k] - middle) / half
            for _ in range(power):
                column[k] *= x
        remove(column, basis, count)
        remove(column, basis, count)  # twice is enough (Kahan, Parlett): orthogonal to rounding even in float32
        scale(column, 1.0 / dot(column, column, count) ** 0.5, count)
        basis.append(column)
    return basis


def triangular(columns: list, right, count: int):
    """Generator: Gram-Schmidt of `columns`, both arguments overwritten; returns (R, Q'right, which columns count).

    A column that adds nothing (norm below 1e-6 of its own before orthogonalisation) does not count. Yields between
    columns.
    """
    size = len(columns)
    r = [[0.0] * size for _ in range(size)]
    q = [0.0] * size
    live = [True] * size
    for j in range(size):
        column = columns[j]
        before = dot(column, column, count)
        for i in range(j):
            if live[i]:
                part = dot(columns[i], column, count)
                r[i][j] = part
                subtract(column, columns[i], part, count)
        yield
        norm = dot(column, column, count)
        if norm <= before * _TINY or norm == 0.0:
            live[j] = False
            continue
        norm = norm**0.5
        r[j][j] = norm
        scale(column, 1.0 / norm, count)
        q[j] = dot(column, right, count)
        subtract(right, column, q[j], count)
        yield
    return r, q, live


def solve(columns: list, right, count: int):
    """Generator: the least-squares coefficients of `right` on `columns` (0 for a column that adds nothing), a list."""
    r, q, live = yield from triangular(columns, right, count)
    size = len(columns)
    out = [0.0] * size
    for j in range(size - 1, -1, -1):
        if live[j]:
            total = q[j]
            for i in range(j + 1, size):
                total -= r[j][i] * out[i]
            out[j] = total / r[j][j]
    return out


def deviations(r: list, live: list, wanted: int) -> list:
    """Standard deviations, for unit noise, of the first `wanted` coefficients: norms of the rows of R's inverse."""
    size = len(r)
    out = []
    z = [0.0] * size
    for k in range(wanted):
        total = 0.0
        for j in range(size):
            z[j] = 0.0
            if live[j] and j >= k:
                part = 1.0 if j == k else 0.0
                for i in range(k, j):
                    part -= r[i][j] * z[i]
                z[j] = part / r[j][j]
                total += z[j] * z[j]
        out.append(total**0.5)
    return out
