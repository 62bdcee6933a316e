"""Records over small packets: whole and in order over any packet size, gap, cut or damage; else nothing."""

from __future__ import annotations

import contextlib
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.wire import record_link
from firmware.wire.record_link import Sender
from waakzaam.record_fetch import Fetch, FetchFailed

RECORDS = {3: b'{"a":1}', 4: bytes(range(32, 127)) * 90, 9: b"{}"}
LINES = ["WZR1 " + RECORDS[number].decode() for number in sorted(RECORDS)]


class Ring:
    """The records, as the bracelet reads them."""

    def __init__(self, records: dict[int, bytes] | None = None) -> None:
        self._records = RECORDS if records is None else records

    def numbers(self) -> list[int]:
        return sorted(self._records)

    def size_of(self, number: int) -> int:
        return len(self._records[number])

    def read_at(self, number: int, offset: int, count: int) -> bytes:
        return self._records[number][offset : offset + count]


def carry(fetch: Fetch, sender: Sender, limit: int, packets_max: int, lost: float, rng: random.Random) -> None:
    """One connection: packets of at most `limit` bytes until all is there, or until it is cut off."""
    sender.command(fetch.begin())
    for _ in range(packets_max):
        packet = sender.packet(limit)
        if packet is None:
            assert lost, "both wait for ever"
            sender.command(fetch.begin())  # the host's answer to silence
            continue
        assert len(packet) <= limit
        if rng.random() < 0.2:
            continue  # the stack had no memory: it is the next packet again
        sender.sent()
        if packet[0] == record_link.PIECE and rng.random() < lost:
            continue
        answer = fetch.packet(packet)
        if answer is not None:
            sender.command(answer)
        if fetch.done:
            return


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 244), st.integers(0, 2**32), st.integers(40, 400), st.sampled_from([0.0, 0.0, 0.02]))
def test_every_record_comes_whole_over_any_link_that_works_now_and_then(
    limit: int, seed: int, packets_max: int, lost: float
) -> None:
    rng, fetch = random.Random(seed), Fetch()
    for _ in range(200):
        carry(fetch, Sender(Ring()), limit, packets_max, lost, rng)
        if fetch.done:
            break
    assert fetch.records == LINES


def test_no_more_is_under_way_than_the_window() -> None:
    sender = Sender(Ring())
    sender.command(record_link.ask(record_link.NEXT, 4))
    sent = 0
    while (packet := sender.packet(20)) is not None:
        sent += len(packet) - record_link.PIECE_HEAD_BYTES if packet[0] == record_link.PIECE else 0
        sender.sent()
    assert sent == record_link.WINDOW_BYTES
    sender.command(record_link.ask(record_link.HAVE, 4, 100))
    assert sender.packet(244) is not None


def test_a_damaged_record_is_asked_for_again_and_never_kept() -> None:
    fetch, sender, rng = Fetch(), Sender(Ring({1: b'{"b":2}'})), random.Random(1)
    sender.command(fetch.begin())
    for turn in range(3):
        begin = sender.packet(20)
        sender.sent()
        assert begin is not None
        assert fetch.packet(begin) is None
        piece = sender.packet(20)
        sender.sent()
        assert piece is not None
        spoilt = piece[:-1] + bytes([piece[-1] ^ 1])
        if turn == 2:
            with pytest.raises(FetchFailed, match="spoilt 3 times"):
                fetch.packet(spoilt)
            break
        answer = fetch.packet(spoilt)
        assert answer is not None
        sender.command(answer)
    assert fetch.records == []
    whole = Fetch()
    carry(whole, Sender(Ring({1: b'{"b":2}'})), 20, 50, 0.0, rng)
    assert whole.records == ['WZR1 {"b":2}']


def test_a_record_that_the_ring_dropped_meanwhile_is_passed_over() -> None:
    fetch = Fetch()
    sender = Sender(Ring())
    sender.command(fetch.begin())
    assert fetch.packet(sender.packet(244) or b"") is None
    late = Sender(Ring({9: RECORDS[9]}))
    carry(fetch, late, 244, 50, 0.0, random.Random(3))
    assert fetch.records == ["WZR1 {}"]


@given(st.binary(max_size=24))
def test_no_message_upsets_the_bracelet(data: bytes) -> None:
    sender = Sender(Ring())
    sender.command(data)
    packet = sender.packet(20)
    assert packet is None or len(packet) <= 20
    if data[:1] not in (b"\x01", b"\x02", b"\x03", b"\x04"):
        assert packet == struct.pack("<B", record_link.REFUSED)


@given(st.binary(max_size=24))
def test_a_packet_that_makes_no_sense_is_said_and_nothing_is_kept(data: bytes) -> None:
    fetch = Fetch()
    with contextlib.suppress(FetchFailed):
        fetch.packet(data)
    assert fetch.records == []
