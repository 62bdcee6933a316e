"""What `waakzaam board` puts around a board, and what a person can do to it from the command line."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from firmware.wire.record_link import CONTROL
from simulators.gnss.player import ReceiverError, epochs
from simulators.gnss.story import MONITORED_DEVICE, PROTECTED_DEVICE, StoryEvent, contact_story
from simulators.gnss.tracks import TrackUnreadable
from simulators.strip.chemistry import UnknownSubstance, concentration_mol_l, doses_mg, drink, drinks, load_strip
from simulators.virtual_board import bracelet_world, tracker_world
from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.events import BoardTimeout
from simulators.virtual_board.peripherals import Peripherals
from simulators.virtual_board.radio import LinkError
from waakzaam import clock, machine, provisioning, record_fetch
from waakzaam.exits import BadInput

VOLUME_ML = 330.0
DOSE_MOST_MG = 100_000.0  # no glass dissolves more
STRIPS = machine.ROOT / "sensor_models" / "strips"
STATE_TIMEOUT_S = 120.0
HOLD_S_MAX = 20.0
MTU_OF_PHONES = 247


class World(Protocol):
    """The surroundings of one kind of board."""

    peripherals: Peripherals

    def files(self) -> dict[str, bytes | str]: ...
    def begin(self, made: VirtualBoard) -> None: ...
    def acts(self) -> dict[str, Callable[[], None]]: ...
    def end(self) -> None: ...


def _drink_of(play: str) -> tuple[str, dict[str, float]]:
    """`lager` or `lager+ketamine=75`: the drink and what is in it (mol/L in 330 mL)."""
    name, plus, drug = play.partition("+")
    try:
        drink(name)
    except (UnknownSubstance, KeyError):
        raise BadInput("--play", f"no drink {name!r}", "there are: " + ", ".join(drinks())) from None
    if not plus:
        return name, {}
    drug, _, amount = drug.partition("=")
    if drug not in doses_mg():
        raise BadInput("--play", f"no drug {drug!r}", "there are: " + ", ".join(doses_mg()))
    try:
        dose_mg = float(amount) if amount else doses_mg()[drug][0]
    except ValueError:
        dose_mg = -1.0
    if not 0.0 <= dose_mg <= DOSE_MOST_MG:
        raise BadInput("--play", f"{amount!r} is not a dose in milligrams")
    return name, {drug: concentration_mol_l(drug, dose_mg, VOLUME_ML)}


def _strip_of(calibration: Path | None) -> Path | None:
    """The definition of the voltammetric strip that a calibration is of; None when it is none of the product's."""
    if calibration is None:
        return None
    document = json.loads(calibration.read_text(encoding="utf-8"))
    file = STRIPS / f"{document.get('strip', '')}.toml"
    return file if document.get("technique") == "swv" and file.is_file() else None


class Bracelet:
    """A bracelet, strips of the kind that its calibration is of, and a drink."""

    def __init__(self, config: dict[str, Any] | None, calibration: Path | None, play: str, seed: int) -> None:
        strip = _strip_of(calibration)
        if config is None:
            # A device key that nobody else knows: such a board's records prove nothing outside.
            name, key = f"brc-virtual-{seed}", os.urandom(32).hex()
            settings = (
                {"device_id": name, "key": key} if strip is None else (provisioning.bracelet_settings(name, key, strip))
            )
            config = {**settings, "language": "en"}
        self._config = config
        self._calibration = calibration
        self._drink = _drink_of(play or "lager")
        self._lot = config.get("strip_lot") or "L1"
        self._play = bool(play)
        self._world = bracelet_world.BraceletWorld(seed=seed, strip=None if strip is None else load_strip(strip))
        self.peripherals = self._world.peripherals

    def files(self) -> dict[str, bytes | str]:
        return bracelet_world.files(self._config, self._calibration)

    _board: VirtualBoard | None = None

    def begin(self, made: VirtualBoard) -> None:
        self._board = made
        if self._play:
            threading.Thread(target=self._whole_test, args=(made,), daemon=True).start()

    def _whole_test(self, made: VirtualBoard) -> None:
        """Strip in, dip when the bracelet waits for it, strip out when it has told its verdict."""
        try:
            made.console.wait('"start"', STATE_TIMEOUT_S)
            self._world.insert_strip()
            made.console.wait('"await_wetting"', STATE_TIMEOUT_S)
            self._dip()
            made.console.wait('"finished"', STATE_TIMEOUT_S)
            self._world.remove_strip()
        except BoardTimeout as error:
            print(f"board: the played test stopped: {error}", flush=True)

    def _dip(self) -> None:
        self._world.dip(*self._drink, lot=self._lot)

    def _hold(self) -> None:
        threading.Thread(target=self._hold_until_heard, daemon=True).start()

    def _hold_until_heard(self) -> None:
        """Hold the button until the bracelet shows that its radio is on."""
        if self._board is None:
            return
        mark = self._board.console.mark()
        self._world.press()
        try:
            self._board.console.wait('"on": true', HOLD_S_MAX, mark)
        except BoardTimeout:
            print("board: the radio did not go on: a test is under way, or /config.json forbids it", flush=True)
        finally:
            self._world.let_go()

    def _fetch(self) -> None:
        threading.Thread(target=self._fetch_by_radio, daemon=True).start()

    def _fetch_by_radio(self) -> None:
        """Be the phone: connect, read every record, print them as the serial port would."""
        found = record_fetch.Fetch()
        try:
            link = self.peripherals.radio.connect()
            link.pair()
            link.exchange_mtu(MTU_OF_PHONES)
            record_fetch.over(link, CONTROL, found)
        except (LinkError, record_fetch.FetchFailed) as error:
            print(f"board: the radio link ended: {error}", flush=True)
        for line in found.records:
            print(line, flush=True)
        print(f"board: fetched {len(found.records)} records by Bluetooth", flush=True)

    def acts(self) -> dict[str, Callable[[], None]]:
        return {
            "button": self._world.press,
            "let go": self._world.let_go,
            "strip in": self._world.insert_strip,
            "dip": self._dip,
            "strip out": self._world.remove_strip,
            "piece in": self._world.insert_piece,
            "piece out": self._world.remove_piece,
            "wrist": self._world.raise_wrist,
            "hold": self._hold,
            "fetch": self._fetch,
        }

    def end(self) -> None:
        """Nothing of its own is running."""


class Tracker:
    """A tracker on the monitored or the protected person of the story."""

    def __init__(self, config: dict[str, Any] | None, play: str, play_from_ms: int, seed: int) -> None:
        if play not in ("", "monitored", "protected"):
            raise BadInput("--play", f"{play!r} is not monitored or protected")
        self._clock_ms = clock.from_environment()
        self._config = config
        self._world = tracker_world.TrackerWorld(self._clock_ms)
        self.peripherals = self._world.peripherals
        self._timetables: list[tracker_world.Timetable] = []
        if play:
            self._plan(play, play_from_ms or self._clock_ms() + 2000, seed)

    def _plan(self, who: str, start_ms: int, seed: int) -> None:
        try:
            story = contact_story(machine.ROOT / "data" / "tracks", start_ms)
        except TrackUnreadable as error:
            raise BadInput("data/tracks", str(error)) from None
        track, device = (
            (story.monitored, MONITORED_DEVICE) if who == "monitored" else (story.protected, PROTECTED_DEVICE)
        )

        def reception() -> Iterator[tuple[int, Callable[[], object]]]:
            for time_ms, _, sentences in epochs(track, start_ms, 1.0, ReceiverError(seed)):
                yield time_ms, partial(self._world.receiver.feed, sentences)

        def deeds() -> Iterator[tuple[int, Callable[[], object]]]:
            for event in story.events:
                if event.device_id == device:
                    yield start_ms + round(event.t_s * 1000), partial(self._do, event)

        self._timetables = [
            tracker_world.Timetable(self._clock_ms, reception()),
            tracker_world.Timetable(self._clock_ms, deeds(), late_ms_max=60_000),
        ]

    def _do(self, event: StoryEvent) -> None:
        {"panic": self._panic, "strap_cut": self._world.cut_strap, "power_off": self._switch_off}[event.kind]()

    def _panic(self) -> None:
        self._world.hold_panic()
        timer = threading.Timer(tracker_world.PANIC_HOLD_S, self._world.release_panic)
        timer.daemon = True
        timer.start()

    def _switch_off(self) -> None:
        if self._board is not None:
            self._board.power_cut()

    _board: VirtualBoard | None = None

    def files(self) -> dict[str, bytes | str]:
        if self._config is None:
            return {"/main.py": tracker_world.MAIN}
        return tracker_world.files(self._config)

    def begin(self, made: VirtualBoard) -> None:
        self._board = made
        for timetable in self._timetables:
            timetable.start()

    def acts(self) -> dict[str, Callable[[], None]]:
        return {
            "panic": self._panic,
            "strap cut": self._world.cut_strap,
            "strap closed": self._world.close_strap,
            "case open": self._world.open_case,
        }

    def end(self) -> None:
        for timetable in self._timetables:
            timetable.stop()
