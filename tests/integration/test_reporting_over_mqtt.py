"""The loop of reporting intervals, closed by real parts: tracker app, broker, gateway process, signed settings."""

from __future__ import annotations

import time
from pathlib import Path

from gateway.geofence.reporting import STEPS_MS, USUAL_MS
from tests.support.broker import running_broker
from tests.support.tracker_bench import HostTracker, wait_until
from tests.support.tracker_messages import KEYS, Trackers, running_gateway
from waakzaam.rigs.fake_backend import running_backend


def test_a_tracker_far_from_him_is_told_to_report_rarely_and_does(tmp_path: Path) -> None:
    """He is in Brussels, she in Ghent, 50 km away: the gateway's own bound gives her tracker the longest step."""
    with (
        running_broker("embedded", tmp_path / "broker") as broker,
        running_backend() as backend,
        running_gateway(tmp_path / "gateway", broker, backend),
        HostTracker(broker, tmp_path / "flash", "trk-p1", KEYS["trk-p1"]) as hers,
    ):
        wait_until(lambda: hers.app.session.connected, "connection")
        assert hers.app.core.report_interval_ms == USUAL_MS
        start_ms = time.time_ns() // 1_000_000 // 1000 * 1000 - 30_000
        his = Trackers(broker)
        his.fix("trk-m1", 1, start_ms, 0)
        for second in (0, 10, 20):
            hers.contacts.receive(second, start_ms=start_ms)
        wait_until(lambda: hers.app.core.report_interval_ms == STEPS_MS[-1], "the longest interval")
        wait_until(lambda: any(line["told"] == "settings" for line in hers.told), "word of it on the console")
        his.close()
        assert hers.app.faults == 0
