"""The demo's scene on disk: story, orders, device keys, tokens, calibration; everything made anew in one folder."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from simulators.gnss.story import MONITORED_DEVICE, PROTECTED_DEVICE, Story, contact_story
from waakzaam import machine
from waakzaam.clock import ScaledClock, wall_ms

BRACELET_DEVICE = "brc-01"
DRINK, SPIKE = "cola", {"ketamine": 3.0e-3}
DRINK_VOLUME_ML = 330


@dataclass(frozen=True)
class Scene:
    """Where the demo's files are, and the story they tell."""

    folder: Path
    story: Story
    start_ms: int
    clock: ScaledClock
    keys: dict[str, str]

    @property
    def orders_file(self) -> Path:
        return self.folder / "orders.json"

    @property
    def keys_file(self) -> Path:
        return self.folder / "keys.json"

    @property
    def token_file(self) -> Path:
        return self.folder / "gateway.token"

    def wall_ms_at(self, t_s: float) -> int:
        """The real clock's Unix ms at a moment of the story."""
        return self.clock.wall_start_ms + round((self.start_ms + t_s * 1000 - self.clock.anchor_ms) / self.clock.rate)

    def faster(self, seconds: float) -> Scene:
        """The scene with a clock that runs from now on and plays the story in so many real seconds."""
        now_ms = wall_ms()
        return replace(self, clock=ScaledClock(now_ms, now_ms, self.story.duration_s / seconds))

    def beginning_in(self, lead_s: float) -> Scene:
        """The scene with its story beginning `lead_s` real seconds from now."""
        return replace(self, start_ms=self.clock.now_ms() + round(lead_s * 1000 * self.clock.rate))


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def make_scene(folder: Path) -> Scene:
    """Lay down everything that the processes and the boards read. The story begins at the present hour and minute."""
    start_ms = wall_ms()
    story = contact_story(machine.ROOT / "data" / "tracks", start_ms)
    keys = {device: secrets.token_hex(32) for device in (MONITORED_DEVICE, PROTECTED_DEVICE, BRACELET_DEVICE)}
    scene = Scene(folder, story, start_ms, ScaledClock(start_ms, start_ms, 1.0), keys)
    scene.orders_file.write_text(json.dumps(story.orders, indent=2), encoding="utf-8")
    _write_private(scene.keys_file, json.dumps({"schema": "waakzaam.keys/1", "keys": keys}, indent=2))
    _write_private(scene.token_file, secrets.token_urlsafe(32) + "\n")
    return scene
