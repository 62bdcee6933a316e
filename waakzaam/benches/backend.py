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
import numpy as np
from sqlalchemy import text

from alarm_backend.audit import chain
from alarm_backend.audit.repository import head, lines
from alarm_backend.clocks import Clocks, real_clock_ms
from alarm_backend.services import Services, build
from alarm_backend.settings import Settings
from alarm_backend.store import migrate
from waakzaam import machine
from waakzaam.benches import _backend_load as load
from waakzaam.benches.report import Figure, Report, at_least, at_most
from waakzaam.demo.processes import Process, free_port
from waakzaam.rigs import postgres

CONSOLES = 10
ALARMS_PER_MIN = 200


@dataclass(frozen=True)
class Size:
    """How much is done. The quick one only says whether it runs."""

    ingest_s: float = 15.0
    live_s: float = 20.0
    history: int = 1_000_000
    queries: int = 200
    tamperings: int = 10_000
    stored_tamperings: int = 60


QUICK = Size(2.0, 4.0, 20_000, 20, 300, 9)


def _p(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if values else float("nan")


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
    arguments += ["--data", str(folder), "--database", url]
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
        p99 = _p(done.request_ms, 99)
        if target:
            figures += [
                at_least(f"{how}, sustained", rate, 300, "alarms/s", **detail),
                at_most(f"{how}, request p99", p99, 100, "ms", median_ms=_p(done.request_ms, 50)),
                at_most(f"{how}, lost or refused", done.other, 0, "alarms"),
            ]
        else:
            figures += [
                Figure(f"{how}, sustained", rate, "alarms/s", detail=detail),
                Figure(f"{how}, request p99", p99, "ms", detail={"median_ms": _p(done.request_ms, 50)}),
            ]
    return figures


def _live(name: str, address: str, token: str, services: Services, seed: int, size: Size) -> list[Figure]:
    """Alarms at 200 a minute, ten consoles, each cut off after every seventh alarm."""
    services.auth.add_user(f"bench{seed}", "bench", "operator", None, "bench")
    cookies = httpx.get(f"{address}/sign-in/{services.auth.new_login_link(f'bench{seed}', 'bench')}").cookies
    after = services.events.last_event_id()
    consoles = [load.Console(address, cookies, after, 7) for _ in range(CONSOLES)]
    for console in consoles:
        console.start()
    chance = random.Random(seed)
    posted: dict[str, float] = {}
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}) as client:
        start = time.monotonic()
        for number in range(round(size.live_s * ALARMS_PER_MIN / 60)):
            time.sleep(max(0.0, start + number * 60 / ALARMS_PER_MIN - time.monotonic()))
            item = load.transition((seed << 60) + number, chance, real_clock_ms())
            posted[item["alarm_id"]] = time.perf_counter()
            client.post("/api/v1/transitions", json={"transitions": [item]}).raise_for_status()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and any(len(console.heard) < len(posted) for console in consoles):
            time.sleep(0.05)
        for console in consoles:
            console.ending.set()
        client.post("/api/v1/transitions", json={"transitions": [load.transition(1 << 62, chance, real_clock_ms())]})
    for console in consoles:
        console.join(10)
    waits = [1000 * (console.heard[a] - posted[a]) for console in consoles for a in posted if a in console.heard]
    missed = sum(a not in console.heard for console in consoles for a in posted)
    reconnects = sum(console.connections for console in consoles)
    return [
        at_most(
            f"{name}: alarm posted to heard on the stream, {CONSOLES} consoles, p99",
            _p(waits, 99),
            500,
            "ms",
            median_ms=_p(waits, 50),
            alarms=len(posted),
        ),
        at_most(f"{name}: alarms missed over forced reconnects", missed, 0, "alarms", connections=reconnects),
    ]


def _history(name: str, services: Services, seed: int, size: Size) -> list[Figure]:
    now_ms = real_clock_ms()
    start = time.perf_counter()
    load.fill_history(services.database, size.history, 150, seed, now_ms)
    if services.database.dialect == "postgresql":
        with services.database.writing() as connection:
            connection.execute(text("ANALYZE alarms"))
    filled_s = time.perf_counter() - start
    chance = random.Random(seed)
    year_ms = 365 * load.DAY_MS

    def by_time() -> Any:
        from_ms = now_ms - chance.randrange(1, 5 * year_ms)
        return services.alarms.search(from_ms=from_ms, until_ms=from_ms + 7 * load.DAY_MS)

    def by_kind_and_time() -> Any:
        from_ms = now_ms - chance.randrange(1, 5 * year_ms)
        return services.alarms.search(kind=chance.choice(load.KINDS), from_ms=from_ms, until_ms=from_ms + year_ms)

    asked: list[tuple[str, float, Callable[[], Any]]] = [
        ("open queue", 50, services.alarms.queue),
        ("search by person", 200, lambda: services.alarms.search(person=f"M{chance.randrange(2000)}")),
        ("search by kind and time", 200, by_kind_and_time),
        ("search by time", 200, by_time),
        (
            "search by person and kind",
            200,
            lambda: services.alarms.search(person=f"P{chance.randrange(2000)}", kind=chance.choice(load.KINDS)),
        ),
    ]
    figures = []
    for what, limit, ask in asked:
        took = []
        for _ in range(size.queries):
            start = time.perf_counter()
            ask()
            took.append(1000 * (time.perf_counter() - start))
        label = f"{name}: {size.history:,} alarms in history, {what}, p95"
        figures.append(at_most(label, _p(took, 95), limit, "ms", median_ms=_p(took, 50), filled_s=round(filled_s, 1)))
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
        kept = [line for line, _ in zip(lines(connection), range(100), strict=False)]
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
        figures = _live(name, address, token, services, seed, size)
        figures += _tamper(name, services, seed, size)
        figures += _ingest(name, address, token, seed, size)
        figures += _history(name, services, seed, size)
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
        if machine.find_postgres() is None:
            figures.append(Figure("PostgreSQL", None, "", "measured too", False, {"reason": "no PostgreSQL here"}))
        else:
            server = stack.enter_context(postgres.running(durable=True))
            figures += _measure("PostgreSQL", server.fresh(), folder / "postgresql", seed, size)
    return Report("backend", seed, {**vars(size), "durable": True, "consoles": CONSOLES}, tuple(figures))
