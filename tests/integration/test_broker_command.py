"""`waakzaam broker` runs a broker that keeps an absent gateway's messages."""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.broker import BrokerAddress, running_broker

WAIT_S = 15


def _subscriber(address: BrokerAddress, received: queue.Queue[bytes]) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gateway", clean_session=False)
    subscribed: queue.Queue[bool] = queue.Queue()
    client.on_message = lambda _client, _data, message: received.put(message.payload)
    client.on_subscribe = lambda *_: subscribed.put(True)
    client.on_connect = lambda connected, *_: connected.subscribe("wz/1/up/+", qos=1)
    client.connect(address.host, address.port)
    client.loop_start()
    assert subscribed.get(timeout=WAIT_S)
    return client


def _leave(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("kind", ["embedded", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))])
def test_messages_sent_while_the_gateway_is_away_reach_it_when_it_returns(kind: str, tmp_path: Path) -> None:
    received: queue.Queue[bytes] = queue.Queue()
    with running_broker(kind, tmp_path / "broker") as address:
        _leave(_subscriber(address, received))
        sender = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="tracker")
        sender.connect(address.host, address.port)
        sender.loop_start()
        for number in range(20):
            sender.publish("wz/1/up/trk-1", str(number).encode(), qos=1).wait_for_publish(WAIT_S)
        _leave(sender)
        gateway = _subscriber(address, received)
        assert sorted(int(received.get(timeout=WAIT_S)) for _ in range(20)) == list(range(20))
        _leave(gateway)


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_a_port_in_use_is_said_in_one_line(kind: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "waakzaam", "broker", "--kind", kind, "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        f"waakzaam: broker 127.0.0.1:{port}: cannot listen there: Address already in use "
        "(choose another address with --host and --port)"
    ]
