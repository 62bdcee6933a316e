"""`waakzaam bench NAME`: measure the figures the project promises."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from pathlib import Path
from typing import Annotated, Any

import typer

from waakzaam import benches
from waakzaam.benches.report import Report
from waakzaam.exits import BadInput


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted(
        m.name for m in pkgutil.iter_modules(benches.__path__) if m.name != "report" and not m.name.startswith("_")
    )


def _print_table(report: Report) -> None:
    for figure in report.figures:
        mark = {True: "met   ", False: "MISSED", None: "      "}[figure.met]
        value = f"{figure.value:.6g}" if isinstance(figure.value, float) else str(figure.value)
        typer.echo(f"{mark}  {figure.name:<58} {value:>12} {figure.unit:<14} {figure.target}")


def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark; an unknown name lists them.")],
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    quick: Annotated[
        bool, typer.Option(help="A small fixed sample: says whether it runs, not how good it is.")
    ] = False,
    files: Annotated[
        list[Path], typer.Option(help="Input instead of the benchmark's own (certified: StRD .dat files or folders).")
    ] = [],  # noqa: B006 - typer copies it
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Measure the figures the project promises; exit status 1 when a target is missed."""
    if name not in names():
        raise BadInput("bench", f"no benchmark {name!r}", "there are: " + (", ".join(names()) or "none"))
    run = importlib.import_module(f"{benches.__name__}.{name}").run
    if files and "files" not in inspect.signature(run).parameters:
        raise BadInput("--files", f"{name} takes no files of one's own", "certified does")
    given: dict[str, Any] = {"files": tuple(files)} if files else {}
    report: Report = run(seed=seed, quick=quick, **given)
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
    else:
        _print_table(report)
    raise typer.Exit(0 if report.met else 1)


def register(app: typer.Typer) -> None:
    app.command(name="bench")(bench)
