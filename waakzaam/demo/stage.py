"""Runs the demo: broker, backend, gateway, boards; plays the story; collects what was seen and measured."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from firmware.wire.record import SERIAL_PREFIX
from waakzaam import __version__, clock
from waakzaam.demo import summary
from waakzaam.demo.bracelet import Bracelet, DrinkTest
from waakzaam.demo.processes import DemoFailed, Processes, free_port, listening, wait_until
from waakzaam.demo.scene import Scene, make_scene
from waakzaam.demo.trackers import Trackers
from waakzaam.demo.watcher import Sighting, Watcher

HOST = "127.0.0.1"
OPERATOR = "operator"
ALARM_SETTLE_S = 10.0
DRINK_TIMEOUT_S = 180.0
POLL_S = 0.1
Say = Callable[[str], None]


@dataclass(frozen=True)
class Choices:
    """What the person who starts the demo may choose."""

    seconds: float
    lead_s: float
    broker_kind: str
    console_port: int


@dataclass
class Outcome:
    """What the demo saw."""

    sightings: list[Sighting] = field(default_factory=list)
    drink: DrinkTest | None = None
    trackers: list[dict[str, Any]] = field(default_factory=list)
    fed_ms: dict[str, dict[int, int]] = field(default_factory=dict)
    runtime: str = ""
    stream_reconnects: int = 0
    failures: list[str] = field(default_factory=list)


class Stage:
    """Everything that runs during the demo; ends all of it when the `with` block ends."""

    def __init__(self, folder: Path, choices: Choices, say: Say) -> None:
        self._choices = choices
        self._say = say
        self._folder = folder
        self._scene = make_scene(folder)
        self._broker_port = free_port()
        self.console = f"http://{HOST}:{choices.console_port}"
        self._processes = Processes(folder, {})
        say("making the boards: firmware as bytecode on flash, keys, calibration")
        self._trackers = Trackers(self._scene, (HOST, self._broker_port))
        self._bracelet = Bracelet(self._scene, say)
        self._watcher: Watcher | None = None
        self._drink_thread = threading.Thread(target=self._test_a_drink, name="drink", daemon=True)
        self._outcome = Outcome(runtime=self._bracelet.board.runtime)

    def _command(self, *arguments: str) -> str:
        """Run a `waakzaam` command to its end; its stdout."""
        environment = {**os.environ, **self._processes.environment}
        command = [sys.executable, "-m", "waakzaam", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode != 0:
            raise DemoFailed(f"waakzaam {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def login_link(self) -> str:
        """A link that signs the demo's operator in once."""
        data = str(self._folder / "backend")
        return self._command("backend", "login-link", "--data", data, "--base-url", self.console, OPERATOR)

    def set_up(self) -> None:
        """Servers up, boards booted, everything connected; a faster clock runs."""
        choices, scene = self._choices, self._scene
        self._say(f"starting the broker ({choices.broker_kind}), the backend and the gateway")
        broker = ["broker", "--kind", choices.broker_kind, "--port", str(self._broker_port)]
        self._processes.start("broker", broker, lambda: listening(HOST, self._broker_port))
        data = str(self._folder / "backend")
        self._command("backend", "user", "add", "--data", data, "--role", "operator", "--no-password", OPERATOR)
        # From here a faster clock runs, and the servers live by it.
        self._scene = scene = scene.faster(choices.seconds)
        self._processes.environment[clock.VARIABLE] = scene.clock.to_environment()
        shared = ["--orders", str(scene.orders_file), "--keys", str(scene.keys_file)]
        shared += ["--token-file", str(scene.token_file)]
        backend = ["backend", "--data", data, "--port", str(choices.console_port), *shared]
        self._processes.start("backend", backend, lambda: _answers(f"{self.console}/health"))
        gateway = ["gateway", "--data", str(self._folder / "gateway"), *shared]
        gateway += ["--broker", f"{HOST}:{self._broker_port}", "--backend", self.console]
        self._processes.start("gateway", gateway, lambda: True)
        with httpx.Client(follow_redirects=True) as client:
            client.get(self.login_link()).raise_for_status()
            self._watcher = Watcher(f"{self.console}/events", client.cookies)
        self._watcher.start()
        self._bracelet.start()

    def play(self) -> None:
        """The trackers begin their story `lead_s` from now, the bracelet is handed a strip."""
        self._trackers.switch_on()
        self._scene = self._scene.beginning_in(self._choices.lead_s)
        self._trackers.play(self._scene)
        self._drink_thread.start()

    def _test_a_drink(self) -> None:
        try:
            self._outcome.drink = drink = self._bracelet.test_a_drink()
            self._hand_over(drink.record_line)
            if drink.tell["verdict"] == "invalid":
                strips = f"{drink.attempts} strips" if drink.attempts > 1 else "its strip"
                self._outcome.failures.append(f"bracelet: no verdict from {strips}: {drink.tell['reason']}")
        except Exception as error:  # told in the summary: a drink test that did not come about is a failure of the demo
            self._outcome.failures.append(f"bracelet: {error}")

    def _hand_over(self, line: str) -> None:
        """The wearer chose to send the record: serial line → backend."""
        token = self._scene.token_file.read_text(encoding="utf-8").strip()
        answer = httpx.post(
            f"{self.console}/api/v1/field-tests",
            json={"records": [line.removeprefix(SERIAL_PREFIX)]},
            headers={"Authorization": f"Bearer {token}"},
        )
        answer.raise_for_status()
        result = answer.json()["results"][0]
        if result["status"] != "stored":
            raise DemoFailed(f"the backend did not store the drink test: {result}")

    def check(self) -> None:
        """Raise DemoFailed when a part has died."""
        self._processes.check()
        if self._trackers.failure is not None:
            raise DemoFailed(f"the story stopped: {self._trackers.failure}")

    @property
    def story_over(self) -> bool:
        return self._trackers.finished

    def wait(self) -> None:
        """Until the story is over and its alarms have settled; raise DemoFailed when a part dies."""
        while not self.story_over:
            self.check()
            time.sleep(POLL_S)
        self.check()
        self._drink_thread.join(DRINK_TIMEOUT_S)
        wait_until_quiet(self._watcher)

    def collect(self) -> dict[str, Any]:
        """The demo's document."""
        if self._watcher is not None:
            self._outcome.sightings = self._watcher.sightings()
            self._outcome.stream_reconnects = self._watcher.reconnects
        self._outcome.trackers = [tracker.start_line() for tracker in self._trackers.all]
        self._outcome.fed_ms = {tracker.device_id: tracker.fed_ms for tracker in self._trackers.all}
        return document(self._outcome, self._choices, self._scene)

    @property
    def drink(self) -> DrinkTest | None:
        """The drink test, once its verdict was told."""
        return self._outcome.drink

    def sightings(self) -> list[Sighting]:
        """What the console has seen so far."""
        return self._watcher.sightings() if self._watcher is not None else []

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        self._trackers.stop()
        self._bracelet.stop()
        self._processes.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1.0).status_code == 200
    except httpx.HTTPError:
        return False


def wait_until_quiet(watcher: Watcher | None) -> None:
    """Until no new alarm has been seen for two seconds, for at most ALARM_SETTLE_S."""
    if watcher is None:
        return
    deadline = time.monotonic() + ALARM_SETTLE_S

    def quiet() -> bool:
        alarms = watcher.sightings("alarm")
        idle_ms = clock.wall_ms() - (alarms[-1].seen_ms if alarms else 0)
        return idle_ms > 2000 or time.monotonic() > deadline

    wait_until(quiet, ALARM_SETTLE_S + 5, "the last alarms")


def document(outcome: Outcome, choices: Choices, scene: Scene) -> dict[str, Any]:
    """The demo as one JSON document."""
    drink = outcome.drink
    start = drink.start if drink else {}
    return {
        "schema": "waakzaam.demo/1",
        "version": __version__,
        "machine": {"cpus": os.cpu_count(), "python": sys.version.split()[0]},
        "broker": choices.broker_kind,
        "story": {"seconds": scene.story.duration_s, "times_real_time": round(scene.clock.rate, 2)},
        "firmware_runtime": outcome.runtime if outcome.runtime == "vm" else "cpython (no MicroPython VM here)",
        "trackers": [
            {name: told.get(name) for name in ("device_id", "implementation", "heap_free_bytes")}
            for told in outcome.trackers
        ],
        **summary.alarm_figures(outcome.sightings),
        "seconds_from_receiver_to_console": summary.receiver_to_console(outcome.sightings, outcome.fed_ms),
        "event_stream_reconnects": outcome.stream_reconnects,
        "drink": {
            "verdict": drink.tell.get("verdict") if drink else None,
            "reason": drink.tell.get("reason") if drink else "; ".join(outcome.failures) or "no test",
            "told": drink.tell.get("text") if drink else None,
            "strips_used": drink.attempts if drink else 0,
            "seconds_from_strip_to_verdict": round(drink.seconds, 1) if drink and drink.seconds else None,
            "implementation": " ".join(str(start.get(name, "")) for name in ("implementation", "machine")).strip(),
            "heap_free_bytes_at_start": start.get("heap_free"),
            "heap_free_bytes_min": drink.finished.get("heap_free_min") if drink else None,
            "stored_by_backend": any(sighting.name == "field_test" for sighting in outcome.sightings),
        },
        "failures": outcome.failures,
    }
