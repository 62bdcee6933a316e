"""docs/wire.md says what the field table says. `python -m tests.contract.test_wire_document` writes the table anew."""

from __future__ import annotations

from pathlib import Path

from firmware.wire import messages

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/wire.md"
BEGIN, END = "<!-- table of firmware/wire/messages.py -->", "<!-- end of table -->"


def table() -> str:
    """The field table as Markdown."""
    rows = ["| key | field | unit | type | range or words | since |", "| --- | --- | --- | --- | --- | --- |"]
    for name, key, unit, kind, low, high, since in messages.FIELDS:
        if isinstance(high, dict):
            span = ", ".join(f"{code} {word}" for word, code in high.items())
        else:
            span = "" if low is None else f"{low} … {high}" + (" characters" if kind == "text" else "")
        rows.append(f"| {key} | `{name}` | {unit} | {kind} | {span} | 1.{since} |")
    return "\n".join(rows)


def _parts() -> tuple[str, str, str]:
    text = DOCUMENT.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    middle, tail = rest.split(END)
    return head, middle.strip(), tail


def test_the_document_shows_the_field_table() -> None:
    assert _parts()[1] == table()


def test_the_document_names_what_each_kind_must_have() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for kind, required in messages.REQUIRED.items():
        assert f"`{kind}`: " + ", ".join(f"`{name}`" for name in required) in text


if __name__ == "__main__":
    before, _, after = _parts()
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")
