"""NIST StRD nonlinear regression files: reads any of them, model expression included, and fits them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensor_models import nonlinear_least_squares as least_squares
from sensor_models.errors import MalformedFile
from sensor_models.scans import Array

DIGITS_MOST = 11.0
FUNCTIONS = {"exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "arctan": np.arctan, "sqrt": np.sqrt}
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd)


@dataclass(frozen=True)
class CertifiedSet:
    """One data set: two starts, certified values and standard deviations, data, and the model's expression."""

    name: str
    starts: tuple[tuple[float, ...], ...]
    values: tuple[float, ...]
    deviations: tuple[float, ...]
    x: Array
    y: Array
    expression: str
    model: least_squares.Model


def _compiled(expression: str, parameters: int, file: str) -> least_squares.Model:
    """The model as a function of (b, x); only arithmetic and the functions above are let through."""
    text = expression.replace("[", "(").replace("]", ")")
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        raise MalformedFile(file, 0, "Model", f"cannot read the expression {expression!r}") from None
    names = {f"b{k + 1}" for k in range(parameters)} | {"x", "pi"}
    for node in ast.walk(tree):
        known = (
            isinstance(node, (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Load, *_OPERATORS))
            or (isinstance(node, ast.Constant) and isinstance(node.value, (int, float)))
            or (isinstance(node, ast.Name) and (node.id in names or node.id in FUNCTIONS))
            or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS)
        )
        if not known:
            raise MalformedFile(file, 0, "Model", f"{ast.unparse(node) or type(node).__name__!r} is not understood")
    code = compile(tree, file, "eval")

    def model(b: least_squares.Complex, x: Array) -> least_squares.Complex:
        given = {f"b{k + 1}": b[k] for k in range(parameters)}
        value = eval(code, {"__builtins__": {}}, {**FUNCTIONS, **given, "x": x, "pi": np.pi})
        return np.asarray(value, dtype=np.complex128)

    return model


def _expression(lines: list[str], file: str) -> str:
    found: list[str] = []
    for line in lines:
        text = line.strip()
        if found:
            if not text or text.startswith("Starting"):
                break
            found.append(text)
        elif re.match(r"y\s*=", text) and "response" not in text.lower():
            found.append(text.split("=", 1)[1])
        if found and re.search(r"\+\s*e\s*$", found[-1]):
            break
    if not found:
        raise MalformedFile(file, 0, "Model", "no line `y = ...`")
    return re.sub(r"\+\s*e\s*$", "", " ".join(found)).strip()


def read(path: Path) -> CertifiedSet:
    """Read a StRD .dat file with one predictor; raises MalformedFile."""
    file = str(path)
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise MalformedFile(file, 0, "", error.strerror or "cannot be read") from None
    rows = []
    for line in lines:
        match = re.match(r"\s*b(\d+)\s*=\s*(.+)$", line)
        if match:
            rows.append([float(text) for text in match.group(2).split()])
    if not rows or any(len(row) != 4 for row in rows):
        raise MalformedFile(file, 0, "b1", "no table of starting and certified values")
    head = next((k for k in range(len(lines) - 1, -1, -1) if re.match(r"Data:\s+y\s+x\s*$", lines[k].strip())), None)
    if head is None:
        raise MalformedFile(file, 0, "Data", "no data table with one response and one predictor")
    data = []
    for number, line in enumerate(lines[head + 1 :], head + 2):
        if line.strip():
            try:
                data.append([float(text) for text in line.split()])
            except ValueError:
                raise MalformedFile(file, number, "Data", f"{line.strip()!r} is not two numbers") from None
    table = np.array(data)
    expression = _expression(lines, file)
    return CertifiedSet(
        name=path.stem,
        starts=(tuple(row[0] for row in rows), tuple(row[1] for row in rows)),
        values=tuple(row[2] for row in rows),
        deviations=tuple(row[3] for row in rows),
        x=table[:, 1],
        y=table[:, 0],
        expression=expression,
        model=_compiled(expression, len(rows), file),
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
