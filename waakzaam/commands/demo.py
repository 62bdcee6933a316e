"""`waakzaam demo`: both halves of Waakzaam at work, with virtual boards in place of hardware."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import httpx
import typer

from waakzaam import lifeline, machine
from waakzaam.exits import BadInput

if TYPE_CHECKING:
    from waakzaam.demo.stage import Stage

HEADLESS_LEAD_S = 1.0
INTERACTIVE_LEAD_S = 20.0
INTERACTIVE_SECONDS = 90.0
SECONDS_MIN, SECONDS_MAX = 20.0, 3600.0
END_S = 5.0  # of the seconds asked for, what the last alarm and the shutdown take


class BrokerKind(StrEnum):
    """Which broker carries the messages."""

    embedded = "embedded"
    mosquitto = "mosquitto"


def _say(text: str) -> None:
    print(f"demo: {text}", file=sys.stderr, flush=True)


def _narrate(stage: Stage) -> None:
    """Tell what happens while it happens, until the story is over."""
    told = 0
    verdict_told = False
    while True:
        over = stage.story_over
        stage.check()
        alarms = [sighting for sighting in stage.sightings() if sighting.name == "alarm"]
        for sighting in alarms[told:]:
            alarm, transition = sighting.payload["alarm"], sighting.payload["transition"]
            distance = f", {alarm['distance_m']:.0f} m" if alarm.get("distance_m") is not None else ""
            _say(f"alarm {alarm['kind']} {transition} ({alarm['level']}{distance})")
        told = len(alarms)
        if stage.drink is not None and not verdict_told:
            verdict_told = True
            _narrate_drink(stage)
        if over and verdict_told:
            return
        time.sleep(0.1)


def _narrate_drink(stage: Stage) -> None:
    drink = stage.drink
    if drink is None:
        return
    _say(f"bracelet: {drink.tell['verdict'].upper()}: {drink.tell['reason']}")
    for line in drink.tell["text"]:
        _say(f"bracelet says: {line}")
    shown = [f"{light['colour']}{'+vibration' if light['vibration'] else ''}" for light in drink.lights[-8:]]
    _say("bracelet shows: " + " ".join(shown))


def _look(stage: Stage) -> None:
    _say("open the operator's console (signs you in once):")
    _say(f"    {stage.login_link()}")
    _say("look at: the queue on the left fills within a minute; the map shows both people and the forbidden zone;")
    _say("         press a to acknowledge the top alarm; the drink test appears below. Ctrl-C ends the demo.")


def _headless(stage: Stage, as_json: bool) -> int:
    stage.play()
    stage.wait()
    found = stage.collect()
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for name in ("alarms_by_kind", "seconds_from_fix_to_stored", "seconds_from_fix_to_console", "drink"):
            typer.echo(f"{name}: {json.dumps(found[name], ensure_ascii=False)}")
    return 1 if found["failures"] else 0


def _interactive(stage: Stage) -> int:
    _look(stage)
    stage.play()
    _narrate(stage)
    _say("the story is over; the console stays up until Ctrl-C")
    while True:
        stage.check()
        time.sleep(1.0)


def demo(
    headless: Annotated[bool, typer.Option("--headless", help="No console to open; end with a summary.")] = False,
    seconds: Annotated[
        float | None, typer.Option(help="How long the story takes on your clock, 20 to 3600; default 90, headless 45.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout at the end.")] = False,
    broker: Annotated[BrokerKind, typer.Option(help="embedded or mosquitto.")] = BrokerKind.embedded,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the console; 0 = any free one.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Keep logs and databases in this new folder.")] = None,
) -> None:
    """Show the whole chain: two trackers, a contact ban, a drink test, the gateway, the backend and the console.

    The firmware runs in the MicroPython VM on virtual boards; where there is no VM it runs on CPython and says so.
    """
    from simulators.virtual_board.events import BoardError, BoardTimeout
    from waakzaam.demo.bracelet import BraceletSilent
    from waakzaam.demo.processes import DemoFailed, free_port, require_free
    from waakzaam.demo.stage import HOST, Choices, Stage

    length_s = seconds if seconds is not None else (45.0 if headless else INTERACTIVE_SECONDS)
    if not SECONDS_MIN <= length_s <= SECONDS_MAX:
        raise BadInput("--seconds", f"{length_s:g} is outside {SECONDS_MIN:g} to {SECONDS_MAX:g}")
    if port:
        require_free(HOST, port, "--port")
    if broker is BrokerKind.mosquitto and machine.find_mosquitto() is None:
        raise BadInput("--broker mosquitto", "Mosquitto is not on this machine", "apt-get install mosquitto")
    if data is not None and data.exists() and any(data.iterdir()):
        raise BadInput(str(data), "is not empty", "name a new folder: the demo makes its own keys and databases")
    if machine.find_vm() is None:
        _say("NO MicroPython VM here: the firmware runs on CPython, with another heap and other floats (make vm)")
    lead_s = HEADLESS_LEAD_S if headless else INTERACTIVE_LEAD_S
    story_s = length_s - lead_s - END_S if headless else length_s
    folder = data or Path(tempfile.mkdtemp(prefix="waakzaam-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    status = 0
    lifeline.leave_on(signal.SIGTERM, signal.SIGHUP)
    try:
        with Stage(folder, Choices(story_s, lead_s, broker.value, port or free_port()), _say) as stage:
            stage.set_up()
            status = _headless(stage, as_json) if headless else _interactive(stage)
    except (DemoFailed, BraceletSilent, BoardError, BoardTimeout, httpx.HTTPError) as error:
        _say(f"failed: {error}")
        _say(f"logs are in {folder}")
        raise typer.Exit(1) from None
    if data is None:
        shutil.rmtree(folder, ignore_errors=True)
    raise typer.Exit(status)


def register(app: typer.Typer) -> None:
    app.command()(demo)
