"""What the gateway tells trackers: how often to report. Signed for one device, and only when it changes something."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from firmware.wire import frame, messages, topics
from gateway.geofence import reporting
from gateway.geofence.motion import Observation
from gateway.partition import Partition

ASK_AGAIN_MS = 60_000  # a tracker that was away for the last settings is told again, not oftener than this


class Downlink:
    """Keeps what each tracker was told. `publish(topic, payload)` hands a message to the broker.

    A tracker's heartbeat says what is in force there; that is believed, not what was sent.
    """

    def __init__(self, keys: dict[str, bytes], publish: Callable[[str, bytes], None]) -> None:
        self._keys = keys
        self._publish = publish
        self._in_force: dict[str, int] = {}
        self._asked: dict[str, tuple[int, int]] = {}
        self._sent_ms = 0

    def heard(self, device_id: str, report_interval_ms: int | None) -> None:
        """A heartbeat of that tracker; None when it did not say its interval."""
        if report_interval_ms is not None:
            self._in_force[device_id] = report_interval_ms

    def consider(self, partition: Partition, observations: Iterable[Observation], now_ms: int) -> None:
        """Tell the trackers that were just heard, and whoever they are kept apart from, what is wanted of them now."""
        orders = {order for o in observations if o.lat is not None for order in partition.orders_of(o.device_id)}
        devices = {device for order in orders for device in partition.state_of(order).case.person_of}
        for device_id in sorted(devices & self._in_force.keys() & self._keys.keys()):
            in_force_ms = self._in_force[device_id]
            wanted_ms = min(
                reporting.wanted_ms(partition.state_of(order), device_id, now_ms, in_force_ms)
                for order in partition.orders_of(device_id)
            )
            if wanted_ms != in_force_ms:
                self._ask(device_id, wanted_ms, now_ms)

    def _ask(self, device_id: str, interval_ms: int, now_ms: int) -> None:
        asked = self._asked.get(device_id)
        if asked is not None and asked[0] == interval_ms and now_ms - asked[1] < ASK_AGAIN_MS:
            return
        self._asked[device_id] = (interval_ms, now_ms)
        self._sent_ms = max(now_ms, self._sent_ms + 1)  # a tracker obeys the newer of two settings only
        body = messages.encode({"kind": "settings", "sent_ms": self._sent_ms, "report_interval_ms": interval_ms})
        self._publish(topics.down(device_id), frame.seal(body, device_id, self._keys[device_id]))
