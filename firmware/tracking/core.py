"""The tracker's decisions: `step(happening, now_ms)` turns what was seen into the messages to send. No I/O, no clock.

Happenings: ("fix", Fix), ("contacts", strap_closed, case_closed, panic_pressed), ("battery", mv),
("radio", jamming, spoofing), ("settings", message), ("connected",), ("tick",). Messages are dicts of the wire's field
table, with boot_id and seq. `now_ms` never goes back.
"""

from firmware.tracking.inputs import Battery, Contact, Hold
from firmware.tracking.interference import Interference

REPORT_INTERVAL_MS = 10_000  # until the gateway asks for another; a walking person moves 14 m, a car 140 m
HEARTBEAT_INTERVAL_MS = 60_000
GNSS_LOST_MS = 30_000  # ASSUMED: a bridge or a doorway takes less


class TrackerCore:
    """State of one boot."""

    def __init__(self, boot_id: int, firmware_version: str) -> None:
        self.boot_id = boot_id
        self.report_interval_ms = REPORT_INTERVAL_MS
        self.heartbeat_interval_ms = HEARTBEAT_INTERVAL_MS
        self.settings_sent_ms = 0
        self.settings_refused = 0
        self.strap = Contact()
        self.case = Contact()
        self.battery = Battery()
        self.interference = Interference()
        self.last_fix = None
        self._version = firmware_version
        self._panic = Hold()
        self._seq = 0
        self._ahead_ms: "int | None" = None  # Unix time minus our clock, from the last fix
        self._reported_fix_ms: "int | None" = None
        self._heard_receiver_ms: "int | None" = None
        self._valid_fix_ms = 0
        self._gnss_lost = False
        self._status_ms: "int | None" = None
        self._status_due = True

    def unix_ms(self, now_ms: int):
        """Unix time as far as a fix has told it; None before the first."""
        return None if self._ahead_ms is None else now_ms + self._ahead_ms

    def step(self, happening: tuple, now_ms: int) -> list:
        """Messages that follow from one happening, in the order to send."""
        kind = happening[0]
        if kind == "fix":
            return self._on_fix(happening[1], now_ms)
        if kind == "contacts":
            return self._on_contacts(happening[1], happening[2], happening[3], now_ms)
        if kind == "radio":
            return [self._event(word, now_ms) for word in self.interference.step(happening[1], happening[2], now_ms)]
        if kind == "battery":
            word = self.battery.step(happening[1])
            return [self._event(word, now_ms)] if word else []
        if kind == "settings":
            return self._on_settings(happening[1], now_ms)
        if kind == "connected":
            self._status_due = True
        return self._on_tick(now_ms)

    def status(self, now_ms: int) -> dict:
        """A heartbeat."""
        self._status_ms = now_ms
        self._status_due = False
        message = self._message("status", now_ms)
        gnss = self._gnss_of_late(now_ms)
        if gnss:
            message["gnss"] = gnss
        if self.interference.jamming is not None:
            message["jamming"] = ("none", "warning", "critical")[self.interference.jamming - 1]
        if self.interference.spoofing is not None:
            message["spoofing"] = ("none", "indicated", "affirmed")[self.interference.spoofing - 1]
        message["uptime_s"] = now_ms // 1000
        message["report_interval_ms"] = self.report_interval_ms
        message["heartbeat_interval_ms"] = self.heartbeat_interval_ms
        message["firmware_version"] = self._version
        return message

    def will(self) -> dict:
        """What the broker is to say for us when the link is lost: that, and no state, which would be old by then."""
        message = {"kind": "status", "boot_id": self.boot_id, "seq": self._seq, "link_lost": True}
        self._seq += 1
        return message

    def _gnss_of_late(self, now_ms: int) -> str:
        """The sky over the last GNSS_LOST_MS: one epoch under a bridge is no loss; "" while a start is too fresh."""
        if now_ms - self._valid_fix_ms <= GNSS_LOST_MS:
            return "" if self.last_fix is None else "fix"
        heard_ms = self._heard_receiver_ms
        return "silent" if heard_ms is None or now_ms - heard_ms > GNSS_LOST_MS else "no_fix"

    def _message(self, kind: str, now_ms: int) -> dict:
        message = {"kind": kind, "boot_id": self.boot_id, "seq": self._seq}
        self._seq += 1
        sent_ms = self.unix_ms(now_ms)
        if sent_ms is not None:
            message["sent_ms"] = sent_ms
        if self.battery.percent is not None and kind != "fix":
            message["battery_percent"] = self.battery.percent
            message["battery_mv"] = self.battery.mv
        if self.strap.closed is not None and kind != "fix":
            message["strap_closed"] = self.strap.closed
        return message

    def _event(self, word: str, now_ms: int) -> dict:
        """An event, with the last position that was valid and the time of that position."""
        message = self._message("event", now_ms)
        message["event"] = word
        if "sent_ms" in message:
            message["event_time_ms"] = message["sent_ms"]
        if self.last_fix is not None:
            _add_position(message, self.last_fix)
        return message

    def _on_fix(self, fix, now_ms: int) -> list:
        self._heard_receiver_ms = now_ms
        if not fix.valid:
            return self._on_tick(now_ms)
        messages = []
        self._valid_fix_ms = now_ms
        self._ahead_ms = fix.time_ms - now_ms
        self.last_fix = fix
        if self._gnss_lost:
            self._gnss_lost = False
            messages.append(self._event("gnss_back", now_ms))
        # The interval counts in the receiver's time, in which the fixes are made; after a jump back it starts anew.
        since_ms = None if self._reported_fix_ms is None else fix.time_ms - self._reported_fix_ms
        if since_ms is None or since_ms < 0 or since_ms >= self.report_interval_ms:
            self._reported_fix_ms = fix.time_ms
            message = self._message("fix", now_ms)
            _add_position(message, fix)
            messages.append(message)
        return messages + self._on_tick(now_ms)

    def _on_contacts(self, strap_closed: bool, case_closed: bool, panic_pressed: bool, now_ms: int) -> list:
        messages = []
        if self._panic.step(panic_pressed, now_ms):
            messages.append(self._event("panic", now_ms))
        before = self.strap.closed
        if self.strap.step(strap_closed, now_ms):
            if not strap_closed:
                messages.append(self._event("strap_cut", now_ms))
            elif before is not None:
                messages.append(self._event("strap_restored", now_ms))
        if self.case.step(case_closed, now_ms) and not case_closed:
            messages.append(self._event("case_opened", now_ms))
        return messages

    def _on_settings(self, message: dict, now_ms: int) -> list:
        """Apply settings that are newer than the last ones; an old or repeated message changes nothing."""
        if message.get("kind") != "settings" or message["sent_ms"] <= self.settings_sent_ms:
            self.settings_refused += 1
            return []
        self.settings_sent_ms = message["sent_ms"]
        self.report_interval_ms = message["report_interval_ms"]
        heartbeat_ms = message.get("heartbeat_interval_ms")
        if heartbeat_ms is not None:
            self.heartbeat_interval_ms = heartbeat_ms
        self._status_due = True  # the answer: the gateway sees what is in force
        return self._on_tick(now_ms)

    def _on_tick(self, now_ms: int) -> list:
        messages = []
        if not self._gnss_lost and now_ms - self._valid_fix_ms > GNSS_LOST_MS:
            self._gnss_lost = True
            messages.append(self._event("gnss_lost", now_ms))
        if self._status_due or self._status_ms is None or now_ms - self._status_ms >= self.heartbeat_interval_ms:
            messages.append(self.status(now_ms))
        return messages


def _add_position(message: dict, fix) -> None:
    message["fix_time_ms"] = fix.time_ms
    message["lat_e7"] = fix.lat_e7
    message["lon_e7"] = fix.lon_e7
    for name, most in (
        ("horizontal_accuracy_mm", 100_000_000),
        ("speed_mm_s", 600_000),
        ("course_cdeg", 35_999),
        ("satellites_used", 99),
    ):
        value = getattr(fix, name)
        if value is not None and 0 <= value <= most:
            message[name] = value
    if fix.altitude_mm is not None and -1_000_000 <= fix.altitude_mm <= 20_000_000:
        message["altitude_mm"] = fix.altitude_mm
