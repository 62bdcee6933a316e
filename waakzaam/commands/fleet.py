"""`waakzaam fleet`: many simulated trackers with the real wire over real MQTT, and the faults that fleets have."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from waakzaam.exits import BadInput

DEVICES_MAX = 20_000
MESSAGES_MAX = 1_000_000
READY_MS = 1_000  # of the clock: connections are made before the first message is due


def _require_loopback(host: str) -> None:
    """A load generator aims at this machine only."""
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise BadInput(f"--host {host}", f"cannot be found: {error.strerror or error}") from None
    if not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise BadInput(f"--host {host}", "is not this machine", "the fleet is a load generator and stays on loopback")


def _keys(device_ids: list[str], seed: int, path: Path | None) -> dict[str, bytes]:
    """A key for each device: from the file where it has one, else made from the seed (they protect nobody)."""
    from waakzaam import provisioning

    known = provisioning.read_keys(path) if path is not None else {}
    keys = {}
    for device_id in device_ids:
        text = known.get(device_id) or hashlib.sha256(f"fleet {seed} {device_id}".encode()).hexdigest()
        try:
            keys[device_id] = bytes.fromhex(text)
        except ValueError:
            raise BadInput(f"{path}: {device_id}", "is not hexadecimal") from None
    return keys


def fleet(
    pairs: Annotated[int, typer.Option(min=1, max=DEVICES_MAX // 2, help="Orders; two trackers each.")] = 50,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Length of the run, in seconds of the clock.")] = 30,
    interval: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds between a tracker's fixes.")] = 10,
    host: Annotated[str, typer.Option(help="The broker; on this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The broker's port.")] = 1883,
    connections: Annotated[int, typer.Option(min=1, max=200, help="MQTT connections that they share.")] = 8,
    approaching: Annotated[int, typer.Option(min=0, help="Pairs that breach their distance.")] = 1,
    panics: Annotated[int, typer.Option(min=0, help="Panic calls, spread over the run.")] = 1,
    late: Annotated[float, typer.Option(min=0, max=1, help="Share of late messages.")] = 0.0,
    duplicate: Annotated[float, typer.Option(min=0, max=1, help="Share of repeated messages.")] = 0.0,
    reordered: Annotated[float, typer.Option(min=0, max=1, help="Share that comes after its successor.")] = 0.0,
    bad_signature: Annotated[float, typer.Option(min=0, max=1, help="Share with a bit changed.")] = 0.0,
    garbage: Annotated[float, typer.Option(min=0, max=1, help="Share replaced by random bytes.")] = 0.0,
    keys: Annotated[Path | None, typer.Option(help="Device keys to use where they have one.")] = None,
    prepare: Annotated[
        Path | None, typer.Option(help="Write orders.json and keys.json for a gateway into this folder, and stop.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Run a fleet of simulated trackers against the broker on this machine; says what a receiver must make of it."""
    from simulators.fleet.pairs import orders_document
    from simulators.fleet.pairs import pairs as make_pairs
    from simulators.fleet.publisher import FleetFailed, send
    from simulators.fleet.traffic import FaultRates, Fleet
    from waakzaam import clock

    _require_loopback(host)
    rates = FaultRates(late, duplicate, reordered, bad_signature, garbage)
    if rates.total > 1:
        raise BadInput("fault shares", f"together {rates.total:g}, more than 1")
    if 2 * pairs * seconds / interval > MESSAGES_MAX:
        raise BadInput(
            "fleet", f"more than {MESSAGES_MAX} messages", "fewer --pairs or --seconds, or a longer --interval"
        )
    made = make_pairs(pairs, seed, approaching, seconds)
    device_keys = _keys([i for pair in made for i in (pair.protected_id, pair.monitored_id)], seed, keys)
    clock_ms = clock.from_environment()
    if prepare is not None:
        _prepare(prepare, orders_document(made, clock_ms()), device_keys)
        return
    start_ms = clock_ms() + READY_MS
    plan = Fleet(
        made,
        device_keys,
        seed=seed,
        start_ms=start_ms,
        duration_s=seconds,
        interval_s=interval,
        rates=rates,
        panics=panics,
        boot_id=clock.wall_ms() // 1000
        & 0xFFFFFFFF,  # a new boot each run, so that a receiver takes no run for a repeat
    )
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    try:
        sent = send(
            plan.planned, host, port, connections=connections, start_ms=start_ms, clock_ms=clock_ms, stopped=over.is_set
        )
    except FleetFailed as error:
        raise BadInput(f"fleet: {host}:{port}", error.reason, "is the broker running? waakzaam broker") from None
    report = _report(sent.messages, sent.seconds, sent.behind_s_max, sent.acknowledged_s)
    report |= {"seed": seed, "pairs": pairs, "planned": plan.counts(), "complete": not over.is_set()}
    report["events"] = [{"device_id": d, "event": e, "published_wall_ms": at} for d, e, at in sent.events]
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        print(
            f"fleet: {report['messages']} messages in {report['seconds']:.1f} s ({report['messages_per_s']:.0f}/s), "
            f"acknowledged in {report['acknowledged_ms_median']:.1f} ms (p99 {report['acknowledged_ms_p99']:.1f} ms), "
            f"planned {report['planned']}",
            file=sys.stderr,
        )


def _prepare(folder: Path, orders: dict[str, Any], keys: dict[str, bytes]) -> None:
    from waakzaam import provisioning

    if not folder.is_dir():
        raise BadInput(str(folder), "is not a folder", "make it first")
    for name in ("orders.json", "keys.json"):
        if (folder / name).exists():
            raise BadInput(str(folder / name), "exists already", "choose an empty folder")
    document = {"schema": provisioning.KEYS_SCHEMA, "keys": {name: key.hex() for name, key in keys.items()}}
    provisioning.write_private(folder / "orders.json", json.dumps(orders) + "\n")
    provisioning.write_private(folder / "keys.json", json.dumps(document) + "\n")
    print(f"fleet: orders.json and keys.json in {folder}", file=sys.stderr)


def _report(messages: int, seconds: float, behind_s: float, acknowledged_s: list[float]) -> dict[str, Any]:
    ordered = sorted(acknowledged_s) or [0.0]
    return {
        "messages": messages,
        "seconds": round(seconds, 3),
        "messages_per_s": round(messages / seconds, 1) if seconds else 0.0,
        "behind_s_max": round(behind_s, 3),
        "acknowledged_ms_median": round(1000 * ordered[len(ordered) // 2], 2),
        "acknowledged_ms_p99": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2),
    }


def register(app: typer.Typer) -> None:
    app.command()(fleet)
