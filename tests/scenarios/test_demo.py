"""The whole chain at once: virtual boards, broker, gateway, backend, event stream, drink test."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

RUN_TIMEOUT_S = 240


def _demo(*arguments: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "waakzaam", "demo", "--headless", "--seconds", "45", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_TIMEOUT_S)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


@pytest.mark.needs("vm", "mosquitto")
def test_the_demo_raises_every_alarm_of_its_story_and_tells_the_spiked_drink() -> None:
    status, found, said = _demo("--broker", "mosquitto")
    assert status == 0, said
    kinds = found["alarms_by_kind"]
    for kind in ("proximity_prealert", "proximity_alert", "zone_entry", "panic", "strap_cut", "contact_loss"):
        assert kinds.get(kind) == 1, (kind, kinds, said)
    assert found["firmware_runtime"] == "vm"
    assert all("micropython" in tracker["implementation"] for tracker in found["trackers"])
    # Silence is decided by time alone: no fix arrived from which its delay could count.
    assert found["seconds_from_fix_to_stored"]["count"] >= len(kinds) - 1
    assert found["seconds_from_receiver_to_console"]["count"] > 20
    assert found["drink"]["verdict"] == "positive"
    assert found["drink"]["stored_by_backend"]
    assert found["drink"]["heap_free_bytes_min"] > 20_000


def test_a_demo_that_is_too_short_is_refused_in_one_line() -> None:
    command = [sys.executable, "-m", "waakzaam", "demo", "--headless", "--seconds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.strip() == "waakzaam: --seconds: 1 is outside 20 to 3600"
