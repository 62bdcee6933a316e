"""`waakzaam replay`: recorded positions through the decision core of the gateway."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gateway import orders_file
from gateway.contract.orders import Order
from gateway.contract.reading import unix_ms_of
from gateway.errors import FileUnreadable
from gateway.geofence import swapped
from gateway.geofence.motion import Observation
from gateway.replay import bundle, fixes, gpx, map_page, nmea
from gateway.replay.run import replay as run_replay
from waakzaam import map_trimmings
from waakzaam.exits import BadInput

COMPLAINTS_MAX = 20
ALIKE_MAX = 3
NUMBERS = re.compile(r"[-+.\d]+")


class Complaints:
    """Says the first unusable rows, points or lines of a file on stderr, a few of each kind, and counts them all."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.rows = 0
        self.said = 0
        self.kinds: Counter[str] = Counter()

    def __call__(self, row: fixes.BadRow) -> None:
        self.rows += 1
        kind = f"{row.field}: {re.sub(NUMBERS, '#', row.reason)}"
        self.kinds[kind] += 1
        if self.said < COMPLAINTS_MAX and self.kinds[kind] <= ALIKE_MAX:
            self.said += 1
            typer.echo(f"waakzaam: {self.where}:{row.line}: {row.field}: {row.reason}", err=True)

    def finish(self) -> None:
        """Raises BadInput when any row was unusable; everything else has been done by then."""
        if self.rows:
            rows = "1 row was" if self.rows == 1 else f"{self.rows} rows were"
            more = f" ({self.said} are named above)" if self.said < self.rows else ""
            raise BadInput(str(self.where), f"{rows} unusable{more}, all others were replayed", "mend or remove them")


def doubt_of(parsed: Sequence[Order]) -> Callable[[Observation], str]:
    """What is wrong with a position, as far as the orders of its tracker tell; "" when nothing is."""
    known: dict[str, list[tuple[swapped.Place, ...]]] = {}
    for order in parsed:
        for device in order.devices():
            known.setdefault(device, []).append(swapped.places_of(order))

    def doubt(one: Observation) -> str:
        if one.lat is None or one.lon is None:
            return ""
        lat, lon = one.lat, one.lon
        turned = any(swapped.looks_swapped(places, lat, lon) for places in known.get(one.device_id, ()))
        return f"{swapped.WORDS} (as written: {lat:g}, {lon:g})" if turned else ""

    return doubt


class Faults:
    """Names each order whose decision failed, once; such a fault is ours, and its alarms are in the output."""

    def __init__(self) -> None:
        self.orders: set[str] = set()

    def __call__(self, order_id: str, error: Exception, observations: Sequence[Observation]) -> None:
        if order_id not in self.orders:
            self.orders.add(order_id)
            typer.echo(f"waakzaam: order {order_id} could not be judged: {type(error).__name__}: {error}", err=True)

    def finish(self) -> None:
        """Ends with status 1 when an order could not be judged at some moment."""
        if self.orders:
            raise typer.Exit(1)


def name_strangers(parsed: Sequence[Order], rows: Iterable[Observation]) -> None:
    """Says which trackers of the rows belong to no order: a slip in an id must not read as "nothing happened"."""
    known = {device for order in parsed for device in order.devices()}
    strangers = sorted({row.device_id for row in rows} - known)
    if strangers:
        some = ", ".join(repr(name) for name in strangers[:5]) + (", …" if len(strangers) > 5 else "")
        typer.echo(f"waakzaam: no order names the tracker {some}: such rows were judged for nobody", err=True)


def name_unjudged(parsed: Sequence[Order], rows: Iterable[Observation]) -> None:
    """Says which trackers have rows only while none of their orders is in force: that is not "nothing happened"."""
    terms: dict[str, list[tuple[int, int]]] = {}
    for order in parsed:
        for device in order.devices():
            terms.setdefault(device, []).append((order.valid_from_ms, order.valid_until_ms))
    judged: dict[str, bool] = {}
    for row in rows:
        if row.device_id in terms:
            within = any(start <= row.time_ms < end for start, end in terms[row.device_id])
            judged[row.device_id] = judged.get(row.device_id, False) or within
    unjudged = sorted(device for device, within in judged.items() if not within)
    if unjudged:
        some = ", ".join(repr(name) for name in unjudged[:5]) + (", …" if len(unjudged) > 5 else "")
        typer.echo(
            f"waakzaam: no order is in force at any time of the tracker {some}: such rows were judged for nobody "
            "(look at the rows' dates and at valid_from and valid_until)",
            err=True,
        )


def until_ms_of(text: str | None) -> int | None:
    """Unix milliseconds of the --until option; raises BadInput."""
    if text is None:
        return None
    try:
        return unix_ms_of(text)
    except (ValueError, OverflowError) as error:
        raise BadInput("--until", str(error)) from None


def _track_file(text: str) -> tuple[str, Path]:
    """Device and file of a --track; raises BadInput."""
    device_id, equals, name = text.partition("=")
    if not device_id or not equals or not name:
        raise BadInput(f"--track {text}", "is not DEVICE_ID=FILE", "for example trk-m1=walk.gpx")
    return device_id, Path(name)


def write_lines(lines: Iterable[str], out: str) -> None:
    """Writes lines to a file, whole or not at all, or to stdout for `-`."""
    if out == "-":
        for line in lines:
            sys.stdout.write(line + "\n")
        return
    path = Path(out)
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            try:
                file.writelines(line + "\n" for line in lines)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                os.unlink(file.name)
                raise
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as error:
        raise BadInput(out, error.strerror or str(error), "name a file that can be written") from None


def replay(
    orders: Annotated[Path, typer.Option(help="Court orders (waakzaam.orders/1).")],
    fixes_path: Annotated[
        Path | None, typer.Option("--fixes", help="Recorded positions and events (fixes.csv).")
    ] = None,
    track: Annotated[
        list[str] | None, typer.Option(help="A recorded track as well: DEVICE_ID=FILE, a .gpx or an NMEA log.")
    ] = None,
    out: Annotated[str, typer.Option(help="Where the alarm transitions go, one JSON line each; - for stdout.")] = "-",
    until: Annotated[
        str | None, typer.Option(help="Let time run to this RFC 3339 time; by default to the last row.")
    ] = None,
    map_path: Annotated[
        Path | None, typer.Option("--map", help="Also write a self-contained page: tracks, zones, alarms, time slider.")
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Also write an evidence bundle that `waakzaam verify` replays.")
    ] = None,
) -> None:
    """Run recorded positions through the decision core; the same input gives the same bytes.

    Rows are taken in time order, whatever their order in the file; exact repeats count once. Unusable rows are named on
    stderr (exit status 2) and the good ones are replayed.
    """
    until_ms = until_ms_of(until)
    if fixes_path is None and not track:
        raise BadInput("--fixes", "missing", "name a fixes.csv, or tracks with --track")
    complaints: list[Complaints] = []
    rows: list[Observation] = []
    try:
        parsed = orders_file.read(orders)
        doubt = doubt_of(parsed)
        if fixes_path is not None:
            complaints.append(Complaints(fixes_path))
            rows += fixes.read(fixes_path, complaints[-1], doubt)
        for device_id, path in map(_track_file, track or []):
            complaints.append(Complaints(path))
            read = gpx.read if path.suffix.lower() == ".gpx" else nmea.read
            rows += read(path, device_id, complaints[-1], doubt)
    except FileUnreadable as error:
        raise BadInput(error.where, error.reason, error.remedy) from None
    if not rows and until_ms is None:
        for one in complaints:
            one.finish()
        raise BadInput(
            str(fixes_path or track), "holds no rows: nothing was judged", "name a file with fixes, or --until"
        )
    name_strangers(parsed, rows)
    name_unjudged(parsed, rows)
    faults = Faults()
    transitions = list(run_replay(parsed, rows, until_ms, on_fault=faults))
    write_lines((transition.to_line() for transition in transitions), out)
    if map_path is not None:
        page = map_page.render(parsed, rows, transitions, map_trimmings.trimmings(parsed, rows))
        write_lines([page], str(map_path))
    if evidence is not None:
        document = bundle.make(json.loads(orders.read_text(encoding="utf-8")), rows, until_ms, transitions)
        write_lines([json.dumps(document, ensure_ascii=False)], str(evidence))
    for one in complaints:
        one.finish()
    faults.finish()


def register(app: typer.Typer) -> None:
    app.command()(replay)
