"""The broker of docs/operations with its own configuration, under the account and with the files the runbook names.

Its accounts are those that `waakzaam provision` makes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from firmware.wire import topics
from gateway.settings import Inlet
from tests.support.broker import BrokerAddress, free_port, wait_for_port
from tests.support.certificates import make_certificates
from tests.support.tracker_bench import DEVICE_ID, Ear, HostTracker, wait_until
from waakzaam import machine
from waakzaam.commands import provision

pytestmark = pytest.mark.needs("mosquitto")
ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "docs" / "operations"
ACCOUNT = 1883
OTHER = "trk-p1"


@dataclass(frozen=True)
class Broker:
    """The two doors of a running broker, its process, and who has an account there."""

    outer: BrokerAddress
    inner: BrokerAddress
    folder: Path
    process: subprocess.Popen[bytes]
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def of_gateway(self) -> tuple[str, str]:
        """The gateway's account."""
        return "gateway", self.passwords["gateway"]


def _runbook_acl(name: str) -> str:
    """This ACL file as the runbook writes it."""
    found = re.search(
        rf"cat > secrets/broker/{name} <<'END'\n(.*?)END\n", (ROOT / "docs/runbook.md").read_text(), re.DOTALL
    )
    assert found, f"the runbook shows no {name}"
    return found[1]


def _provisioned(folder: Path, device_id: str, reissue: bool = False) -> str:
    """The password of the account that `waakzaam provision` makes for this tracker."""
    out = folder / f"{device_id}-{len(list(folder.iterdir()))}.json"
    provision.provision(
        device_id, folder / "keys.json", out, broker_passwords=folder / "tls" / "passwords", reissue=reissue
    )
    settings = json.loads(out.read_text())
    assert settings["broker_user"] == device_id
    return str(settings["broker_password"])


def _configured(folder: Path, outer: int, inner: int) -> str:
    """docs/operations/mosquitto.conf with this machine's paths and ports and nothing else changed."""
    told = (OPERATIONS / "mosquitto.conf").read_text()
    changes = (
        ("/mosquitto/data/", f"{folder}/data/"),
        ("/mosquitto/tls/", f"{folder}/tls/"),
        ("listener 8883", f"listener {outer} 127.0.0.1"),
        ("listener 1883", f"listener {inner} 127.0.0.1"),
    )
    for theirs, ours in changes:
        assert theirs in told
        told = told.replace(theirs, ours)
    return told


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    folder = Path(tempfile.mkdtemp(prefix="waakzaam-broker-"))  # pytest's own folders are closed to other accounts
    (folder / "tls").mkdir()
    (folder / "data").mkdir()
    make_certificates(folder / "tls")
    passwords = {device_id: _provisioned(folder, device_id) for device_id in (DEVICE_ID, OTHER)}
    provision.provision(
        "gateway",
        out=folder / "broker-password",
        kind=provision.Kind.gateway,
        broker_passwords=folder / "tls" / "gateway-passwords",
    )
    passwords["gateway"] = (folder / "broker-password").read_text().strip()
    for name in ("acl", "gateway-acl"):
        (folder / "tls" / name).write_text(_runbook_acl(name))
    outer, inner = free_port(), free_port()
    (folder / "mosquitto.conf").write_text(_configured(folder, outer, inner))
    account: int | None = None
    if os.getuid() == 0:  # as in the container: not root from the start, and the files are its own
        account = ACCOUNT
        for path in (folder, *folder.rglob("*")):
            os.chown(path, ACCOUNT, ACCOUNT)
            path.chmod(0o700 if path.is_dir() else 0o400)
    program = machine.find_mosquitto()
    assert program is not None
    process = subprocess.Popen(
        [str(program), "-c", str(folder / "mosquitto.conf")],
        stderr=subprocess.DEVNULL,
        user=account,
        group=account,
        extra_groups=None if account is None else [],
    )
    try:
        for port in (outer, inner):
            wait_for_port("127.0.0.1", port, process)
        inside, outside = BrokerAddress("127.0.0.1", inner), BrokerAddress("127.0.0.1", outer)
        yield Broker(outside, inside, folder, process, passwords)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


@pytest.fixture
def gateway(broker: Broker) -> Iterator[Ear]:
    """Who listens on the inner door, as the gateway does."""
    ear = Ear(broker.inner, account=broker.of_gateway)
    yield ear
    ear.close()


def _security(broker: Broker, password: str) -> dict[str, str | None]:
    return {"ca_file": str(broker.folder / "tls" / "ca.der"), "user": DEVICE_ID, "password": password}


def test_a_tracker_with_its_password_reaches_the_gateway_through_both_doors(
    broker: Broker, gateway: Ear, tmp_path: Path
) -> None:
    with HostTracker(broker.outer, tmp_path / "flash", **_security(broker, broker.passwords[DEVICE_ID])) as tracker:
        wait_until(lambda: tracker.app.session.connected, "connection")
        tracker.contacts.strap = False
        wait_until(lambda: "strap_cut" in gateway.events(), "the cut at the gateway")


def test_a_tracker_with_a_wrong_password_is_refused(broker: Broker, tmp_path: Path) -> None:
    with HostTracker(broker.outer, tmp_path / "flash", **_security(broker, "wrong")) as tracker:
        wait_until(lambda: [line for line in tracker.told if line["told"] == "link_lost"], "word of the failure")
        assert not tracker.app.session.connected


def _client(broker: Broker, name: str) -> mqtt.Client:
    """Somebody with one tracker's account who is not a tracker."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name)
    client.username_pw_set(OTHER, broker.passwords[OTHER])
    client.tls_set(str(broker.folder / "tls" / "ca.pem"))
    return client


def test_what_is_published_on_anothers_topic_is_delivered_to_nobody(broker: Broker) -> None:
    heard: list[tuple[str, bytes | bytearray]] = []
    listening = threading.Event()
    gateway = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "gateway")
    gateway.on_message = lambda _client, _data, message: heard.append((message.topic, message.payload))
    gateway.on_subscribe = lambda *_: listening.set()
    gateway.username_pw_set(*broker.of_gateway)
    gateway.connect(broker.inner.host, broker.inner.port)
    gateway.subscribe(topics.UP_ALL, 1)
    gateway.loop_start()
    assert listening.wait(10)
    thief = _client(broker, "somebody")
    thief.connect(broker.outer.host, broker.outer.port)
    thief.loop_start()
    for topic in (topics.up(DEVICE_ID), topics.up(OTHER)):
        thief.publish(topic, b"of the other", qos=1).wait_for_publish(10)
    wait_until(lambda: heard, "its own topic")  # sent last: what came before would have come first
    for client in (thief, gateway):
        client.disconnect()
        client.loop_stop()
    assert heard == [(topics.up(OTHER), b"of the other")]


def test_an_order_down_to_another_tracker_is_not_heard(broker: Broker) -> None:
    heard: list[str] = []
    granted = threading.Event()
    thief = _client(broker, "somebody")
    thief.on_message = lambda _client, _data, message: heard.append(message.topic)
    thief.on_subscribe = lambda *_: granted.set()
    thief.connect(broker.outer.host, broker.outer.port)
    thief.subscribe([(topics.down(DEVICE_ID), 1), (topics.down(OTHER), 1)])
    thief.loop_start()
    assert granted.wait(10)
    gateway = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "gateway")
    gateway.username_pw_set(*broker.of_gateway)
    gateway.connect(broker.inner.host, broker.inner.port)
    gateway.loop_start()
    for device_id in (DEVICE_ID, OTHER):
        gateway.publish(topics.down(device_id), b"interval", qos=1).wait_for_publish(10)
    wait_until(lambda: heard, "its own order")
    for client in (thief, gateway):
        client.disconnect()
        client.loop_stop()
    assert heard == [topics.down(OTHER)]


def test_somebody_with_one_trackers_account_cannot_throw_another_off(broker: Broker, tmp_path: Path) -> None:
    with HostTracker(broker.outer, tmp_path / "flash", **_security(broker, broker.passwords[DEVICE_ID])) as tracker:
        wait_until(lambda: tracker.app.session.connected, "connection")
        thief = _client(broker, DEVICE_ID)
        thief.connect(broker.outer.host, broker.outer.port)
        thief.loop_start()
        thief.publish(topics.up(OTHER), b"", qos=1).wait_for_publish(10)
        thief.disconnect()
        thief.loop_stop()
        assert tracker.app.session.connected
        assert not [line for line in tracker.told if line["told"] == "link_lost"]


def _answer(address: BrokerAddress, account: tuple[str, str] | None, ca_file: Path | None = None) -> str:
    """What the broker says to somebody who wants in."""
    said: list[str] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "somebody-else")
    if account is not None:
        client.username_pw_set(*account)
    if ca_file is not None:
        client.tls_set(str(ca_file))
    client.on_connect = lambda _client, _data, _flags, reason, _properties: said.append(str(reason))
    client.connect(address.host, address.port)
    client.loop_start()
    wait_until(lambda: said, "the broker's answer")
    client.disconnect()
    client.loop_stop()
    return said[0]


def test_nobody_comes_in_by_the_inner_door_without_the_gateways_account(broker: Broker) -> None:
    assert _answer(broker.inner, broker.of_gateway) == "Success"
    for account in (None, ("gateway", "wrong"), (OTHER, broker.passwords[OTHER])):
        assert _answer(broker.inner, account) == "Not authorized"


def test_the_gateways_account_opens_nothing_outside(broker: Broker) -> None:
    ca_file = broker.folder / "tls" / "ca.pem"
    assert _answer(broker.outer, (OTHER, broker.passwords[OTHER]), ca_file) == "Success"
    assert _answer(broker.outer, broker.of_gateway, ca_file) == "Not authorized"


def test_the_gateway_itself_hears_a_tracker_and_speaks_to_it_with_its_account(broker: Broker, tmp_path: Path) -> None:
    gateway = Inlet(broker.inner.host, broker.inner.port, False, broker.of_gateway).broker("gateway-1", lambda: 0)
    heard: list[str] = []

    def has_heard() -> bool:
        heard.extend(delivery.topic for delivery in gateway.gather())
        return topics.up(DEVICE_ID) in heard

    wait_until(lambda: gateway.gather() or gateway.connected.is_set(), "connection")
    with HostTracker(broker.outer, tmp_path / "flash", **_security(broker, broker.passwords[DEVICE_ID])):
        wait_until(has_heard, "the tracker's first message")
    gateway.stop()


def test_a_new_account_and_a_renewed_one_hold_from_the_signal_on_and_nobody_is_cut_off(
    broker: Broker, tmp_path: Path
) -> None:
    ca_file = broker.folder / "tls" / "ca.pem"
    before = broker.passwords[OTHER]
    with HostTracker(broker.outer, tmp_path / "flash", **_security(broker, broker.passwords[DEVICE_ID])) as tracker:
        wait_until(lambda: tracker.app.session.connected, "connection")
        new = _provisioned(broker.folder, "trk-new")
        broker.passwords[OTHER] = _provisioned(broker.folder, OTHER, reissue=True)
        broker.process.send_signal(signal.SIGHUP)
        wait_until(lambda: _answer(broker.outer, ("trk-new", new), ca_file) == "Success", "the new account")
        assert _answer(broker.outer, (OTHER, broker.passwords[OTHER]), ca_file) == "Success"
        assert _answer(broker.outer, (OTHER, before), ca_file) == "Not authorized"
        assert tracker.app.session.connected
        assert not [line for line in tracker.told if line["told"] == "link_lost"]


def test_the_compose_file_starts_the_broker_as_the_account_that_these_tests_use() -> None:
    composed = (OPERATIONS / "compose.yaml").read_text()
    service = composed[composed.index("  broker:\n") : composed.index("  backend:\n")]
    assert f'user: "{ACCOUNT}:{ACCOUNT}"' in service
