"""Wires the tracker's pure core to its machine: UART, contacts, battery, flash and MQTT, each a small task.

A task that ends is a fault of the whole: `run` raises, and main tells it and restarts the board. Nothing is caught to
be forgotten.
"""

import asyncio
import gc

from firmware.hal.mqtt_link import MqttLink, open_transport
from firmware.tracking.core import TrackerCore
from firmware.tracking.mqtt_session import MqttSession
from firmware.tracking.outbound import Outbound
from firmware.tracking.receiver import ReceiverSettings, ReceiverStream
from firmware.wire import frame, messages, topics
from firmware.wire.errors import WireError

VERSION = "0.1.0"
BUILD_NOT_BEFORE_MS = 1_735_689_600_000  # 2025-01-01: no true GNSS date is earlier than the firmware
UART_POLL_S = 0.02
UART_IDLE_POLLS = 5  # 100 ms without a byte: the receiver has said all of this epoch
CONTACTS_POLL_S = 0.03
BATTERY_POLL_S = 30
TICK_S = 1


class TrackerApp:
    """One boot of a tracker. `machine_parts` has uart, strap_closed(), case_closed(), panic_pressed(), battery_mv(),
    feed_watchdog(), confirm() and firmware_works(); `tell(dict)` prints a line for the console."""

    def __init__(self, config, machine_parts, store, uptime, tell) -> None:
        self._config = config
        self._parts = machine_parts
        self._store = store
        self._uptime = uptime
        self._tell = tell
        self.core = TrackerCore(store.next_boot_id(), VERSION)
        self.outbound = Outbound()
        self.receiver = ReceiverStream(BUILD_NOT_BEFORE_MS)
        self.faults = 0
        self._up = topics.up(config.device_id)
        self._down = topics.down(config.device_id)
        self.session = MqttSession(config.device_id, self._down)
        self.link = MqttLink(
            self.session,
            uptime,
            open_stream=self._open,
            will=self._will,
            happened=self._happened,
            fill=self._fill,
            user=config.user,
            password=config.password,
        )
        self._restore()

    def _restore(self) -> None:
        """Take up what the flash kept: events that were not delivered, the settings in force."""
        for token, word, body in self._store.load_events():
            self.outbound.add_event(token, word, body)
        body = self._store.load_settings()
        if body is not None:
            self._do(("settings", messages.decode(body)))
        if self._store.damaged:
            self._fault("flash", "%d damaged entries" % self._store.damaged)

    def describe(self) -> dict:
        """What the console is told at the start, with what the board is known by."""
        gc.collect()
        return {
            "told": "started",
            "device_id": self._config.device_id,
            "boot_id": self.core.boot_id,
            "version": VERSION,
            "events_waiting": self.outbound.depth,
            "broker": self._config.host + ":" + str(self._config.port),
        }

    async def run(self) -> None:
        """Until a task fails."""
        await asyncio.gather(
            self._listen_to_receiver(),
            self._watch_contacts(),
            self._watch_battery(),
            self._tick(),
            self.link.run(),
        )

    async def _listen_to_receiver(self) -> None:
        uart = self._parts.uart
        buffer = bytearray(512)
        settings = ReceiverSettings()
        idle = 0
        while True:
            count = uart.readinto(buffer) if uart.any() else None
            if count:
                idle = 0
                for fix in self.receiver.feed(buffer, count):
                    self._do(("fix", fix))
                jamming, spoofing = self.receiver.radio.news()
                if jamming or spoofing:
                    self._do(("radio", jamming, spoofing))
            else:
                idle += 1
                if idle == UART_IDLE_POLLS:
                    for fix in self.receiver.flush():
                        self._do(("fix", fix))
            if not settings.done:
                asked = settings.step(self.receiver.radio, self._uptime.now_ms())
                if asked:
                    uart.write(asked)
                if settings.done:
                    self._tell({"told": "receiver", "settings": settings.outcome})
            await asyncio.sleep(UART_POLL_S)

    async def _watch_contacts(self) -> None:
        parts = self._parts
        while True:
            self._do(("contacts", parts.strap_closed(), parts.case_closed(), parts.panic_pressed()))
            await asyncio.sleep(CONTACTS_POLL_S)

    async def _watch_battery(self) -> None:
        while True:
            self._do(("battery", self._parts.battery_mv()))
            await asyncio.sleep(BATTERY_POLL_S)

    async def _tick(self) -> None:
        while True:
            self._do(("tick",))
            self._parts.feed_watchdog()
            await asyncio.sleep(TICK_S)

    def _do(self, happening: tuple) -> None:
        """One step of the core; its messages into the queue, events into the flash first."""
        for message in self.core.step(happening, self._uptime.now_ms()):
            try:
                self._queue(message)
            except WireError as error:
                self._fault("message", str(error))

    def _queue(self, message: dict) -> None:
        kind = message["kind"]
        token = self.core.boot_id << 32 | message["seq"]
        if kind == "status":
            self._add_counters(message)
            self.outbound.set_status(token, messages.encode(message))
            return
        body = messages.encode(message)
        if kind == "fix":
            self.outbound.add_fix(token, body)
            return
        word = message["event"]
        given_up = self.outbound.add_event(token, word, body)
        if given_up != token:
            self._keep(token, word, body)
        if given_up is not None:
            self._store.remove_event(given_up)
            self._fault("queue", "full: an event was given up")
        if word == "panic":
            self._parts.confirm()
        self._tell({"told": "event", "event": word, "seq": message["seq"]})

    def _keep(self, token: int, word: str, body: bytes) -> None:
        """Into the flash; when that fails the event is still in memory and will be sent."""
        try:
            self._store.save_event(token, word, body)
        except OSError as error:
            self._fault("flash", "event not kept: " + str(error))

    def _add_counters(self, message: dict) -> None:
        message["queue_depth"] = self.outbound.depth
        message["discards"] = self.outbound.discards
        message["sentences_bad"] = self.receiver.nmea.sentences_bad
        message["reconnects"] = max(0, self.link.connections - 1)
        message["faults"] = self.faults
        gc.collect()  # so that the figure is what is really free, and its trend a leak
        if hasattr(gc, "mem_free"):
            message["heap_free_bytes"] = gc.mem_free()

    def _fault(self, where: str, reason: str) -> None:
        self.faults += 1
        self._tell({"told": "fault", "where": where, "reason": reason})

    async def _open(self):
        ca_der = None
        if self._config.ca_file is not None:
            with open(self._config.ca_file, "rb") as file:
                ca_der = file.read()
        return await open_transport(self._config.host, self._config.port, ca_der)

    def _will(self) -> tuple:
        """What the broker says for us when we have gone without goodbye."""
        return (self._up, frame.seal(messages.encode(self.core.will()), self._config.device_id, self._config.key))

    def _happened(self, happening: tuple) -> None:
        kind = happening[0]
        if kind == "acknowledged":
            if self.outbound.acknowledge(happening[1]):
                self._store.remove_event(happening[1])
        elif kind == "message":
            self._settings(happening[2])
        elif kind == "connected":
            self._tell({"told": "connected"})
            self._confirm_firmware()
            self._do(happening)
        elif kind == "lost":
            self.outbound.link_lost()
            self._tell({"told": "link_lost", "reason": happening[1]})

    def _confirm_firmware(self) -> None:
        """Reaching the broker is the proof that an updated tracker works."""
        try:
            self._parts.firmware_works()
        except OSError as error:  # it will be asked again at the next connection
            self._fault("update", "not confirmed: " + str(error))

    def _settings(self, payload: bytes) -> None:
        """A message from the gateway: only what is signed for this device and newer than the last is applied."""
        try:
            body = frame.open_frame(payload, self._config.device_id, self._config.key)
            message = messages.decode(body)
        except WireError as error:
            self._fault("settings", str(error))
            return
        before_ms = self.core.settings_sent_ms
        self._do(("settings", message))
        if self.core.settings_sent_ms != before_ms:
            self._store.save_settings(body)
            self._tell({"told": "settings", "report_interval_ms": self.core.report_interval_ms})

    def _fill(self) -> None:
        """Publish while there is room."""
        while self.session.may_publish():
            waiting = self.outbound.next()
            if waiting is None:
                return
            sealed = frame.seal(waiting.body, self._config.device_id, self._config.key)
            self.session.publish(self._up, sealed, waiting.token, self._uptime.now_ms())
