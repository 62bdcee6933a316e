"""The demo's two trackers: real firmware on virtual boards, fed by the story's receiver, and what happens to them."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from firmware.tracker.config import SCHEMA as CONFIG_SCHEMA
from simulators.gnss.player import ReceiverError, epochs
from simulators.gnss.story import MONITORED_DEVICE, PROTECTED_DEVICE
from simulators.gnss.tracks import Track
from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.tracker_world import TrackerWorld, files
from waakzaam import machine
from waakzaam.clock import wall_ms
from waakzaam.demo.scene import Scene

CONNECT_TIMEOUT_S = 90
EPOCH_WALL_S = 0.25  # a receiver epoch this often on the real clock, whatever the story's pace


@dataclass
class Tracker:
    """One tracker board with its world and its track."""

    device_id: str
    board: VirtualBoard
    world: TrackerWorld
    track: Track
    seed: int
    fed_ms: dict[int, int] = field(default_factory=dict)  # fix time as NMEA tells it (10 ms) -> real clock

    def start_line(self) -> dict[str, Any]:
        """What the firmware told of itself at its start."""
        for line in self.board.console.lines():
            if line.startswith("{") and '"told": "started"' in line:
                told: dict[str, Any] = json.loads(line)
                return told
        return {}


def _tracker(scene: Scene, device_id: str, track: Track, seed: int, broker: tuple[str, int]) -> Tracker:
    world = TrackerWorld()
    flash = scene.folder / f"{device_id}.flash"
    board = VirtualBoard(flash, firmware_root=machine.ROOT / "firmware", peripherals=world.peripherals)
    host, port = broker
    key = scene.keys[device_id]
    settings = {"schema": CONFIG_SCHEMA, "device_id": device_id, "key": key, "broker_host": host, "broker_port": port}
    board.storage.write(files(settings))
    return Tracker(device_id, board, world, track, seed)


class Trackers:
    """Both trackers; plays the story in a thread of its own."""

    def __init__(self, scene: Scene, broker: tuple[str, int]) -> None:
        self._scene = scene
        self.all = (
            _tracker(scene, MONITORED_DEVICE, scene.story.monitored, 11, broker),
            _tracker(scene, PROTECTED_DEVICE, scene.story.protected, 12, broker),
        )
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._play, name="story", daemon=True)
        self.failure: BaseException | None = None

    def switch_on(self) -> None:
        """Boot both boards; returns when they are connected to the broker."""
        for tracker in self.all:
            tracker.board.start()
        for tracker in self.all:
            tracker.board.console.wait('"told": "connected"', CONNECT_TIMEOUT_S)

    def play(self, scene: Scene) -> None:
        """Begin the story by the clock of that scene."""
        self._scene = scene
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(10)
        for tracker in self.all:
            tracker.board.stop()

    @property
    def finished(self) -> bool:
        """Whether the story is over."""
        return not self._thread.is_alive()

    def _play(self) -> None:
        try:
            self._play_story()
        except BaseException as error:  # shown by the demo, which watches this
            self.failure = error

    def _play_story(self) -> None:
        rate = self._scene.clock.rate
        happenings: list[tuple[int, int, Any]] = []
        for number, tracker in enumerate(self.all):
            error = ReceiverError(tracker.seed)
            for time_ms, _, sentences in epochs(tracker.track, self._scene.start_ms, EPOCH_WALL_S * rate, error):
                t_s = (time_ms - self._scene.start_ms) / 1000
                happenings.append((self._scene.wall_ms_at(t_s), number, (time_ms, sentences)))
        for event in self._scene.story.events:
            number = [tracker.device_id for tracker in self.all].index(event.device_id)
            happenings.append((self._scene.wall_ms_at(event.t_s), number, event.kind))
        off: set[int] = set()
        for due_ms, number, what in sorted(happenings, key=lambda h: h[0]):
            if self._ended.wait(max(0.0, (due_ms - wall_ms()) / 1000)):
                return
            tracker = self.all[number]
            if number in off:
                continue
            if what == "power_off":
                tracker.board.power_cut()
                off.add(number)
            elif what == "strap_cut":
                tracker.world.cut_strap()
            elif what == "panic":
                tracker.world.hold_panic()
            else:
                time_ms, sentences = what
                tracker.fed_ms[time_ms // 10 * 10] = time.time_ns() // 1_000_000
                tracker.world.receiver.feed(sentences)
