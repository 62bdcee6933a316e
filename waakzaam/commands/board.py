"""`waakzaam board`: a bracelet or a tracker on a virtual board, with a port for mpremote; a person's acts on stdin."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.events import BoardError, BoardEvent
from waakzaam import board_worlds, machine
from waakzaam.exits import BadInput


class Kind(StrEnum):
    """Which board."""

    bracelet = "bracelet"
    tracker = "tracker"


def _json_file(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(str(path), error.strerror or "cannot be read") from None
    except ValueError as error:
        raise BadInput(str(path), f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadInput(str(path), "is not a JSON object")
    return document


def board(
    kind: Annotated[Kind, typer.Argument(help="Which board.")],
    *,
    pty: Annotated[bool, typer.Option("--pty", help="Port as a device path (the default).")] = False,
    socket: Annotated[bool, typer.Option("--socket", help="Port as socket://127.0.0.1:PORT.")] = False,
    port_number: Annotated[int, typer.Option("--port", help="TCP port of --socket; 0 = any free one.")] = 0,
    flash: Annotated[Path | None, typer.Option(help="Flash image to use and keep; default: a new one.")] = None,
    config: Annotated[Path | None, typer.Option(help="The board's /config.json.")] = None,
    calibration: Annotated[Path | None, typer.Option(help="Bracelet: its /cal.json (waakzaam calibrate).")] = None,
    play: Annotated[str, typer.Option(help="Bracelet: DRINK or DRINK+DRUG=MG; tracker: monitored or protected.")] = "",
    play_from_ms: Annotated[int, typer.Option(help="Tracker: Unix ms (of WAAKZAAM_CLOCK) at which it sets out.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of everything random around the board.")] = 1,
    heap: Annotated[str, typer.Option(help="Heap of the VM.")] = "110k",
    runtime: Annotated[str, typer.Option(help="vm or cpython; default: the VM when this machine has it.")] = "",
    console: Annotated[bool, typer.Option("--console", help="Copy the board's console to stdout.")] = False,
) -> None:
    """Run a virtual board until Ctrl-C; its port's name is the first line on stdout.

    Lines on stdin are what a person does to it: `help` lists them.
    """
    if pty and socket:
        raise BadInput("board", "--pty and --socket together", "choose one")
    if runtime not in ("", "vm", "cpython"):
        raise BadInput("--runtime", f"{runtime!r} is not vm or cpython")
    if not re.fullmatch(r"[1-9]\d{0,8}[kKmM]?", heap):
        raise BadInput("--heap", f"{heap!r} is no size", "bytes, or thousands of them as in 110k")
    given = _json_file(config) if config is not None else None
    if calibration is not None:
        _json_file(calibration)
    with tempfile.TemporaryDirectory(prefix="waakzaam-board-") as scratch:
        world: board_worlds.World
        if kind is Kind.bracelet:
            world = board_worlds.Bracelet(given, calibration, play, seed)
        else:
            world = board_worlds.Tracker(given, play, play_from_ms, seed)
        try:
            made = VirtualBoard(
                flash or Path(scratch) / "flash.img",
                firmware_root=machine.ROOT / "firmware",
                peripherals=world.peripherals,
                heap_bytes=heap,
                port="socket" if socket else "pty",
                port_number=port_number,
                runtime=runtime or None,
                unique_id=bytes.fromhex("24a160") + seed.to_bytes(3, "big"),
                on_event=_tell_event,
                on_output=_copy_console if console else None,
            )
            if flash is None or config is not None or made.storage.blank:
                made.storage.write(world.files())
        except BoardError as error:
            raise BadInput("board", str(error)) from None
        except OSError as error:
            raise BadInput(f"board --port {port_number}", error.strerror or str(error), "choose another") from None
        _run(made, world)


def _tell_event(event: BoardEvent) -> None:
    print(f"board: {event.kind} {event.detail}".rstrip(), file=sys.stderr, flush=True)


def _copy_console(data: bytes) -> None:
    os.write(sys.stdout.fileno(), data)


def _run(made: VirtualBoard, world: board_worlds.World) -> None:
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    print(made.port_name, flush=True)
    if made.runtime == "cpython":
        print("board: runs on CPython, not in the MicroPython VM: no REPL, no heap limit, float64", file=sys.stderr)
    with made:
        world.begin(made)
        threading.Thread(target=_take_orders, args=(made, world, over), daemon=True).start()
        over.wait()
        world.end()


def _take_orders(made: VirtualBoard, world: board_worlds.World, over: threading.Event) -> None:
    acts = {
        "power off": made.power_cut,
        "power on": made.power_on,
        "reset": made.reset,
        "quit": over.set,
        **world.acts(),
    }
    for line in sys.stdin:
        act = acts.get(line.strip())
        if act is not None:
            act()
        elif line.strip():
            print("board: a person can: " + ", ".join(acts), file=sys.stderr, flush=True)


def register(app: typer.Typer) -> None:
    app.command(name="board")(board)
