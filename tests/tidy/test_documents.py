"""What the documents say is there is there, and the other way round."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.support.source_tree import ROOT
from waakzaam.cli import build

FIRST_COMMANDS = (
    "demo",
    "backend",
    "gateway",
    "broker",
    "board",
    "replay",
    "calibrate",
    "detect",
    "evaluate",
    "doctor",
)


def _commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(build())
    return dict(group.commands)


@pytest.mark.parametrize("name", FIRST_COMMANDS)
def test_a_command_of_the_design_exists_and_says_what_it_does(name: str) -> None:
    command = _commands()[name]
    assert command.help


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    missing = [name for name in _commands() if f"`waakzaam {name}" not in text]
    assert not missing, f"docs/commands.md does not describe: {', '.join(missing)}"


def test_every_environment_setting_is_documented() -> None:
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    named = set()
    for folder in ("waakzaam", "gateway", "alarm_backend", "simulators", "sensor_models", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            if "node_modules" not in path.parts:
                named |= set(re.findall(r"[\"'](WAAKZAAM_[A-Z_]+)[\"']", path.read_text(encoding="utf-8")))
    missing = sorted(name for name in named if f"`{name}`" not in text)
    assert not missing, f"docs/settings.md does not describe: {', '.join(missing)}"


@pytest.mark.parametrize("document", sorted((ROOT).glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=str)
def test_every_relative_link_of_a_document_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    wrong = []
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", target) and not (document.parent / target).exists():
            wrong.append(target)
    assert not wrong, f"{document.relative_to(ROOT)} links to {', '.join(wrong)}"


def test_every_decision_record_says_what_was_chosen_and_what_was_rejected() -> None:
    wrong = []
    for record in sorted((ROOT / "docs/adr").glob("[0-9]*.md")):
        text = record.read_text(encoding="utf-8").lower()
        if "rejected" not in text:
            wrong.append(record.name)
    assert not wrong, "no rejected options in: " + ", ".join(wrong)
