"""MicroPython's table of names: all that a bracelet can ever load fits the table it has, with some to spare.

One name more and the table doubles, which takes nine kilobytes in one piece: in the middle of a test there are none
(docs/adr/0168).
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from simulators.virtual_board.firmware_image import compile_tree
from simulators.virtual_board.inline_constants import constants_of, inlined, modules_of
from simulators.virtual_board.vm_program import find_vm

pytestmark = pytest.mark.needs("vm")
FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
ENTRIES_FIRST = 20  # of the first table in memory; each further one has twice as many (py/qstr.c)
TABLES_MOST = 6  # the seventh would be the one of nine kilobytes
NAMES_MOST = sum(ENTRIES_FIRST << table for table in range(TABLES_MOST))
TO_SPARE = 40  # what a change of a day adds
ONE_LANGUAGE = ("firmware.bracelet.texts_en", "firmware.bracelet.texts_fr")


def loaded_by(first: str) -> list[str]:
    """Every module that a program may import in its life, as compiled for a board: without what is only inlined."""
    modules = modules_of(FIRMWARE)
    constants = constants_of(modules)
    found: set[str] = set()
    left = [first]
    while left:
        module = left.pop()
        if module in found or module not in modules or module in ONE_LANGUAGE:
            continue
        found.add(module)
        left.append(module.rpartition(".")[0])
        for node in ast.walk(ast.parse(inlined(module, modules[module], constants))):
            if isinstance(node, ast.ImportFrom):
                left += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return sorted(found)


def test_the_names_of_everything_a_bracelet_can_load_fit_with_some_to_spare(tmp_path: Path) -> None:
    for place, code in compile_tree(FIRMWARE).items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(code)
    modules = loaded_by("firmware.bracelet.main")
    assert "firmware.bracelet.radio" in modules
    script = f"""
import sys, micropython
sys.path.insert(0, {str(tmp_path / "lib")!r})
for name in {modules!r}:
    __import__(name)
micropython.qstr_info()
"""
    command = [str(find_vm()), "-X", "heapsize=4M", "-c", script]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env={"MICROPYPATH": ".frozen"}
    )
    seen = re.search(r"n_pool=(\d+), n_qstr=(\d+)", done.stdout)
    assert seen, done.stdout + done.stderr
    tables, names = int(seen[1]), int(seen[2])
    print(f"{names} names of {len(modules)} modules in {tables} tables; room for {NAMES_MOST}")
    assert names <= NAMES_MOST - TO_SPARE
    assert tables <= TABLES_MOST
