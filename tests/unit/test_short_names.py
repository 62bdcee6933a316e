"""Short names change nothing but names: two sources of one program do the same, and what is used by its text stays."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from simulators.virtual_board.inline_constants import modules_of
from simulators.virtual_board.short_names import renamed, renames

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = {name: path.read_text(encoding="utf-8") for name, path in modules_of(ROOT / "firmware").items()}

PACKAGE = {
    "toy": "",
    "toy.base": '''
from toy import helper

_STEP_MS = 5
_unused = None


class Base:
    """Keeps `_total`, which a class in another module must not hit by chance."""

    def __init__(self, start_ms):
        self._total = start_ms
        self._history = []

    def _remember(self, number_of_it):
        self._history.append(number_of_it)
        return f"{self._total}"

    def total(self):
        return self._total, list(self._history)


def _private_step(amount, scale=2):
    helper = lambda value: value * scale  # noqa: E731
    return helper(amount) + _STEP_MS


def step(amount):
    return [_private_step(inner) for inner in (amount, amount + 1)], _private_step(amount, scale=3)
''',
    "toy.helper": """
_count = 0


def counted(id_of_it):
    global _count
    _count += 1
    return _count, id(id_of_it) == id(id_of_it), max(id_of_it, 1)
""",
    "toy.child": """
from toy.base import Base, step
from toy.helper import counted


class Child(Base):
    def __init__(self, start_ms):
        super().__init__(start_ms)
        self._mine = 1
        self._other = {"_other": 2}

    def _do_add(self, amount):
        self._mine += amount
        self._total += amount
        return self._remember(amount)

    def act(self, name, amount):
        return getattr(self, "_do_" + name)(amount), self._mine, self._other, self.total()


def story():
    child = Child(7)
    return child.act("add", 3), child.act(name="add", amount=4), step(2), counted(9), counted(8)
""",
}


def _story(folder: Path, sources: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, text in sources.items():
        parts = name.split(".")
        path = folder.joinpath(*parts).with_suffix(".py") if len(parts) > 1 else folder / name / "__init__.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    for name in [name for name in sys.modules if name.split(".")[0] == "toy"]:
        monkeypatch.delitem(sys.modules, name)
    module: ModuleType = importlib.import_module("toy.child")
    said = module.story()
    for name in [name for name in sys.modules if name.split(".")[0] == "toy"]:
        monkeypatch.delitem(sys.modules, name)
    return said


def _short(sources: dict[str, str]) -> dict[str, str]:
    names = renames(sources)
    return {name: renamed(text, names[name]) for name, text in sources.items()}


def test_a_program_with_short_names_does_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = _story(tmp_path / "long", PACKAGE, monkeypatch)
    assert long[0] == ("10", 4, {"_other": 2}, (10, [3]))
    assert _story(tmp_path / "short", _short(PACKAGE), monkeypatch) == long


def test_private_names_are_short_and_each_module_uses_the_same_ones() -> None:
    names = renames(PACKAGE)
    assert len(names["toy.base"]["_private_step"]) == 2
    assert names["toy.helper"]["_count"] in names["toy.base"].values()
    assert names["toy.base"]["number_of_it"].endswith("_")


def test_classes_that_inherit_over_modules_never_get_one_name_for_two_things() -> None:
    names = renames(PACKAGE)
    in_base, in_child = names["toy.base"], names["toy.child"]
    assert in_base["_history"] not in {in_child.get("_mine"), in_child.get("_other")}
    assert in_child.get("_mine") not in in_base.values()


@pytest.mark.parametrize(
    ("module", "name", "why"),
    [
        ("toy.base", "_total", "an f-string holds it, which is one text"),
        ("toy.child", "_do_add", "it is looked up by a text that begins it"),
        ("toy.child", "_other", "a text is its name"),
        ("toy.base", "scale", "a call gives it by name"),
        ("toy.base", "helper", "a module is called so"),
        ("toy.base", "start_ms", ""),
        ("toy.helper", "id", "it is built in"),
    ],
)
def test_what_is_used_by_its_text_from_outside_or_by_keyword_keeps_its_name(module: str, name: str, why: str) -> None:
    assert (name not in renames(PACKAGE)[module]) == bool(why)


def test_the_firmware_keeps_its_lines_and_its_public_names() -> None:
    short = _short(FIRMWARE)
    for name, text in short.items():
        assert [line == "" for line in text.split("\n")] == [line == "" for line in FIRMWARE[name].split("\n")]
        public = [ast.dump(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.alias)]
        assert public == [ast.dump(node) for node in ast.walk(ast.parse(FIRMWARE[name])) if isinstance(node, ast.alias)]


def test_hundreds_of_the_firmwares_names_become_a_few_dozen() -> None:
    names = renames(FIRMWARE)
    long = {name for module in names.values() for name in module}
    short = {name for module in names.values() for name in module.values()}
    assert len(long) > 500
    assert len(short) < 80


def test_the_same_sources_give_the_same_names_in_any_order() -> None:
    backwards = dict(reversed(FIRMWARE.items()))
    assert renames(backwards) == renames(FIRMWARE)
