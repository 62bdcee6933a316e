"""The project's own source as data, for the tests that keep it tidy."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("firmware", "sensor_models", "gateway", "alarm_backend", "simulators", "waakzaam")
SKIPPED_PARTS = {"node_modules", "__pycache__", ".venv", ".build"}


def modules(*packages: str) -> list[Path]:
    """Every Python file of these packages (all of ours by default)."""
    found = []
    for package in packages or PACKAGES:
        base = ROOT / package
        files = [base] if base.suffix == ".py" else sorted(base.rglob("*.py"))
        found += [path for path in files if not SKIPPED_PARTS & set(path.relative_to(ROOT).parts)]
    return found


def name_of(path: Path) -> str:
    """`gateway/contract/orders.py` → `gateway.contract.orders`."""
    relative = path.relative_to(ROOT).with_suffix("")
    parts = relative.parts[:-1] if relative.name == "__init__" else relative.parts
    return ".".join(parts)


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """(dotted name, line) of everything a module imports, relative imports resolved."""
    package = name_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, node.module] if node.module else base)
            yield stem, node.lineno
            for alias in node.names:
                yield f"{stem}.{alias.name}", node.lineno


def at(path: Path, line: int) -> str:
    """How a finding is reported: `path:line`."""
    return f"{path.relative_to(ROOT)}:{line}"
