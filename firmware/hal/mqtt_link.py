"""Keeps one MQTT session alive over a stream: connects, pumps bytes, reconnects with growing pauses. asyncio shell."""

import asyncio
import os

from firmware.tracking.errors import LinkLost, ProtocolFault
from firmware.tracking.mqtt_session import backoff_ms

OPEN_TIMEOUT_S = 15
WRITE_TIMEOUT_S = 15
PUMP_S = 0.05
READ_BYTES = 256


async def open_transport(host: str, port: int, ca_der: "bytes | None" = None):
    """(reader, writer) of a TCP connection; with `ca_der` inside TLS, the broker's certificate checked against it."""
    if ca_der is None:
        return await asyncio.open_connection(host, port)
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=ca_der)
    return await asyncio.open_connection(host, port, ssl=context, server_hostname=host)


class MqttLink:
    """Runs a session. The owner gives:

    `open_stream()` -> (reader, writer), awaited; `will()` -> (topic, payload) for each connection; `happened(tuple)`
    for what the session tells, and for ("lost", reason); `fill()`, called often: publish while `session.may_publish()`.
    """

    def __init__(self, session, uptime, *, open_stream, will, happened, fill, user=None, password=None) -> None:
        self.session = session
        self.connections = 0
        self._uptime = uptime
        self._open_stream = open_stream
        self._will = will
        self._happened = happened
        self._fill = fill
        self._user = user
        self._password = password
        self._fault: "Exception | None" = None

    def pause_ms(self, attempt: int) -> int:
        """How long to wait before the next attempt."""
        return backoff_ms(attempt, os.urandom(1)[0])

    async def run(self) -> None:
        """For ever: connect, serve, tell why it ended, pause. Only faults of the link are taken here."""
        attempt = 0
        while True:
            before = self.connections
            try:
                await self._serve()
            except (OSError, EOFError, LinkLost, ProtocolFault, asyncio.TimeoutError) as error:
                self.session.connected = False
                reason = str(error) or type(error).__name__
                self._happened(("lost", reason))
            attempt = 1 if self.connections > before else attempt + 1
            await asyncio.sleep(self.pause_ms(attempt) / 1000)

    async def _serve(self) -> None:
        """One connection, until it fails."""
        reader, writer = await asyncio.wait_for(self._open_stream(), OPEN_TIMEOUT_S)
        self._fault = None
        self.session.start(self._uptime.now_ms(), self._will(), self._user, self._password)
        listening = asyncio.create_task(self._listen(reader))
        try:
            while True:
                if self._fault is not None:
                    raise self._fault
                self.session.tick(self._uptime.now_ms())
                self._fill()
                if self.session.outgoing:
                    out = self.session.outgoing
                    self.session.outgoing = bytearray()
                    writer.write(out)
                    await asyncio.wait_for(writer.drain(), WRITE_TIMEOUT_S)
                await asyncio.sleep(PUMP_S)
        finally:
            listening.cancel()
            writer.close()

    async def _listen(self, reader) -> None:
        """Hand what comes to the session; a fault is kept for the pump, which owns the connection."""
        try:
            while True:
                data = await reader.read(READ_BYTES)
                if not data:
                    raise LinkLost("closed by the broker")
                for happening in self.session.receive(data, self._uptime.now_ms()):
                    if happening[0] == "connected":
                        self.connections += 1
                    self._happened(happening)
        except (OSError, EOFError, LinkLost, ProtocolFault) as fault:
            self._fault = fault
