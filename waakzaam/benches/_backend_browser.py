"""Figures of the console, each in a real Chromium: what an operator sees, how soon, and with how many keys."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page

from alarm_backend.clocks import real_clock_ms
from alarm_backend.console.catalogue import LANGUAGES
from alarm_backend.console.libraries import FOLDER
from alarm_backend.console.page_frame import LANGUAGE_COOKIE, THEME_COOKIE, THEMES
from alarm_backend.services import Services
from alarm_backend.time_text import to_text
from waakzaam.benches import _backend_load as load
from waakzaam.benches.report import Figure, at_most
from waakzaam.rigs.chromium import AXE, PAGES, WATCH_ROWS, painted
from waakzaam.rigs.cut_line import Line, line_to

CONSOLES = 10
ALARMS_PER_MIN = 200
CUTS = 2
"""How often the line of each console is cut while alarms arrive."""
ARRIVE_S = 30.0
PAGE_BYTES_MAX = 600_000
FIRST_PAINT_MS_MAX = 1_000


def _orders(count: int) -> dict[str, Any]:
    """The orders that the load's alarms are about."""
    shared = {
        "version": 1,
        "mandate_kind": "sentence_execution",
        "timezone": "Europe/Brussels",
        "valid_from": "2020-01-01T00:00:00Z",
        "valid_until": "2040-01-01T00:00:00Z",
        "proximity": {"alert_distance_m": 1000, "prealert_distance_m": 2000},
        "zones": [],
    }
    orders = [
        {
            **shared,
            "order_id": f"VL-2026-{number:04d}",
            "monitored": {"person_id": f"M{number}", "device_id": f"trk-m{number}"},
            "protected": [{"person_id": f"P{number}", "device_id": f"trk-p{number}"}],
        }
        for number in range(count)
    ]
    return {"schema": "waakzaam.orders/1", "orders": orders}


def _positions(count: int, now_ms: int, chance: random.Random) -> list[dict[str, Any]]:
    """Ten positions of each party over the last minutes, somewhere in Flanders."""
    found = []
    for number in range(count):
        lon, lat = chance.uniform(3.2, 5.4), chance.uniform(50.8, 51.2)
        for role, letter in (("monitored", "m"), ("protected", "p")):
            found += [
                {
                    "device_id": f"trk-{letter}{number}",
                    "order_id": f"VL-2026-{number:04d}",
                    "person_id": f"{letter.upper()}{number}",
                    "role": role,
                    "fix_time": to_text(now_ms - ago * 30_000),
                    "lat": lat + chance.gauss(0, 0.003),
                    "lon": lon + chance.gauss(0, 0.003),
                    "horizontal_accuracy_m": 8.0,
                    "speed_m_s": 1.2,
                    "course_deg": 90.0,
                }
                for ago in range(10, 0, -1)
            ]
    return found


class Centre:
    """A running backend: its address, its gateway's token and the services on the same database."""

    def __init__(self, address: str, token: str, services: Services, seed: int) -> None:
        self.address = address
        self.port = int(address.rsplit(":", 1)[1])
        self.services = services
        self.gateway = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"})
        self._chance = random.Random(seed)
        self._number = (seed << 40) + (1 << 36)
        self.gateway.put("/api/v1/orders", json=_orders(load.ORDERS), timeout=60).raise_for_status()
        positions = _positions(load.ORDERS, real_clock_ms(), self._chance)
        for start in range(0, len(positions), 500):
            batch = {"positions": positions[start : start + 500]}
            self.gateway.post("/api/v1/positions", json=batch, timeout=60).raise_for_status()

    def raise_alarm(self, alarm_id: str | None = None, **facts: Any) -> tuple[str, float]:
        """(alarm, Unix ms at which its post began)."""
        self._number += 1
        item = load.transition(self._number, self._chance, real_clock_ms()) | facts
        if alarm_id is not None:
            item |= {"alarm_id": alarm_id, "idempotency_key": f"{alarm_id}:raised"}
        began_ms = time.time() * 1000
        self.gateway.post("/api/v1/transitions", json={"transitions": [item]}).raise_for_status()
        return item["alarm_id"], began_ms

    def cookies(self, username: str) -> httpx.Cookies:
        """A session of this operator, who is added when not there yet."""
        if all(user.username != username for user in self.services.auth.users()):
            self.services.auth.add_user(username, username, "operator", None, "bench")
        link = self.services.auth.new_login_link(username, "bench")
        return httpx.get(f"{self.address}/sign-in/{link}").cookies

    def context(self, browser: Browser, username: str, **options: Any) -> BrowserContext:
        """A browser in which this operator is signed in."""
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="nl-BE", **options)
        for name, value in self.cookies(username).items():
            context.add_cookies([{"name": name, "value": value, "url": self.address}])
        return context


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def _consoles(browser: Browser, centre: Centre) -> Iterator[list[tuple[Page, Line]]]:
    """Ten consoles, each with its own operator and its own line, live and with the map drawn."""
    with ExitStack() as stack:
        opened = []
        for number in range(CONSOLES):
            line = stack.enter_context(line_to(centre.port))
            context = centre.context(browser, f"operator{number}")
            stack.callback(context.close)
            page = context.new_page()
            page.add_init_script(WATCH_ROWS)
            page.goto(line.address + "/")
            opened.append((page, line))
        for page, _ in opened:
            page.wait_for_selector('[data-chip="stream"][data-health="good"]', timeout=60_000)
            page.wait_for_selector("[data-map-ready]", timeout=120_000, state="attached")
        yield opened


def live(name: str, browser: Browser, centre: Centre, seconds: float) -> list[Figure]:
    """Alarm posted to painted, and what a forced reconnect misses."""
    with _consoles(browser, centre) as consoles:
        posted: dict[str, float] = {}
        start = time.monotonic()
        for number in range(max(10, round(seconds * ALARMS_PER_MIN / 60))):
            time.sleep(max(0.0, start + number * 60 / ALARMS_PER_MIN - time.monotonic()))
            alarm_id, began_ms = centre.raise_alarm()
            posted[alarm_id] = began_ms
        _wait(lambda: all(_holds(page, posted) for page, _ in consoles), ARRIVE_S)
        waits, unseen = [], 0
        for page, _ in consoles:
            times = painted(page)
            for alarm_id, began_ms in posted.items():
                at = times.get(alarm_id)
                if at is None:
                    unseen += 1
                else:
                    waits.append(at - began_ms)
        missed = dict(posted)
        for _ in range(CUTS):
            for _, line in consoles:
                line.cut()
                missed.update(centre.raise_alarm() for _ in range(2))
                line.mend()
        _wait(lambda: all(_holds(page, missed) for page, _ in consoles), ARRIVE_S)
        absent = sum(alarm_id not in painted(page) for page, _ in consoles for alarm_id in missed)
    return [
        at_most(
            f"{name}: alarm posted to painted in Chromium, {CONSOLES} consoles with maps, p99",
            load.percentile(waits, 99),
            500,
            "ms",
            median_ms=load.percentile(waits, 50),
            max_ms=max(waits, default=float("nan")),
            alarms=len(posted),
            per_minute=ALARMS_PER_MIN,
            not_painted=unseen,
        ),
        at_most(
            f"{name}: alarms missed by a console over forced reconnects",
            absent + unseen,
            0,
            "alarms",
            alarms=len(missed),
            reconnects=CUTS * CONSOLES,
        ),
    ]


def _holds(page: Page, alarms: dict[str, float]) -> bool:
    times = painted(page)
    return all(times.get(alarm_id) is not None for alarm_id in alarms)


def _press_until(page: Page, keys: list[str], done: Callable[[], bool]) -> float:
    """How many of the keys it took; NaN when all of them did not do it."""
    for pressed, key in enumerate(keys, 1):
        page.keyboard.press(key)
        if key == "p":  # an operator sees the form before pressing on
            page.wait_for_selector('[data-act-form="police"]', state="visible")
        if _wait(done, 3.0 if pressed == len(keys) else 0.3):
            return pressed
    return float("nan")


def keys(name: str, browser: Browser, centre: Centre) -> list[Figure]:
    """Keys from an alarm that appears to acknowledged, and to the police notified."""
    figures = []
    context = centre.context(browser, "fingers")
    page = context.new_page()
    worst = {"kind": "panic", "level": "critical", "probability": 1.0, "distance_m": 1.0}
    for what, pressed, limit in (("acknowledged", ["a"], 1), ("police notified", ["p", "Enter"], 3)):
        page.goto(centre.address + "/")
        page.wait_for_selector('[data-chip="stream"][data-health="good"]')
        alarm_id, _ = centre.raise_alarm(f"keys-{what.split()[0]}", **worst)
        page.wait_for_selector(f'[data-alarm-id="{alarm_id}"] [aria-current="true"]')

        def acknowledged(alarm_id: str = alarm_id) -> bool:
            return centre.services.alarms.get(alarm_id).state == "acknowledged"

        def notified(alarm_id: str = alarm_id) -> bool:
            return any(step.transition == "step_notify_police" for step in _history(centre, alarm_id))

        done = acknowledged if what == "acknowledged" else notified
        figures.append(at_most(f"{name}: keys to {what}", _press_until(page, pressed, done), limit, "keys"))
        centre.services.alarms.take(alarm_id, _operator(centre))
    context.close()
    return figures


def _history(centre: Centre, alarm_id: str) -> list[Any]:
    return list(centre.services.alarms.detail(alarm_id).transitions)


def _operator(centre: Centre) -> Any:
    return next(user for user in centre.services.auth.users() if user.username == "fingers")


def accessibility(name: str, browser: Browser, centre: Centre) -> list[Figure]:
    """axe-core on every page, in every language and theme."""
    centre.raise_alarm("alarm-1")
    # axe is injected past the page's own policy, which forbids just that.
    context = centre.context(browser, "reader", bypass_csp=True, reduced_motion="reduce")
    page = context.new_page()
    page.add_init_script(path=str(FOLDER / "axe.js"))
    found: dict[str, list[str]] = {}
    checked = 0
    for language in LANGUAGES:
        for theme in THEMES:
            for cookie, value in ((LANGUAGE_COOKIE, language), (THEME_COOKIE, theme)):
                context.add_cookies([{"name": cookie, "value": value, "url": centre.address}])
            for path in PAGES:
                page.goto(centre.address + path)
                page.wait_for_selector(f'html[lang="{language}"][data-theme="{theme}"]', state="attached")
                checked += 1
                violations = page.evaluate(AXE)
                if violations:
                    found[f"{path} {language} {theme}"] = [rule for rule, _ in violations]
    context.close()
    total = sum(len(rules) for rules in found.values())
    return [at_most(f"{name}: axe-core violations", total, 0, "violations", pages=checked, found=found)]


def weight(name: str, browser: Browser, centre: Centre) -> list[Figure]:
    """What the console costs a browser that has never seen it."""
    bytes_seen, paints = [], []
    for _ in range(3):
        with line_to(centre.port) as line:
            context = centre.context(browser, "newcomer")
            page = context.new_page()
            page.goto(line.address + "/")
            page.wait_for_selector("[data-map-ready]", state="attached", timeout=60_000)
            page.wait_for_function("document.fonts.status === 'loaded'")
            bytes_seen.append(line.received_bytes)
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            context.close()
    return [
        at_most(f"{name}: console, bytes transferred", max(bytes_seen), PAGE_BYTES_MAX, "bytes", loads=bytes_seen),
        at_most(f"{name}: console, first contentful paint, cold", max(paints), FIRST_PAINT_MS_MAX, "ms", loads=paints),
    ]
