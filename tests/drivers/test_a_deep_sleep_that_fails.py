"""A deep sleep that the board does not come to: the bracelet goes on, and light and motor tell as before."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from simulators.ad5941 import ShortCell
from waakzaam.rigs.bracelet import ketamine_calibration
from waakzaam.rigs.bracelet_parts import WholeBracelet


class Rtc:
    """machine.RTC: memory that outlasts a sleep."""

    kept = b""

    def memory(self, data: bytes | None = None) -> bytes:
        if data is not None:
            Rtc.kept = data
        return Rtc.kept


def refuse(*_: Any) -> None:
    raise OSError(5, "the radio does not let it")


@pytest.fixture(params=["deepsleep returns", "deepsleep fails", "a wake line is refused"])
def standby(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    sleep: Callable[..., None] = refuse if request.param == "deepsleep fails" else lambda *_: None
    arm: Callable[..., None] = refuse if request.param == "a wake line is refused" else lambda *_: None
    machine = SimpleNamespace(RTC=Rtc, deepsleep=sleep)
    esp32 = SimpleNamespace(wake_on_ext0=arm, wake_on_ext1=arm, WAKEUP_ANY_HIGH=1, WAKEUP_ALL_LOW=0)
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setitem(sys.modules, "esp32", esp32)
    yield importlib.import_module("firmware.bracelet.standby")
    sys.modules.pop("firmware.bracelet.standby")


def test_after_it_a_verdict_is_told_by_light_and_vibration(standby: ModuleType, tmp_path: Path) -> None:
    bench = WholeBracelet(tmp_path, ketamine_calibration())
    bench.start()
    supply: list[int] = []
    bench.hardware.led_power = supply.append
    asleep: list[bool] = []

    def fall_asleep(strip_in: bool, button_stuck: bool) -> None:
        asleep.append(True)
        bench.runner.sleep_after_ms = 0  # once is enough
        standby.begin(bench.hardware, bench.runner._say, strip_in, button_stuck, 0)

    bench.runner.standby = fall_asleep
    bench.runner.sleep_after_ms = 1
    bench.at(3.0, lambda: bench.insert(ShortCell(3.0)))
    told = bench.run()
    assert asleep
    assert (told["verdict"], told["reason"]) == ("invalid", "short")
    assert supply[-1] == 1
    assert bench.haptics.driving_seconds(int(bench.clock.now_us)) > 0.3
    assert not bench.signals.faults
