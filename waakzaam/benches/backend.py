"""Figures of the alarm backend, on SQLite and on PostgreSQL, each as a process of its own with durable commits."""

from __future__ import annotations

import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from alarm_backend.audit import chain
from alarm_backend.audit.repository import head, lines
from alarm_backend.clocks import Clocks, real_clock_ms
from alarm_backend.services import Services, build
from alarm_backend.settings import Settings
from alarm_backend.store import migrate
from waakzaam import machine
from waakzaam.benches import _backend_browser as browsing
from waakzaam.benches import _backend_load as load
from waakzaam.benches import _backend_rights as rights
from waakzaam.benches.report import Figure, Report, at_least, at_most
from waakzaam.demo.processes import Process, free_port
from waakzaam.rigs import postgres
from waakzaam.rigs.chromium import running_chromium


@dataclass(frozen=True)
class Size:
    """How much is done. The quick one only says whether it runs."""

    ingest_s: float = 15.0
    live_s: float = 30.0
    history: int = 1_000_000
    queries: int = 200
    tamperings: int = 10_000
    tampered_lines: int = 200
    stored_tamperings: int = 60
    examples: int = 5


OPEN_ALARMS = 150
"""Open alarms beside the history: a bad night. ASSUMED."""
QUICK = Size(2.0, 4.0, 20_000, 20, 300, 60, 9, 1)


@contextmanager
def _served(url: str, folder: Path) -> Iterator[tuple[str, str, Services]]:
    """(address, gateway token, services on the same database) of a running `waakzaam backend`."""
    token = secrets.token_urlsafe(32)
    token_file = folder / "token"
    token_file.write_text(token)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    settings = Settings(database_url=url, data_folder=folder, gateway_token=token)
    services = build(settings, Clocks(real_clock_ms))
    migrate.upgrade(services.database)
    arguments = ["backend", "--port", str(port), "--token-file", str(token_file)]
    arguments += ["--data", str(folder), "--database", url, "--accept-unsigned-orders"]
    process = Process("backend", arguments, folder / "backend.log", {})
    try:
        process.wait_ready(lambda: _ready(address))
        yield address, token, services
    finally:
        process.stop()
        services.database.close()


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/ready").status_code == 200
    except httpx.TransportError:
        return False


def _ingest(name: str, address: str, token: str, seed: int, size: Size) -> list[Figure]:
    figures = []
    for batch, target in ((10, True), (1, False)):
        done = load.ingest(address, token, seed=seed, seconds=size.ingest_s, batch=batch, posters=2, repeats=0.1)
        rate = (done.stored + done.duplicates) / done.seconds
        detail = {"stored": done.stored, "duplicates": done.duplicates, "neither": done.other, "batch": batch}
        how = f"{name}: alarms posted {batch} at a time"
        p99 = load.percentile(done.request_ms, 99)
        if target:
            figures += [
                at_least(f"{how}, sustained", rate, 300, "alarms/s", **detail),
                at_most(f"{how}, request p99", p99, 100, "ms", median_ms=load.percentile(done.request_ms, 50)),
                at_most(f"{how}, lost or refused", done.other, 0, "alarms"),
            ]
        else:
            figures += [
                Figure(f"{how}, sustained", rate, "alarms/s", detail=detail),
                Figure(f"{how}, request p99", p99, "ms", detail={"median_ms": load.percentile(done.request_ms, 50)}),
            ]
    return figures


def _history(name: str, centre: browsing.Centre, seed: int, size: Size) -> list[Figure]:
    """A long history, asked over HTTP as the console asks."""
    now_ms = real_clock_ms()
    services = centre.services
    start = time.perf_counter()
    with services.database.writing() as connection:  # what the loads before left open is not this figure's queue
        connection.execute(text("UPDATE alarms SET state = 'resolved'"))
    load.fill_history(services.database, size.history, OPEN_ALARMS, seed, now_ms)
    if services.database.dialect == "postgresql":
        with services.database.writing() as connection:
            connection.execute(text("ANALYZE alarms"))
    filled_s = time.perf_counter() - start
    chance = random.Random(seed)
    year_ms = 365 * load.DAY_MS

    def span(days: int) -> dict[str, Any]:
        from_ms = now_ms - chance.randrange(1, 5 * year_ms)
        return {"from_ms": from_ms, "until_ms": from_ms + days * load.DAY_MS}

    def person() -> dict[str, Any]:
        return {"person": f"{chance.choice('MP')}{chance.randrange(2000)}"}

    def kind() -> dict[str, Any]:
        return {"kind": chance.choice(load.KINDS)}

    asked: list[tuple[str, float, Callable[[], dict[str, Any] | None]]] = [
        ("open queue", 50, lambda: None),
        ("search by person", 200, person),
        ("search by time", 200, lambda: span(7)),
        ("search by kind", 200, kind),
        ("search by kind and time", 200, lambda: kind() | span(365)),
        ("search by person and kind", 200, lambda: person() | kind()),
        ("search by person, kind and time", 200, lambda: person() | kind() | span(365)),
    ]
    figures = []
    for number, (what, limit, ask) in enumerate(asked):
        took, found = [], 0
        # A session each: one that asks so fast for long is slowed down.
        with httpx.Client(base_url=centre.address, cookies=centre.cookies(f"searcher{number}")) as client:
            for _ in range(size.queries):
                parameters = ask()
                start = time.perf_counter()
                if parameters is None:
                    answer = client.get("/api/v1/alarms")
                else:
                    answer = client.get("/api/v1/alarms/search", params=parameters)
                took.append(1000 * (time.perf_counter() - start))
                answer.raise_for_status()
                found += len(answer.json()["alarms"] if parameters is None else answer.json())
        label = f"{name}: {size.history:,} alarms in history, {what}, p95"
        detail = {"median_ms": load.percentile(took, 50), "found": found, "filled_s": round(filled_s, 1)}
        figures.append(at_most(label, load.percentile(took, 95), limit, "ms", **detail))
    return figures


def tampered(kept: list[chain.Line], chance: random.Random) -> list[chain.Line]:
    """The chain with one line changed, dropped or swapped with another."""
    at = chance.randrange(len(kept))
    what = chance.choice(["change", "drop", "swap", "reseal"])
    if what == "drop":
        return kept[:at] + kept[at + 1 :]
    if what == "swap":
        other = (at + chance.randrange(1, len(kept))) % len(kept)
        swapped = list(kept)
        swapped[at], swapped[other] = swapped[other], swapped[at]
        return swapped
    name = chance.choice(["time_ms", "stored_ms", "actor", "action", "subject", "detail"])
    value = getattr(kept[at], name)
    worse: dict[str, Any] = {name: value + 1 if isinstance(value, int) else value + "x"}
    changed = replace(kept[at], **worse)
    if what == "reseal":
        facts: dict[str, Any] = {field: fact for field, fact in vars(changed).items() if field not in {"seq", "sha256"}}
        changed = chain.seal(changed.seq, **facts)
    return [*kept[:at], changed, *kept[at + 1 :]]


def _tamper(name: str, services: Services, seed: int, size: Size) -> list[Figure]:
    """Tamper with a stretch of the real chain in memory, and with rows in the database itself."""
    chance = random.Random(seed)
    with services.database.reading() as connection:
        kept = [line for line, _ in zip(lines(connection), range(size.tampered_lines), strict=False)]
        whole = head(connection)
    end = (kept[-1].seq, kept[-1].sha256)
    if chain.verify(kept, end):
        return [at_least(f"{name}: the chain is whole before tampering", 0, 1, "chains")]
    found = sum(bool(chain.verify(tampered(kept, chance), end)) for _ in range(size.tamperings))
    statements = (
        "UPDATE audit SET actor = actor || 'x' WHERE seq = :seq",
        "DELETE FROM audit WHERE seq = :seq",
        "UPDATE audit SET stored_ms = stored_ms + 1 WHERE seq = :seq",
    )
    stored_found = 0
    for number in range(size.stored_tamperings):
        connection = services.database.engine.connect()
        try:  # inside a transaction that is rolled back, so that each tampering meets a whole chain
            seq = chance.randrange(1, min(whole[0], 2000) + 1)
            connection.execute(text(statements[number % len(statements)]), {"seq": seq})
            stored_found += bool(chain.verify(lines(connection), head(connection)))
        finally:
            connection.rollback()
            connection.close()
    return [
        at_least(
            f"{name}: tamperings with the audit chain found",
            100 * found / size.tamperings,
            100,
            "%",
            of=size.tamperings,
        ),
        at_least(
            f"{name}: tamperings in the database found",
            100 * stored_found / size.stored_tamperings,
            100,
            "%",
            of=size.stored_tamperings,
            lines=whole[0],
        ),
    ]


def _measure(name: str, url: str, folder: Path, seed: int, size: Size) -> list[Figure]:
    with _served(url, folder) as (address, token, services):
        centre = browsing.Centre(address, token, services, seed)
        figures = _in_chromium(name, centre, size)
        figures += _tamper(name, services, seed, size)
        figures += _ingest(name, address, token, seed, size)
        figures += _history(name, centre, seed, size)
    return figures


def _in_chromium(name: str, centre: browsing.Centre, size: Size) -> list[Figure]:
    """What is measured in a browser; missed, not left out, where there is none."""
    if machine.find_chromium() is None or machine.find_browser_libraries() is None:
        return [Figure(f"{name}: console", None, "", "measured in Chromium", False, {"reason": "no Chromium here"})]
    with running_chromium() as browser:
        figures = browsing.live(name, browser, centre, size.live_s)
        figures += browsing.keys(name, browser, centre)
        figures += browsing.weight(name, browser, centre)
        if name == "SQLite":  # pages do not depend on the database
            figures += browsing.accessibility(name, browser, centre)
    return figures


def run(seed: int, quick: bool) -> Report:
    """Measure everything on SQLite, and on PostgreSQL where there is one."""
    size = QUICK if quick else Size()
    figures: list[Figure] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waakzaam-bench-")))
        (folder / "sqlite").mkdir()
        (folder / "postgresql").mkdir()
        figures += _measure("SQLite", f"sqlite:///{folder / 'sqlite' / 'b.db'}", folder / "sqlite", seed, size)
        rights_url = f"sqlite:///{folder / 'sqlite' / 'rights.db'}"
        figures += rights.measure("SQLite", rights_url, folder / "sqlite", seed, size.examples)
        if machine.find_postgres() is None:
            figures.append(Figure("PostgreSQL", None, "", "measured too", False, {"reason": "no PostgreSQL here"}))
        else:
            server = stack.enter_context(postgres.running(durable=True))
            figures += _measure("PostgreSQL", server.fresh(), folder / "postgresql", seed, size)
            figures += rights.measure(
                "PostgreSQL", server.fresh(), folder / "postgresql", seed, max(1, size.examples // 2)
            )
    return Report("backend", seed, {**vars(size), "durable": True, "consoles": browsing.CONSOLES}, tuple(figures))
