"""The tracker to a Mosquitto as in production: TLS checked against our own CA, user and password."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.broker import BrokerAddress, free_port, wait_for_port
from tests.support.certificates import make_certificates
from tests.support.tracker_bench import HostTracker, wait_until
from waakzaam import machine

pytestmark = pytest.mark.needs("mosquitto")


@dataclass(frozen=True)
class SecureBroker:
    """A Mosquitto with TLS and a password, and the certificate of the CA it is checked against."""

    address: BrokerAddress
    ca_der: Path
    log: Path


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    folder = tmp_path_factory.mktemp("secure")
    make_certificates(folder)
    program = machine.find_mosquitto()
    assert program is not None
    passwords = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "trk-tls", "secret"], check=True)
    port = free_port()
    lines = [
        f"listener {port} 127.0.0.1",
        f"certfile {folder}/server.crt",
        f"keyfile {folder}/server.key",
        f"password_file {passwords}",
        "allow_anonymous false",
        f"log_dest file {folder}/log",
        "log_type all",
        *(["user root"] if os.getuid() == 0 else []),
    ]
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen([str(program), "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        wait_for_port("127.0.0.1", port, process)
        yield SecureBroker(BrokerAddress("127.0.0.1", port), folder / "ca.der", folder / "log")
    finally:
        process.terminate()
        process.wait(10)


def test_it_publishes_through_tls_with_its_password(broker: SecureBroker, tmp_path: Path) -> None:
    security = {"ca_file": str(broker.ca_der), "user": "trk-tls", "password": "secret"}
    with HostTracker(broker.address, tmp_path / "flash", "trk-tls", **security) as tracker:
        wait_until(lambda: tracker.app.session.connected, "connection")
        tracker.contacts.strap = False
        wait_until(lambda: any(line.get("event") == "strap_cut" for line in tracker.told), "the cut")
        wait_until(lambda: tracker.app.outbound.depth == 0, "the acknowledgement")
    assert "Received PUBLISH from trk-tls" in broker.log.read_text()


@pytest.mark.parametrize(
    ("security", "words"),
    [
        ({"user": "trk-tls", "password": "secret"}, ""),
        ({"user": "trk-tls", "password": "wrong", "ca_file": "right"}, "not authorised|bad user name"),
        ({"user": "trk-tls", "password": "secret", "ca_file": "other"}, "certificate verify failed"),
    ],
    ids=["without TLS", "wrong password", "a CA that did not sign"],
)
def test_it_never_connects_otherwise_and_says_why(
    broker: SecureBroker, tmp_path: Path, security: dict[str, str], words: str
) -> None:
    (tmp_path / "other").mkdir()
    make_certificates(tmp_path / "other")
    files = {"right": str(broker.ca_der), "other": str(tmp_path / "other/ca.der")}
    told = {name: files.get(value, value) for name, value in security.items()}
    with HostTracker(broker.address, tmp_path / "flash", "trk-tls", **told) as tracker:
        wait_until(lambda: [line for line in tracker.told if line["told"] == "link_lost"], "word of the failure")
        assert not tracker.app.session.connected
        lost = next(line for line in tracker.told if line["told"] == "link_lost")
    assert any(word in lost["reason"] for word in words.split("|"))
