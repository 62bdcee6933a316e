"""The circuit for other tools: KiCad's netlist (s-expressions, version E) and the bill of materials as CSV."""

from __future__ import annotations

import csv
import io

from waakzaam.hardware.parts import PartType
from waakzaam.hardware.schematic import Schematic

LIBRARY = "waakzaam"
KICAD_TYPES = {
    "power_in": "power_in",
    "charge_path": "bidirectional",
    "power_out": "power_out",
    "ground": "power_in",
    "input": "input",
    "output": "output",
    "switching": "output",
    "tri_state": "tri_state",
    "open_drain": "open_collector",
    "i2c_data": "bidirectional",
    "i2c_clock": "input",
    "bidirectional": "bidirectional",
    "no_connect": "no_connect",
}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _kind(kind: str) -> str:
    return KICAD_TYPES.get(kind, "passive")


def natural(ref: str) -> tuple[str, int]:
    """Sort key of a reference: R2 before R10."""
    letters = ref.rstrip("0123456789")
    return letters, int(ref[len(letters) :] or 0)


def _components(schematic: Schematic) -> list[str]:
    out = []
    for ref in sorted(schematic.parts, key=natural):
        line = schematic.parts[ref].line
        fields = {"MPN": line.mpn, "Manufacturer": line.maker, "Package": line.package}
        named = " ".join(f"(field (name {_quoted(key)}) {_quoted(value)})" for key, value in fields.items())
        out.append(
            f"    (comp (ref {_quoted(ref)}) (value {_quoted(line.part)}) (fields {named})"
            f" (libsource (lib {_quoted(LIBRARY)}) (part {_quoted(line.type.name)})"
            f" (description {_quoted(line.use or line.type.use)}))"
            f" (sheetpath (names {_quoted('/' + schematic.parts[ref].sheet + '/')}) (tstamps {_quoted('/')})))"
        )
    return out


def _types(types: list[PartType]) -> list[str]:
    out = []
    for one in types:
        pins = "\n".join(
            f"        (pin (num {_quoted(number)}) (name {_quoted(pin.name)}) (type {_quoted(_kind(pin.kind))}))"
            for number, pin in one.pads
        )
        out.append(
            f"    (libpart (lib {_quoted(LIBRARY)}) (part {_quoted(one.name)})"
            f" (description {_quoted(one.use)})\n      (pins\n{pins}))"
        )
    return out


def kicad(schematic: Schematic) -> str:
    """The netlist that KiCad's board editor imports. The same circuit gives the same text: it carries no date."""
    types = sorted({part.type.name: part.type for part in schematic.parts.values()}.values(), key=lambda one: one.name)
    nets: list[tuple[str, list[str]]] = []
    for net, on in schematic.nets.items():
        rows = [
            f"      (node (ref {_quoted(node.part.ref)}) (pin {_quoted(number)})"
            f" (pinfunction {_quoted(node.pin.name)}) (pintype {_quoted(_kind(node.pin.kind))}))"
            for node in sorted(on, key=lambda one: natural(one.part.ref))
            for number in node.pin.numbers
        ]
        nets.append((net, rows))
    for ref in sorted(schematic.parts, key=natural):
        part = schematic.parts[ref]
        for number, pin in part.type.pads:
            if pin.name not in part.nets:
                name = f"unconnected-({ref}-{pin.name}-Pad{number})"
                kind = "no_connect" if pin.kind == "no_connect" else _kind(pin.kind) + "+no_connect"
                row = f"      (node (ref {_quoted(ref)}) (pin {_quoted(number)})"
                nets.append((name, [f"{row} (pinfunction {_quoted(pin.name)}) (pintype {_quoted(kind)}))"]))
    lines = [
        '(export (version "E")',
        f"  (design (source {_quoted(f'hardware/schematic/{schematic.board}.toml')}) (tool {_quoted(LIBRARY)}))",
        "  (components",
        *_components(schematic),
        "  )",
        "  (libparts",
        *_types(types),
        "  )",
        "  (nets",
    ]
    for code, (name, rows) in enumerate(nets, 1):
        lines += [f"    (net (code {_quoted(str(code))}) (name {_quoted(name)})", *rows, "    )"]
    return "\n".join([*lines, "  )", ")", ""])


def bill_csv(schematic: Schematic) -> str:
    """One row per line of the bill: references, count, part number, maker, package, use, alternates, cost class."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["references", "count", "part", "mpn", "maker", "package", "use", "alternates", "cost_class"])
    for name, line in schematic.bill.items():
        refs = sorted((ref for ref, part in schematic.parts.items() if part.line.part == name), key=natural)
        alternates = "; ".join(line.alternates)
        row = [" ".join(refs), line.count, name, line.mpn, line.maker, line.package, line.use, alternates, line.cost]
        writer.writerow(row)
    return out.getvalue()
