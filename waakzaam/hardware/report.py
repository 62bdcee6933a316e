"""What docs/hardware shows of a board, all of it from the data: drawings, rules, bill of materials."""

from __future__ import annotations

from waakzaam.hardware import judge, netlist, overview, sheets
from waakzaam.hardware.findings import RULES
from waakzaam.hardware.netlist import natural
from waakzaam.hardware.rules_power import loads_ma
from waakzaam.hardware.schematic import Schematic

GENERATED = "<!-- Written by `waakzaam hardware docs`: change the data, not this page. -->"


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def _rules(outcome: judge.Outcome) -> list[str]:
    found = {one.rule for one in outcome.findings}
    accepted = {one.rule for one, _ in outcome.accepted}
    lines = ["| rule | what must hold | outcome |", "| --- | --- | --- |"]
    for name, one in RULES.items():
        state = "**broken**" if name in found else "accepted once, below" if name in accepted else "holds"
        lines.append(f"| `{name}` | {_first_line(one.__doc__)} | {state} |")
    return lines


def _cases(schematic: Schematic) -> list[str]:
    sources = sorted({name for case in schematic.document["case"] for name in loads_ma(schematic, case["ma"])})
    lines = ["| case of use | " + " | ".join(sources) + " |", "| --- " * (len(sources) + 1) + "|"]
    for case in schematic.document["case"]:
        total = loads_ma(schematic, case["ma"])
        cells = (f"{total[name]:.0f}" if name in total else "" for name in sources)
        lines.append(f"| {case['name']} | " + " | ".join(cells) + " |")
    limits = (f"{node.pin.supplies_ma:g}" for node in map(schematic.node, sources) if node is not None)
    lines.append("| *can give, mA* | " + " | ".join(limits) + " |")
    return lines


def _bill(schematic: Schematic) -> list[str]:
    lines = ["| references | count | part number | maker | package | for |", "| --- | --- | --- | --- | --- | --- |"]
    for name, line in schematic.bill.items():
        refs = sorted((ref for ref, part in schematic.parts.items() if part.line.part == name), key=natural)
        use = line.use or name
        lines.append(f"| {', '.join(refs)} | {line.count} | {line.mpn} | {line.maker} | {line.package} | {use} |")
    return lines


def page(schematic: Schematic) -> str:
    """The board's page."""
    outcome = judge.check(schematic)
    board = schematic.board
    lines = [
        f"# {schematic.document['title']}: circuit",
        GENERATED,
        f"Revision {schematic.document['revision']}. {outcome.parts} parts, {outcome.pads} pads, {outcome.nets} nets.",
        f"Written down in [hardware/schematic/{board}.toml](../../hardware/schematic/{board}.toml); the pins of",
        "each part in [hardware/parts](../../hardware/parts), which say where each fact is from. Not built yet:",
        "what is marked [MEM] there must be held against the part's data sheet before copper is ordered.",
        "",
        f"![What talks to what]({board}-blocks.svg)",
        "",
        f"![Where the current goes]({board}-power-tree.svg)",
        "",
        "## Sheets",
    ]
    for sheet in schematic.document["sheet"]:
        lines += [f"### {sheet['name']}", f"![{sheet['name']}]({sheets.file_name(schematic, sheet['name'])})", ""]
    lines += [
        "## Electrical rules",
        f"`waakzaam hardware check {board}` judges {outcome.rules} rules; exit status 1 when one is broken. "
        f"Now: {len(outcome.findings)} broken, {len(outcome.accepted)} accepted with a reason.",
        "",
        *_rules(outcome),
        "",
    ]
    for one, why in outcome.accepted:
        lines += [f"Accepted: `{one.rule}` at {one.at} ({one.reason}). {why}", ""]
    lines += ["## Currents by case of use, mA", *_cases(schematic), "", "## Bill of materials", *_bill(schematic), ""]
    lines += [
        f"For other tools: [{board}.net]({board}.net) (KiCad netlist), [{board}-bom.csv]({board}-bom.csv).",
        "",
    ]
    return "\n".join(lines)


def files(schematic: Schematic) -> dict[str, str]:
    """File name → content of everything about one board."""
    board = schematic.board
    out = {
        f"{board}.md": page(schematic),
        f"{board}.net": netlist.kicad(schematic),
        f"{board}-bom.csv": netlist.bill_csv(schematic),
        f"{board}-blocks.svg": overview.blocks_svg(schematic),
        f"{board}-power-tree.svg": overview.power_tree_svg(schematic),
    }
    for sheet in schematic.document["sheet"]:
        out[sheets.file_name(schematic, sheet["name"])] = sheets.sheet_svg(schematic, sheet["name"])
    return out
