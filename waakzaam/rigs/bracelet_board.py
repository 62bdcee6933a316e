"""A bracelet on a virtual board: the firmware in the MicroPython VM, its world, and what it says on its port."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from firmware.bracelet.settings import OF_A_STRIP
from firmware.wire.record import open_record
from simulators.strip.chemistry import Strip, load_strip
from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.bracelet_world import BraceletWorld, files
from waakzaam.board_worlds import STRIPS
from waakzaam.provisioning import bracelet_settings
from waakzaam.rigs.bracelet import DEVICE_ID, KEY, ROOT, WAVEFORM
from waakzaam.strip_calibrations import path_of

CONFIG: dict[str, Any] = {
    "device_id": DEVICE_ID,
    "key": KEY,
    "waveform": WAVEFORM,
    "strip_lot": "L1",
    "strip_expiry": "2099-01-01",
    "drink_declared": "lager",
    "send": "after_test",
    "incubate_ms": 500,
    "watch_heap": True,
}


class BraceletBoard:
    """A running bracelet and what it has said so far. `strip` is the kind in the wearer's pocket, as for its world."""

    def __init__(
        self,
        tmp_path: Path,
        calibration_file: Path,
        colour_file: Path | None = None,
        strip: Strip | None = None,
        **config: Any,
    ) -> None:
        self.world = BraceletWorld(seed=1, strip=strip)
        self._partial = b""
        self.lines: list[str] = []
        self._heard = threading.Condition()
        self.board = VirtualBoard(
            tmp_path / "flash.img",
            firmware_root=ROOT / "firmware",
            peripherals=self.world.peripherals,
            runtime="vm",
            on_output=self._hear,
        )
        if colour_file is not None:
            config = {"strips": ["/cal.json", "/colour.json"], "colour_lot": "C1", **config}
        written = files({**CONFIG, **config}, calibration_file)
        if colour_file is not None:
            written["/colour.json"] = colour_file.read_bytes()
        self.board.storage.write(written)

    def _hear(self, data: bytes) -> None:
        with self._heard:
            *whole, self._partial = (self._partial + data).split(b"\n")
            self.lines += [line.decode(errors="replace").strip() for line in whole]
            self._heard.notify_all()

    def said(self, kind: str, timeout_s: float = 60, times: int = 1, **fields: Any) -> dict[str, Any]:
        """The n-th line of this kind with these fields; fails with the console's end when it does not come."""

        def found() -> dict[str, Any] | None:
            left = times
            for line in self.lines:
                if line.startswith("{"):
                    one: dict[str, Any] = json.loads(line)
                    if one.get("kind") == kind and all(one.get(k) == v for k, v in fields.items()):
                        left -= 1
                        if left == 0:
                            return one
            return None

        with self._heard:
            assert self._heard.wait_for(lambda: found() is not None, timeout_s), "\n".join(
                line[:500] for line in self.lines[-15:]
            )
            return found() or {}

    def record(self, timeout_s: float = 60, times: int = 1) -> dict[str, Any]:
        """The n-th sealed record on the serial line, its signature checked."""

        def sent() -> list[str]:
            return [one for one in self.lines if one.startswith("WZR1 ")]

        with self._heard:
            assert self._heard.wait_for(lambda: len(sent()) >= times, timeout_s)
            return open_record(sent()[times - 1], bytes.fromhex(KEY))


def _scanned_at(name: str, frequency_hz: float | None, folder: Path) -> Path:
    """A strip's calibration file in the folder, as if its scans had run at another frequency where one is given."""
    document = json.loads(path_of(name).read_text(encoding="utf-8"))
    if frequency_hz is not None:
        document["quality"]["waveform"]["frequency_hz"] = frequency_hz
    path = folder / path_of(name).name
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


def board_of(
    name: str, folder: Path, frequency_hz: float | None = None, then: str | None = None, **config: Any
) -> BraceletBoard:
    """A bracelet provisioned for a strip of the panel, with that strip and its calibration; not switched on yet.

    `frequency_hz` is that of the pulses where it is not the strip's own; `then` is a second strip of its test. The
    calibration files lie in the folder under the strips' own names.
    """
    definitions = [STRIPS / f"{one}.toml" for one in (name, then) if one is not None]
    settings = bracelet_settings(DEVICE_ID, KEY, *definitions)
    scanned = [settings, *settings.get("strip_settings", {}).values()]
    for one in scanned:
        if frequency_hz is not None:
            one["waveform"]["frequency_hz"] = frequency_hz
        one.update({field: value for field, value in config.items() if field in one and field in OF_A_STRIP})
    folder.mkdir(parents=True)
    worn = BraceletBoard(
        folder, _scanned_at(name, frequency_hz, folder), strip=load_strip(definitions[0]), **{**settings, **config}
    )
    if then is not None:
        worn.board.storage.write({settings["strips"][1]: _scanned_at(then, frequency_hz, folder).read_bytes()})
    return worn


def one_dose(name: str) -> dict[str, float]:
    """An incapacitating dose of the first drug that a strip answers for, mol/L, as its calibration has it."""
    entry = json.loads(path_of(name).read_text(encoding="utf-8"))["analytes"][0]
    return {entry["name"]: entry["dose_mol_l"]}
