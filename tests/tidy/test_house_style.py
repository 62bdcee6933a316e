"""Sizes, names and habits of the house (STYLE in ARCHITECTURE.md, Invariant 7)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT, at, modules

BANNED_NAMES = re.compile(r"(^|_)(utils?|helpers?|manager|common|misc|data2|handle_stuff)(_|$)")
LINES_MAX = 400
FIRMWARE_LINES_MAX = 300


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_a_module_tells_one_story_in_at_most_400_lines_and_firmware_in_300() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} has {_lines(path)} lines"
        for path in modules()
        if _lines(path) > (FIRMWARE_LINES_MAX if path.is_relative_to(ROOT / "firmware") else LINES_MAX)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_has_a_name_that_says_nothing() -> None:
    wrong = [str(path.relative_to(ROOT)) for path in modules() if BANNED_NAMES.search(path.stem)]
    assert not wrong, "\n".join(wrong)


def test_every_module_says_in_its_first_line_what_it_is() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not wrong, "\n".join(wrong)


def _swallows(handler: ast.ExceptHandler) -> bool:
    broad = handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}
    )
    return broad and all(isinstance(node, (ast.Pass, ast.Continue)) for node in handler.body)


def test_no_exception_of_unknown_kind_is_swallowed() -> None:
    wrong = [
        at(path, node.lineno)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and _swallows(node)
    ]
    assert not wrong, "\n".join(wrong)


def test_tests_wait_on_conditions_and_never_just_sleep() -> None:
    wrong = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if (
                re.search(r"(?:time|asyncio)\.sleep\((?:0?\.\d*[1-9]|[1-9])", line)
                and path.name != "test_house_style.py"
            ):
                wrong.append(f"{at(path, number)} {line.strip()}")
    assert not wrong, "\n".join(wrong)


def test_nothing_is_marked_unfinished() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    wrong = [
        f"{at(path, number)} {line.strip()}"
        for path in modules()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if marks.search(line)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-test.lock", "alarm_backend/console/package-lock.json"]
)
def test_a_lock_file_pins_by_hash_and_names_no_download_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(
        r"https?://(?!opencollective|github\.com/sponsors|www\.patreon|tidelift)", text.replace("\\/", "/")
    ) or ('"resolved"' not in text and lock.endswith(".json"))
    if lock.endswith(".lock"):
        packages = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE)
        assert packages
        assert text.count("--hash=sha256:") >= len(packages)
