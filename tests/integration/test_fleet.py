"""The simulated fleet: the same run from the same seed, every fault as planned, all of it through a real broker."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
import typer
from geographiclib.geodesic import Geodesic
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from firmware.wire import topics
from gateway.contract import orders
from gateway.ingest import keys as gateway_keys
from gateway.ingest.decoder import Unusable, open_message
from simulators.fleet.pairs import ALERT_DISTANCE_M, PREALERT_DISTANCE_M, orders_document, pairs
from simulators.fleet.publisher import FleetFailed, send
from simulators.fleet.traffic import FaultRates, Fleet
from tests.support.broker import BrokerAddress, free_port, running_broker
from tests.support.tracker_bench import wait_until
from waakzaam.commands import fleet as command
from waakzaam.exits import BadInput

START_MS = 1_790_000_000_000
RATES = FaultRates(late=0.05, duplicate=0.1, reordered=0.05, bad_signature=0.05, garbage=0.05)


def _plan(seed: int = 1, rates: FaultRates = RATES) -> tuple[Fleet, dict[str, bytes]]:
    made = pairs(20, seed, approaching=2, duration_s=60)
    keys = {i: bytes([n]) * 32 for n, pair in enumerate(made) for i in (pair.protected_id, pair.monitored_id)}
    plan = Fleet(made, keys, seed=seed, start_ms=START_MS, duration_s=60, interval_s=5, rates=rates, panics=3)
    return plan, keys


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert _plan(1)[0].planned == _plan(1)[0].planned
    assert [p.payload for p in _plan(1)[0].planned] == [p.payload for p in _plan(1)[0].planned]
    assert [p.payload for p in _plan(1)[0].planned] != [p.payload for p in _plan(2)[0].planned]


def test_the_gateways_own_decoder_makes_of_every_message_what_the_plan_says() -> None:
    plan, keys = _plan()
    now_ms = START_MS + 120_000
    found: Counter[str] = Counter()
    seen: set[tuple[str, int, int]] = set()
    for one in plan.planned:
        try:
            fields = open_message(topics.up(one.device_id), one.payload, keys, now_ms, now_ms).fields
        except Unusable:
            found[one.truth] += one.truth in {"bad_signature", "garbage"}
            continue
        identity = (one.device_id, fields["boot_id"], fields["seq"])
        assert (identity in seen) == (one.truth == "duplicate")
        seen.add(identity)
        found[one.truth] += 1
    assert dict(found) == plan.counts()
    assert min(plan.counts().values()) > 3, "every fault must have happened"


def test_late_and_reordered_messages_really_come_out_of_order() -> None:
    calm = _plan(rates=FaultRates())[0].planned
    shaken = _plan(rates=FaultRates(late=0.1, reordered=0.1))[0].planned
    assert len(calm) == len(shaken)

    def disorder(planned: list) -> int:  # type: ignore[type-arg]
        keys = {p.device_id: b"" for p in planned}
        last = dict.fromkeys(keys, -1)
        count = 0
        for one in planned:
            count += one.order < last[one.device_id]
            last[one.device_id] = max(last[one.device_id], one.order)
        return count

    assert disorder(calm) == 0
    assert disorder(shaken) > 20


def test_only_the_pairs_that_approach_come_within_the_distances() -> None:
    for pair in pairs(12, 3, approaching=4, duration_s=300):
        apart_m = []
        for t_s in range(0, 301, 5):
            a, b = pair.protected(t_s), pair.monitored(t_s)
            apart_m.append(Geodesic.WGS84.Inverse(a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)["s12"])
        if pair.approaches:
            assert apart_m[0] > PREALERT_DISTANCE_M
            assert min(apart_m) < ALERT_DISTANCE_M - 200
            assert apart_m[-1] > PREALERT_DISTANCE_M
        else:
            assert min(apart_m) > 2 * PREALERT_DISTANCE_M


def test_its_orders_are_orders_of_the_contract() -> None:
    parsed = orders.parse(orders_document(pairs(5, 1, 1, 60), START_MS))
    assert [order.order_id for order in parsed] == [f"FLEET-{n:05d}" for n in range(5)]


@pytest.fixture(scope="module", params=["embedded", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerAddress]:
    with running_broker(str(request.param), tmp_path_factory.mktemp("broker")) as address:
        yield address


def test_every_planned_message_goes_through_a_real_broker(broker: BrokerAddress) -> None:
    plan, _ = _plan()
    heard: Counter[bytes] = Counter()
    ready: list[bool] = []
    ear = mqtt.Client(CallbackAPIVersion.VERSION2, "fleet-ear")
    ear.on_message = lambda _client, _data, message: heard.update([message.payload])
    ear.on_subscribe = lambda *_: ready.append(True)
    ear.connect(broker.host, broker.port)
    ear.subscribe(topics.UP_ALL, 1)
    ear.loop_start()
    wait_until(lambda: ready, "the subscription")
    began = time.monotonic()

    def fast_ms() -> int:
        return START_MS + round((time.monotonic() - began) * 100_000)

    sent = send(plan.planned, broker.host, broker.port, connections=4, start_ms=START_MS, clock_ms=fast_ms)
    wait_until(lambda: heard.total() >= len(plan.planned), "all of them")
    ear.disconnect()
    ear.loop_stop()
    assert sent.messages == len(plan.planned) == len(sent.acknowledged_s)
    assert heard == Counter(one.payload for one in plan.planned)
    assert [event for _, event, _ in sent.events] == ["panic"] * 3


def test_without_a_broker_it_fails_with_the_reason() -> None:
    plan, _ = _plan()
    with pytest.raises(FleetFailed, match="refused"):
        send(plan.planned, "127.0.0.1", free_port(), connections=1, start_ms=0, clock_ms=lambda: 0)


def _command(*arguments: object) -> None:
    app = typer.Typer()
    command.register(app)
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None:
        raise done.exception


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "192.0.2.1"], "is not this machine"),
        (["--late", 0.6, "--garbage", 0.6], "more than 1"),
        (["--pairs", 10_000, "--seconds", 3600, "--interval", 0.1], "messages"),
    ],
)
def test_the_command_keeps_its_bounds(arguments: list[object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        _command(*arguments)


def test_prepared_documents_are_those_that_the_gateway_reads(tmp_path: Path) -> None:
    _command("--pairs", 7, "--prepare", tmp_path)
    assert len(orders.parse(json.loads((tmp_path / "orders.json").read_text()))) == 7
    assert len(gateway_keys.read(tmp_path / "keys.json")) == 14
    with pytest.raises(BadInput, match="exists already"):
        _command("--pairs", 7, "--prepare", tmp_path)
