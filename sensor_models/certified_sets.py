"""NIST StRD nonlinear regression files: reads any of them, model expression included, and fits them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensor_models import nonlinear_least_squares as least_squares
from sensor_models.errors import MalformedFile
from sensor_models.scans import Array

DIGITS_MOST = 11.0
POWER_MOST = 300  # of a power of numbers alone: no double holds more
TOLD_MOST = 80  # characters of an expression in a message
FUNCTIONS = {
    "exp": np.exp,
    "log": np.log,
    "ln": np.log,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arctan": np.arctan,
    "atan": np.arctan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "sqrt": np.sqrt,
}
RESPONSES: dict[str, Callable[[least_squares.Real], least_squares.Real]] = {
    "y": lambda y: y,
    "log(y)": np.log,
    "ln(y)": np.log,
    "log10(y)": np.log10,
    "sqrt(y)": np.sqrt,
}
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd)


@dataclass(frozen=True)
class CertifiedSet:
    """One data set: two starts, certified values and standard deviations, data, and the model's expression."""

    name: str
    starts: tuple[tuple[float, ...], ...]
    values: tuple[float, ...]
    deviations: tuple[float, ...]
    x: least_squares.Real  # (N,), or (predictors, N)
    y: least_squares.Real  # the response as the model has it (its logarithm where the file says log[y])
    expression: str
    model: least_squares.Model


def _takes_one(call: ast.Call) -> bool:
    """Whether a call is of a known function with its one argument."""
    known = isinstance(call.func, ast.Name) and call.func.id in FUNCTIONS
    return known and len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Starred)


def _endless(node: ast.BinOp) -> bool:
    """Whether it is a power of numbers alone other than a plain small one: 9^9^9 would be worked out for ever."""
    if not isinstance(node.op, ast.Pow) or any(isinstance(one, (ast.Name, ast.Call)) for one in ast.walk(node)):
        return False
    exponent = node.right.operand if isinstance(node.right, ast.UnaryOp) else node.right
    plain = isinstance(node.left, ast.Constant) and isinstance(exponent, ast.Constant)
    return not plain or not -POWER_MOST <= float(getattr(exponent, "value", POWER_MOST + 1)) <= POWER_MOST


def _compiled(expression: str, parameters: int, predictors: tuple[str, ...], file: str) -> least_squares.Model:
    """The model as a function of (b, x); only arithmetic and the functions above are let through."""
    text = expression.translate(str.maketrans("[]{}", "()()")).replace("^", "**")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        told = expression if len(expression) <= TOLD_MOST else expression[:TOLD_MOST] + "..."
        raise MalformedFile(file, 0, "Model", f"cannot read the expression {told!r}") from None
    names = {f"b{k + 1}" for k in range(parameters)} | {"pi", *predictors}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = {id(node.func) for node in calls}
    for node in ast.walk(tree):
        known = (
            isinstance(node, (ast.Expression, ast.UnaryOp, ast.Load, *_OPERATORS))
            or (isinstance(node, ast.BinOp) and not _endless(node))
            or (isinstance(node, ast.Constant) and type(node.value) in (int, float))
            or (isinstance(node, ast.Name) and (node.id in names or (node.id in FUNCTIONS and id(node) in called)))
            or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and _takes_one(node))
        )
        if not known:
            raise MalformedFile(file, 0, "Model", f"{ast.unparse(node) or type(node).__name__!r} is not understood")
    code = compile(tree, file, "eval")

    def model(b: least_squares.Complex, x: least_squares.Real) -> least_squares.Complex:
        given = {f"b{k + 1}": b[k] for k in range(parameters)}
        given |= dict(zip(predictors, x[None, :] if x.ndim == 1 else x, strict=True))
        pi = np.arctan(np.longdouble(1)) * 4 if b.dtype == np.clongdouble else np.pi
        value = eval(code, {"__builtins__": {}}, {**FUNCTIONS, **given, "pi": pi})
        return np.broadcast_to(np.asarray(value, dtype=b.dtype), x.shape[-1:])  # a constant holds at every point

    return model


_LEFT = r"((?:log10|log|ln|sqrt)\s*[\[(]\s*y\s*[\])]|y)\s*=(?!=)(.*)$"
_ERROR = r"\+\s*e\s*$"


def _expression(lines: list[str], file: str) -> tuple[str, str]:
    """(left side, right side without the error term) of the model, which may go over several lines."""
    found: list[str] = []
    left = ""
    for line in lines:
        text = line.strip()
        if found:
            if not text or text.lower().startswith("starting"):
                break
            found.append(text)
        elif (match := re.match(_LEFT, text)) and "response" not in text.lower():
            left = re.sub(r"\s", "", match.group(1)).translate(str.maketrans("[]", "()"))
            found.append(match.group(2).strip())
        if found and re.search(_ERROR, found[-1]):
            break
    if not found:
        raise MalformedFile(file, 0, "Model", "no line `y = ...`")
    return left, re.sub(_ERROR, "", " ".join(found)).strip()


def _table(lines: list[str], file: str) -> tuple[tuple[str, ...], least_squares.Real]:
    """(names of the predictors, (columns, N) values: response first)."""
    heads = [
        (k, m.group(1).split())
        for k, line in enumerate(lines)
        if (m := re.match(r"Data:\s+y\s+(x\d*(?:\s+x\d+)*)\s*$", line.strip()))
    ]
    if not heads:
        raise MalformedFile(file, 0, "Data", "no data table with one response y and predictors x (or x1, x2, ...)")
    head, names = heads[-1]
    data = []
    for number, line in enumerate(lines[head + 1 :], head + 2):
        if not line.strip():
            continue
        try:
            row = [np.longdouble(text) for text in line.split()]
        except ValueError:
            row = []
        if len(row) != len(names) + 1 or not np.all(np.isfinite(row)):
            raise MalformedFile(file, number, "Data", f"{line.strip()!r} is not {len(names) + 1} numbers")
        data.append(row)
    if not data:
        raise MalformedFile(file, head + 1, "Data", "the table is empty")
    return tuple(names), np.array(data).T


def read(path: Path) -> CertifiedSet:
    """Read a StRD nonlinear .dat file with one response; raises MalformedFile."""
    file = str(path)
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise MalformedFile(file, 0, "", error.strerror or "cannot be read") from None
    rows = []
    for number, line in enumerate(lines, 1):
        match = re.match(r"\s*b(\d+)\s*=\s*(.+)$", line)
        if match:
            try:
                rows.append([float(text) for text in match.group(2).split()])
                if not np.all(np.isfinite(rows[-1])):
                    raise ValueError
            except ValueError:
                raise MalformedFile(file, number, f"b{match.group(1)}", "is not four numbers") from None
            if int(match.group(1)) != len(rows):
                raise MalformedFile(file, number, f"b{match.group(1)}", f"stands where b{len(rows)} belongs")
    if not rows or any(len(row) != 4 for row in rows):
        raise MalformedFile(
            file,
            0,
            "b1",
            "no table of two starts, certified values and deviations (is it a StRD nonlinear regression?)",
        )
    left, expression = _expression(lines, file)
    names, table = _table(lines, file)
    if table.shape[1] <= len(rows):
        raise MalformedFile(file, 0, "Data", f"{table.shape[1]} rows do not carry {len(rows)} parameters")
    with np.errstate(all="ignore"):
        y = RESPONSES[left](table[0])
    if not np.all(np.isfinite(y)):
        raise MalformedFile(file, 0, "Data", f"{left} is not finite for every response")
    x = table[1] if len(names) == 1 else table[1:]
    model = _compiled(expression, len(rows), names, file)
    try:
        with np.errstate(all="ignore"):
            model(np.array([row[2] for row in rows]), x)
    except (OverflowError, ZeroDivisionError, TypeError, ValueError, RecursionError) as error:
        raise MalformedFile(file, 0, "Model", f"cannot be worked out at the certified values: {error}") from None
    return CertifiedSet(
        name=path.stem,
        starts=(tuple(row[0] for row in rows), tuple(row[1] for row in rows)),
        values=tuple(row[2] for row in rows),
        deviations=tuple(row[3] for row in rows),
        x=x,
        y=y,
        expression=expression,
        model=model,
    )


def digits(found: Array, certified: Array) -> float:
    """Digits in which the worst of the values agrees with the certified one (log relative error), at most 11."""
    with np.errstate(divide="ignore"):
        worst = np.max(np.abs(found - certified) / np.abs(certified))
    if not np.isfinite(worst):
        return 0.0
    return float(min(DIGITS_MOST, -np.log10(max(worst, 1e-300))))


def reproduce(one: CertifiedSet, start: int) -> tuple[float, float]:
    """(digits of parameters, digits of standard deviations) from starting values 0 or 1."""
    found = least_squares.fit(one.model, one.x, one.y, one.starts[start])
    return digits(found.parameters, np.array(one.values)), digits(found.deviations, np.array(one.deviations))
