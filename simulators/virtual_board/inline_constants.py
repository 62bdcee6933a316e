"""Writes the values of constants in place of their names, before the firmware is compiled for a board.

Each name of a module costs the board's heap an interned string and a slot in the module's table, for as long as it
runs: the register names of the drivers alone take kilobytes. Sources stay readable; line numbers stay as they are.
"""

from __future__ import annotations

import ast
import operator
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

Value = int | str
Constants = dict[str, dict[str, Value]]  # module: name: value

# Scripts of the bring-up guide ask a board for its pins by name. The firmware itself has the values, so that the module
# is not even loaded while it runs.
ASKED_FOR = "firmware.boards."

_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*\Z")
_TEXT_MAX = 24  # a longer text may be used in two places, and would be there twice
_OPERATORS = {
    ast.BitOr: operator.or_, ast.BitAnd: operator.and_, ast.LShift: operator.lshift, ast.RShift: operator.rshift,
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
}  # fmt: skip


def modules_of(package: Path) -> dict[str, Path]:
    """Source file by module name."""
    found = {}
    for source in sorted(package.rglob("*.py")):
        parts = source.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = source
    return found


def constants_of(modules: Mapping[str, Path]) -> Constants:
    """Constants that every module of the package defines: whole numbers and short texts, assigned once."""
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules.items()}
    imports = {name: _imports_from(tree) for name, tree in trees.items()}
    candidates = {name: _assigned_once(tree) for name, tree in trees.items()}
    found: Constants = {name: {} for name in trees}
    while True:  # a constant may be made of another module's: until nothing new is found
        before = sum(len(one) for one in found.values())
        for name in trees:
            scope = _Scope(name, modules[name].name == "__init__.py", imports[name], found)
            for target, expression in candidates[name].items():
                value = scope.value_of(expression) if target not in found[name] else None
                if value is not None:
                    found[name][target] = value
            found[name].update(scope.values)  # a package hands on what it imports
        if sum(len(one) for one in found.values()) == before:
            return found


def inlined(name: str, path: Path, constants: Constants) -> str:
    """The module's source with values in place of names, and without definitions and imports that nothing needs."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    scope = _Scope(name, path.name == "__init__.py", _imports_from(tree), constants)
    edits: list[tuple[ast.AST, str]] = []
    modules_used: set[str] = set()
    inside_attribute: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in scope.modules:
            value = constants.get(scope.modules[node.value.id], {}).get(node.attr)
            inside_attribute.add(id(node.value))
            if value is None or not isinstance(node.ctx, ast.Load):
                modules_used.add(node.value.id)
            else:
                edits.append((node, _literal(value)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in inside_attribute:
            if node.id in scope.modules:
                modules_used.add(node.id)
            elif node.id in scope.values and isinstance(node.ctx, ast.Load):
                edits.append((node, _literal(scope.values[node.id])))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node in scope.imports:
            edits.append((node, _import_of(node, scope, modules_used)))
    for node in tree.body:
        if _assigned(node) in constants[name] and not name.startswith(ASKED_FOR):
            edits.append((node, ""))
    return _edited(text, edits)


class _Scope:
    """What names mean in a module: constants, and modules of the package."""

    def __init__(self, name: str, is_package: bool, imports: list[ast.ImportFrom], constants: Constants) -> None:
        self.values: dict[str, Value] = dict(constants.get(name, {}))
        self.modules: dict[str, str] = {}
        self.imports: set[ast.ImportFrom] = set()
        home = name if is_package else name.rpartition(".")[0]
        for node in imports:
            source = node.module or ""
            if node.level:
                source = ".".join(part for part in (home, source) if part)
            for alias in node.names:
                local = alias.asname or alias.name
                if alias.name in constants.get(source, {}):
                    self.values[local] = constants[source][alias.name]
                    self.imports.add(node)
                elif f"{source}.{alias.name}" in constants:
                    self.modules[local] = f"{source}.{alias.name}"
                    self.imports.add(node)
        self._constants = constants

    def value_of(self, node: ast.expr) -> Value | None:
        """The value of an expression of constants; None when it is none."""
        found: Value | None = None
        if isinstance(node, ast.Constant):
            short = isinstance(node.value, str) and len(node.value) <= _TEXT_MAX
            if short or (isinstance(node.value, int) and not isinstance(node.value, bool)):
                found = node.value  # type: ignore[assignment]
        elif isinstance(node, ast.Name):
            found = self.values.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found = self._constants.get(self.modules.get(node.value.id, ""), {}).get(node.attr)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self.value_of(node.operand)
            found = -value if isinstance(value, int) else None
        elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left, right = self.value_of(node.left), self.value_of(node.right)
            if isinstance(left, int) and isinstance(right, int):
                found = int(_OPERATORS[type(node.op)](left, right))
        return found


def _assigned(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        return name if _NAME.match(name) else None
    return None


def _assigned_once(tree: ast.Module) -> dict[str, ast.expr]:
    """What a module's own body gives names in capitals, where nothing in the module gives the name anything else."""
    stores = Counter(n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load))
    return {
        target: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and (target := _assigned(node)) is not None and stores[target] == 1
    }


def _imports_from(tree: ast.Module) -> list[ast.ImportFrom]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


def _literal(value: Value) -> str:
    return repr(value) if isinstance(value, str) or value >= 0 else f"({value})"


def _import_of(node: ast.ImportFrom, scope: _Scope, modules_used: set[str]) -> str:
    left = []
    for alias in node.names:
        local = alias.asname or alias.name
        if local in scope.values or (local in scope.modules and local not in modules_used):
            continue
        left.append(alias.name if alias.asname is None else f"{alias.name} as {alias.asname}")
    if not left:
        return "pass" if node.col_offset else ""
    return f"from {'.' * node.level}{node.module or ''} import {', '.join(left)}"


def _edited(text: str, edits: list[tuple[ast.AST, str]]) -> str:
    """The text with each node replaced; an edit keeps the number of its lines."""
    lines = [line.encode() for line in text.split("\n")]
    for node, new in sorted(edits, key=lambda one: (one[0].lineno, one[0].col_offset), reverse=True):  # type: ignore[attr-defined]
        first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]
        tail = lines[last][node.end_col_offset :]  # type: ignore[attr-defined]
        lines[first] = lines[first][: node.col_offset] + new.encode()  # type: ignore[attr-defined]
        for between in range(first + 1, last + 1):
            lines[between] = b""
        if last == first:
            lines[first] += tail
        elif tail.strip():
            raise ValueError(f"line {last + 1}: more than the statement on its last line")
    return b"\n".join(lines).decode()
