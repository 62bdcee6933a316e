"""The bracelet's deep sleep in the VM: is it entered with every chip at rest, and how long do it and a wake-up take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from waakzaam.rigs.bracelet_board import BraceletBoard

SLEEP_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Slept:
    """Seconds on the board's clock from a wake-up on: of a glance for nothing, until it sleeps again; of a strip, until
    it waits for the drink. And what was not at rest."""

    glance_s: float
    ready_s: float
    not_at_rest: tuple[str, ...]


def measured(folder: Path, calibration: Path) -> Slept:
    """Sleep, a raised wrist and sleep, a strip; with the settings of the factory."""
    (folder / "sleep").mkdir()
    wearer = BraceletBoard(folder / "sleep", calibration, watch_heap=False)
    world, board = wearer.world, wearer.board
    with board:
        board.wait_event("deepsleep", SLEEP_TIMEOUT_S)
        awake = {
            name: chip.power.state
            for name, chip, at_rest in (
                ("AD5941", world.afe, "hibernate"),
                ("AS7341", world.spectrometer, "sleep"),
                ("DRV2605L", world.haptics, "off"),
                ("LIS3DH", world.accelerometer, "10 Hz low"),
            )
            if chip.power.state != at_rest
        }
        not_at_rest = [f"{name}: {state}" for name, state in awake.items()] + wearer.said("sleep")["not_at_rest"]
        world.raise_wrist()
        board.wait_event("deepsleep", SLEEP_TIMEOUT_S, 2)
        world.insert_strip()
        ready = wearer.said("state", to="await_wetting")
        tired = wearer.said("state", times=2, to="standby")
    return Slept(tired["at_ms"] / 1000.0, ready["at_ms"] / 1000.0, tuple(not_at_rest))
