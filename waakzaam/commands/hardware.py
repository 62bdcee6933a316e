"""`waakzaam hardware`: check the circuit on paper, and write what is derived from it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from waakzaam.exits import BadInput
from waakzaam.hardware import (
    case_drawing,
    durations,
    enclosure,
    feasibility,
    judge,
    netlist,
    power,
    report,
    schematic,
    solids,
)

commands = typer.Typer(help="The circuit on paper: check, netlist, bill of materials, drawings.", no_args_is_help=True)
Board = Annotated[str, typer.Argument(help="Which board; an unknown name lists them.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def write(path: Path, content: str | bytes) -> None:
    """A whole file or nothing; raises BadInput."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    except OSError as error:
        raise BadInput(str(path), error.strerror or "cannot be written", "name a place that can be written") from None


def _told(content: str, out: Path | None) -> None:
    if out is None:
        typer.echo(content, nl=False)
    else:
        write(out, content)


@commands.command()
def check(board: Board = "bracelet", as_json: AsJson = False) -> None:
    """Judge the circuit by the electrical rules; exit status 1 when one is broken."""
    outcome = judge.check(schematic.load(board))
    if as_json:
        typer.echo(json.dumps({"board": board, **outcome.to_json()}, indent=2))
    else:
        for one in outcome.findings:
            typer.echo(f"BROKEN    {one.rule} at {one.at}: {one.reason}")
        for one, why in outcome.accepted:
            typer.echo(f"accepted  {one.rule} at {one.at}: {one.reason}. {why}")
        typer.echo(
            f"{board}: {outcome.rules} rules, {outcome.parts} parts, {outcome.pads} pads, {outcome.nets} nets: "
            f"{len(outcome.findings)} broken, {len(outcome.accepted)} accepted"
        )
    raise typer.Exit(1 if outcome.findings else 0)


@commands.command(name="netlist")
def kicad_netlist(
    board: Board = "bracelet", out: Annotated[Path | None, typer.Option(help="File; without it, stdout.")] = None
) -> None:
    """Write KiCad's netlist of the circuit."""
    _told(netlist.kicad(schematic.load(board)), out)


@commands.command()
def bom(
    board: Board = "bracelet", out: Annotated[Path | None, typer.Option(help="File; without it, stdout.")] = None
) -> None:
    """Write the bill of materials as CSV."""
    _told(netlist.bill_csv(schematic.load(board)), out)


@commands.command(name="power")
def power_budget(
    board: Board = "bracelet",
    measure: Annotated[
        bool, typer.Option("--measure", help="Play a drink test first and use how long its states lasted.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell how long the cell lasts: by state, standby days, tests per charge, new, aged and cold."""
    data = power.document(board)
    result = power.budget(data, durations.measured(data) if measure else None)
    if as_json:
        typer.echo(json.dumps({"board": board, "measured_now": measure, **result.to_json()}, indent=2))
        return
    for state, seconds in result.seconds.items():
        typer.echo(
            f"{state:<22} {seconds:6.1f} s  {result.cell_ua[state] * 1e-3:7.2f} mA  {result.state_mah[state]:.4f} mAh"
        )
    typer.echo(f"at rest {result.standby_ua:.1f} uA, self-discharge included; one test {result.test_mah:.3f} mAh")
    for life in result.lives:
        typer.echo(
            f"{life.condition}: {life.standby_days:.0f} days of standby on the wrist, "
            f"{life.untouched_days:.0f} untouched, {life.tests_per_charge:.0f} tests per charge"
        )
    typer.echo("standby is deep sleep, entered in the simulator; nothing here was measured on a board", err=True)


@commands.command(name="feasibility")
def front_end(as_json: AsJson = False) -> None:
    """Tell which drug of which strip the front end can see, in volts and amperes, beside one that cannot."""
    seen = feasibility.rows()
    if as_json:
        typer.echo(json.dumps({"rows": [row.to_json() for row in seen]}, indent=2))
        return
    for row in seen:
        told = ", ".join(f"{name} {'can' if one.testable else 'cannot'}" for name, one in row.findings.items())
        typer.echo(f"{row.drug:<14} {row.strip.name:<18} {row.needs_v[0]:5.2f} to {row.needs_v[1]:5.2f} V: {told}")


@commands.command(name="case")
def shell(
    board: Board = "bracelet",
    out: Annotated[Path | None, typer.Option(help="Folder for base.stl and lid.stl.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check that everything fits in the case, and write it as STL; exit status 1 when something does not fit."""
    made = enclosure.Case(enclosure.document(board), schematic.load(board))
    found = enclosure.check(made)
    x1, y1, x2, y2 = made.outside.bounds
    outside = [round(x2 - x1, 3), round(y2 - y1, 3), round(made.height, 3)]
    bodies = {"base": made.base(), "lid": made.lid()}
    if out is not None:
        for name, layers in bodies.items():
            write(out / f"{name}.stl", solids.stl(layers, name))
    if as_json:
        volumes = {name: solids.volume_mm3(layers) for name, layers in bodies.items()}
        document = {
            "board": board,
            "outside_mm": outside,
            "volume_mm3": volumes,
            "findings": [vars(one) for one in found],
        }
        typer.echo(json.dumps(document, indent=2))
    else:
        for one in found:
            typer.echo(f"BROKEN    {one.rule} at {one.at}: {one.reason}")
        typer.echo(f"{board}: {outside[0]:g} x {outside[1]:g} x {outside[2]:g} mm, {len(found)} broken")
    raise typer.Exit(1 if found else 0)


def documents() -> dict[str, str]:
    """File name → content of everything that docs/hardware has from the data."""
    out: dict[str, str] = {}
    for board in schematic.boards():
        out |= report.files(schematic.load(board))
    seen = feasibility.rows()
    out["feasibility.md"] = feasibility.page(seen, report.GENERATED)
    out["feasibility.svg"] = feasibility.svg(seen)
    shell = enclosure.Case(enclosure.document(), schematic.load("bracelet"))
    out["case.md"] = case_drawing.page(shell, len(enclosure.check(shell)), report.GENERATED)
    out["case.svg"] = case_drawing.svg(shell)
    out["power.md"] = power.page(power.document(), report.GENERATED)
    return out


@commands.command()
def docs(
    out: Annotated[Path, typer.Option(help="Folder that the pages and drawings go to.")] = Path("docs/hardware"),
) -> None:
    """Write the pages and drawings of docs/hardware from the data."""
    for name, content in documents().items():
        write(out / name, content)
        typer.echo(str(out / name))


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="hardware")
