"""The broker of docs/operations with its own configuration, under the account and with the files the runbook names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from firmware.wire import topics
from tests.support.broker import BrokerAddress, free_port, wait_for_port
from tests.support.certificates import make_certificates
from tests.support.tracker_bench import DEVICE_ID, Ear, HostTracker, wait_until
from waakzaam import machine

pytestmark = pytest.mark.needs("mosquitto")
ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "docs" / "operations"
ACCOUNT = 1883
OTHER = "trk-p1"


@dataclass(frozen=True)
class Broker:
    """The two doors of a running broker, and the CA its certificate is checked against."""

    outer: BrokerAddress
    inner: BrokerAddress
    folder: Path


def _runbook_acl() -> str:
    """The ACL file as the runbook writes it."""
    found = re.search(
        r"cat > secrets/broker/acl <<'END'\n(.*?)END\n", (ROOT / "docs/runbook.md").read_text(), re.DOTALL
    )
    assert found, "the runbook shows no ACL file"
    return found[1]


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
    passwords = folder / "tls" / "passwords"
    for number, device_id in enumerate((DEVICE_ID, OTHER)):
        made = ["-c"] if number == 0 else []
        subprocess.run(["mosquitto_passwd", "-b", *made, passwords, device_id, f"secret of {device_id}"], check=True)
    (folder / "tls" / "acl").write_text(_runbook_acl())
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
        yield Broker(BrokerAddress("127.0.0.1", outer), BrokerAddress("127.0.0.1", inner), folder)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


@pytest.fixture
def gateway(broker: Broker) -> Iterator[Ear]:
    """Who listens on the inner door, as the gateway does."""
    ear = Ear(broker.inner)
    yield ear
    ear.close()


def _security(broker: Broker, password: str) -> dict[str, str | None]:
    return {"ca_file": str(broker.folder / "tls" / "ca.der"), "user": DEVICE_ID, "password": password}


def test_a_tracker_with_its_password_reaches_the_gateway_through_both_doors(
    broker: Broker, gateway: Ear, tmp_path: Path
) -> None:
    with HostTracker(broker.outer, tmp_path / "flash", **_security(broker, f"secret of {DEVICE_ID}")) as tracker:
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
    client.username_pw_set(OTHER, f"secret of {OTHER}")
    client.tls_set(str(broker.folder / "tls" / "ca.pem"))
    return client


def test_what_is_published_on_anothers_topic_is_delivered_to_nobody(broker: Broker) -> None:
    heard: list[tuple[str, bytes | bytearray]] = []
    listening = threading.Event()
    gateway = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "gateway")
    gateway.on_message = lambda _client, _data, message: heard.append((message.topic, message.payload))
    gateway.on_subscribe = lambda *_: listening.set()
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
    with HostTracker(broker.outer, tmp_path / "flash", **_security(broker, f"secret of {DEVICE_ID}")) as tracker:
        wait_until(lambda: tracker.app.session.connected, "connection")
        thief = _client(broker, DEVICE_ID)
        thief.connect(broker.outer.host, broker.outer.port)
        thief.loop_start()
        thief.publish(topics.up(OTHER), b"", qos=1).wait_for_publish(10)
        thief.disconnect()
        thief.loop_stop()
        assert tracker.app.session.connected
        assert not [line for line in tracker.told if line["told"] == "link_lost"]


def test_the_compose_file_starts_the_broker_as_the_account_that_these_tests_use() -> None:
    composed = (OPERATIONS / "compose.yaml").read_text()
    service = composed[composed.index("  broker:\n") : composed.index("  backend:\n")]
    assert f'user: "{ACCOUNT}:{ACCOUNT}"' in service
