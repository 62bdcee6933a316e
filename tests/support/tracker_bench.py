"""A tracker app on CPython with contacts to play with, and an ear at the broker that opens its frames."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from firmware.hal.flash_store import FlashStore
from firmware.hal.uptime import Uptime
from firmware.tracker.app import TrackerApp
from firmware.tracker.config import Config
from firmware.wire import frame, messages, topics
from simulators.gnss.nmea_sentences import Reception, epoch
from simulators.gnss.tracks import Position
from tests.support.broker import BrokerAddress

KEY = bytes(range(32))
DEVICE_ID = "trk-m1"
START_MS = 1_790_000_000_000


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 20.0) -> None:
    """Return when the condition holds; fail after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout_s:g} s: {what}")
        time.sleep(0.01)


class Ear:
    """A subscriber to what one device sends; keeps what it could open, in order of arrival."""

    def __init__(
        self,
        address: BrokerAddress,
        device_id: str = DEVICE_ID,
        key: bytes = KEY,
        account: tuple[str, str] | None = None,
    ) -> None:
        self.device_id = device_id
        self.heard: list[dict[str, Any]] = []
        self._key = key
        self._listening = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, f"ear-{device_id}", clean_session=False)
        if account is not None:
            self._client.username_pw_set(*account)
        self._client.on_message = self._take
        self._client.on_connect = lambda client, *_: client.subscribe(topics.up(device_id), 1)
        self._client.on_subscribe = lambda *_: self._listening.set()
        self._client.reconnect_delay_set(0.1, 0.5)  # type: ignore[arg-type]
        self._client.connect(address.host, address.port)
        self._client.loop_start()
        assert self._listening.wait(10)

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        device_id = topics.device_id_of(message.topic)
        self.heard.append(messages.decode(frame.open_frame(message.payload, device_id, self._key)))

    def say(self, message: dict[str, Any], key: bytes | None = None) -> None:
        """Publish a signed message down to the device."""
        sealed = frame.seal(messages.encode(message), self.device_id, key or self._key)
        self._client.publish(topics.down(self.device_id), sealed, qos=1).wait_for_publish(10)

    def events(self) -> list[str]:
        """The event words heard so far; each message once, however often it came."""
        return [m["event"] for m in self.once() if m["kind"] == "event"]

    def once(self) -> list[dict[str, Any]]:
        """What was heard without repeats (same boot and number)."""
        seen: dict[tuple[int, int], dict[str, Any]] = {}
        for message in self.heard:
            seen.setdefault((message["boot_id"], message["seq"]), message)
        return list(seen.values())

    def answered(self, interval_ms: int) -> dict[str, Any]:
        """The first heartbeat with that report interval in force; empty before it."""
        return next((m for m in self.once() if m.get("report_interval_ms") == interval_ms), {})

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Contacts:
    """The tracker's machine parts as plain values, and a UART that a test fills."""

    def __init__(self) -> None:
        self.strap = True
        self.case = True
        self.panic = False
        self.mv = 3_900
        self.confirmed = 0
        self.firmware_confirmed = 0
        self.written = b""
        self._waiting = bytearray()
        self.uart = self

    def strap_closed(self) -> bool:
        return self.strap

    def case_closed(self) -> bool:
        return self.case

    def panic_pressed(self) -> bool:
        return self.panic

    def battery_mv(self) -> int:
        return self.mv

    def feed_watchdog(self) -> None:
        """There is none."""

    def firmware_works(self) -> None:
        self.firmware_confirmed += 1

    def confirm(self) -> None:
        self.confirmed += 1

    def any(self) -> int:
        return len(self._waiting)

    def readinto(self, buffer: bytearray) -> int:
        count = min(len(buffer), len(self._waiting))
        buffer[:count] = self._waiting[:count]
        del self._waiting[:count]
        return count

    def write(self, data: bytes) -> None:
        self.written += data

    def receive(self, seconds: int, fixed: bool = True, start_ms: int = START_MS) -> None:
        """One epoch of the receiver, `seconds` after the start."""
        place = Position(51.0543 + seconds * 1e-5, 3.7250, 1.4, 0.0)
        self._waiting += epoch(start_ms + 1000 * seconds, place, Reception(fixed=fixed))


class HostTracker:
    """The tracker's app in a thread; use in a `with` block."""

    def __init__(
        self, address: BrokerAddress, flash: Path, device_id: str = DEVICE_ID, key: bytes = KEY, **security: str | None
    ) -> None:
        """`security`: ca_file, user, password."""
        flash.mkdir(exist_ok=True)
        self.contacts = Contacts()
        self.told: list[dict[str, Any]] = []
        config = Config(device_id, key, address.host, address.port, **security)
        self.app = TrackerApp(config, self.contacts, FlashStore(str(flash)), Uptime(), self.told.append)
        self.app.link.pause_ms = lambda attempt: 50
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self.app.run())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # shown by __exit__
            self.error = error

    def __enter__(self) -> HostTracker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        def cancel_all() -> None:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()

        self._loop.call_soon_threadsafe(cancel_all)
        self._thread.join(10)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
