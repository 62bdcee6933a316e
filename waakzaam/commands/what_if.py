"""`waakzaam what-if`: a proposed distance, schedule or rule over past positions, before a judge signs it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway import orders_file
from gateway.contract import schedules
from gateway.contract.errors import OrdersInvalid
from gateway.contract.orders import Order
from gateway.contract.shapes import Circle
from gateway.errors import FileUnreadable
from gateway.geofence.rules import STANDARD, Rules
from gateway.replay import fixes, map_page
from gateway.replay.what_if import Proposal, compare
from waakzaam import map_trimmings
from waakzaam.commands.replay import Complaints, doubt_of, name_strangers, name_unjudged, write_lines
from waakzaam.exits import BadInput


def _schedule(text: str | None) -> tuple[schedules.Window, ...] | None:
    """Windows such as `mon,tue 08:00-18:00; sat 10:00-12:00`; raises BadInput."""
    if text is None:
        return None
    windows = []
    for part in text.split(";"):
        days, _, hours = part.strip().partition(" ")
        start, _, until = hours.strip().partition("-")
        windows.append({"days": days.split(","), "from": start, "until": until})
    try:
        return schedules.parse(windows)
    except OrdersInvalid as fault:
        error = fault.within("--schedule")
        raise BadInput(error.path, error.reason, "for example 'mon,tue 08:00-18:00; sat 22:00-06:00'") from None


def _rules(changes: list[str]) -> Rules:
    known = {field.name: field.type for field in dataclasses.fields(Rules)}
    values: dict[str, float | int] = {}
    for change in changes:
        name, _, text = change.partition("=")
        if name not in known:
            raise BadInput(f"--rule {change}", f"{name!r} is no rule", "there are: " + ", ".join(known))
        try:
            values[name] = int(text) if known[name] == "int" else float(text)
        except ValueError:
            raise BadInput(f"--rule {change}", f"{text!r} is not a number") from None
    return dataclasses.replace(STANDARD, **values)  # type: ignore[arg-type]


def _table(outcome: dict[str, Any]) -> list[str]:
    """The outcome for a reader: both orders side by side, and what it means for the breaches told today."""
    now, then = outcome["present"], outcome["proposed"]
    hours = outcome["weeks"] * 168
    seen = (
        f"{outcome['weeks']:.1f} weeks" if hours >= 168 else f"{hours:.1f} hours, scaled up to a week: take as a hint"
    )
    lines = [f"Past positions: {outcome['fixes']} over {seen}.", ""]
    lines.append(f"{'':<34}{'present':>10}{'proposed':>10}{'change':>10}")

    def row(name: str, before: float, after: float) -> None:
        lines.append(f"{name:<34}{before:>10.1f}{after:>10.1f}{after - before:>+10.1f}")

    row("alarms a week", now["alarms_per_week"], then["alarms_per_week"])
    for kind in sorted({**now["by_kind_per_week"], **then["by_kind_per_week"]}):
        row(f"  {kind.replace('_', ' ')}", now["by_kind_per_week"].get(kind, 0), then["by_kind_per_week"].get(kind, 0))
    row("operator minutes a week (ASSUMED)", now["operator_minutes_per_week"], then["operator_minutes_per_week"])
    row("breaches told, in all", outcome["breaches_present"], outcome["breaches_proposed"])
    share = outcome["recall_of_present_breaches"]
    told = (
        "The present order tells no breach in these positions."
        if share is None
        else (f"Of the {outcome['breaches_present']} breaches told today the proposal tells {100 * share:.0f} %.")
    )
    return [*lines, "", told]


def _changes(
    present: Sequence[Order], proposed: Sequence[Order], outcome: dict[str, Any]
) -> list[tuple[str, float, float]]:
    """What the map says of the proposal: each kind of number that it changes (of the first order it does so), and how
    many alarms and breaches are told."""
    found: dict[str, tuple[float, float]] = {}
    for now, then in zip(present, proposed, strict=True):
        pairs = []
        if now.proximity is not None and then.proximity is not None:
            pairs.append(("alert", now.proximity.alert_distance_m, then.proximity.alert_distance_m))
            pairs.append(("prealert", now.proximity.prealert_distance_m, then.proximity.prealert_distance_m))
        for a, b in zip(now.zones, then.zones, strict=True):
            if isinstance(a.shape, Circle) and isinstance(b.shape, Circle):
                pairs.append(("radius", a.shape.radius_m, b.shape.radius_m))
            pairs.append(("buffer", a.buffer_m, b.buffer_m))
        for word, before, after in pairs:
            if before != after:
                found.setdefault(word, (before, after))
    told = (
        ("count_alarms", outcome["present"]["alarms"], outcome["proposed"]["alarms"]),
        ("count_breaches", outcome["breaches_present"], outcome["breaches_proposed"]),
    )
    return [*((word, *numbers) for word, numbers in found.items()), *told]


def what_if(
    orders: Annotated[Path, typer.Option(help="Court orders as they are (waakzaam.orders/1).")],
    fixes_path: Annotated[Path, typer.Option("--fixes", help="Past positions and events (fixes.csv).")],
    alert_distance_m: Annotated[
        float | None, typer.Option(min=10, max=100_000, help="Proposed alert distance.")
    ] = None,
    prealert_distance_m: Annotated[
        float | None, typer.Option(min=10, max=100_000, help="Proposed pre-alert distance.")
    ] = None,
    zone_radius_m: Annotated[float | None, typer.Option(min=1, help="Proposed radius of circular zones.")] = None,
    zone_buffer_m: Annotated[float | None, typer.Option(min=0, help="Proposed buffer of all zones.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="Proposed schedule: 'mon,tue 08:00-18:00; sat 22:00-06:00'.")
    ] = None,
    rule: Annotated[list[str] | None, typer.Option(help="A changed rule of the decision core, name=value.")] = None,
    map_path: Annotated[
        Path | None, typer.Option("--map", help="Also write a page with the proposal's alarms.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show alarms a week, operator minutes and recall of a proposed order beside the present one."""
    complaints = Complaints(fixes_path)
    proposal = Proposal(
        alert_distance_m, prealert_distance_m, zone_radius_m, zone_buffer_m, _schedule(schedule), _rules(rule or [])
    )
    try:
        present = orders_file.read(orders)
        rows = fixes.read(fixes_path, complaints, doubt_of(present))
    except FileUnreadable as error:
        raise BadInput(error.where, error.reason, error.remedy) from None
    name_strangers(present, rows)
    name_unjudged(present, rows)
    outcome, transitions = compare(present, rows, proposal)
    if map_path is not None:
        proposed = [proposal.applied(order) for order in present]
        changes = _changes(present, proposed, outcome)
        trimmings = map_trimmings.trimmings(proposed, rows, present, changes)
        page = map_page.render(proposed, rows, transitions, trimmings)
        write_lines([page], str(map_path))
    if as_json:
        typer.echo(json.dumps(outcome, indent=2))
    else:
        typer.echo("\n".join(_table(outcome)))
    complaints.finish()


def register(app: typer.Typer) -> None:
    app.command(name="what-if")(what_if)
