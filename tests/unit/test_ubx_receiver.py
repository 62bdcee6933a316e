"""The firmware's UBX against a receiver built from the register tables, and against the manual's example frames."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest

from firmware.tracking import ubx
from firmware.tracking.interference import CLEAN_MS, JAMMING_WARNING_MS, Interference
from firmware.tracking.receiver import ReceiverSettings, ReceiverStream
from simulators.gnss.nmea_sentences import Reception, epoch
from simulators.gnss.tracks import Position
from simulators.gnss.ubx_receiver import TABLES, UbxReceiver, encode, framed, tables

START_MS = 1_790_000_000_000
PLACE = Position(51.0543, 3.7250, 1.4, 0.0)


def nmea(second: int) -> bytes:
    return epoch(START_MS + 1000 * second, PLACE, Reception())


def set_up(receiver: UbxReceiver) -> tuple[ReceiverStream, ReceiverSettings]:
    """Run the settings to their end, the receiver answering at once."""
    stream, settings = ReceiverStream(), ReceiverSettings()
    for now_ms in range(0, 60_000, 50):
        stream.feed(receiver.hear(settings.step(stream.radio, now_ms)))
    assert settings.done
    return stream, settings


def test_frames_are_those_of_the_manual() -> None:
    examples = {e["name"]: bytes(e["frame"]) for e in tomllib.loads(Path(TABLES).read_text())["example"]}
    assert ubx.frame(0x0107, b"") == examples["poll NAV-PVT"]
    assert ubx.frame(0x0A04, b"") == examples["poll MON-VER"]
    assert ubx.valset(((0x20910007, 1),)) == examples["VALSET RAM: NAV-PVT on UART1 each epoch"]
    assert framed("ACK-ACK", b"\x06\x8a") == examples["ACK-ACK for VALSET"]


def test_its_keys_are_the_keys_of_the_tables() -> None:
    names = [tables()["keys"][key] for _, pairs in ubx.SETTINGS for key, _ in pairs]
    assert names == [
        "CFG-ITFM-ENABLE",
        "CFG-MSGOUT-UBX_MON_RF_UART1",
        "CFG-MSGOUT-UBX_NAV_STATUS_UART1",
        "CFG-MSGOUT-UBX_SEC_SIG_UART1",
        "CFG-MSGOUT-NMEA_ID_GST_UART1",
    ]


@pytest.mark.parametrize(("security", "word"), [(0, "refused"), (1, "accepted"), (2, "accepted")])
def test_a_receiver_is_told_what_to_watch_and_a_refusal_stops_nothing_else(security: int, word: str) -> None:
    receiver = UbxReceiver(security=security)
    _, settings = set_up(receiver)
    assert settings.outcome == {
        "jamming monitor": "accepted",
        "spoofing monitor": "accepted",
        "signal security": word,
        "accuracy": "accepted",
    }
    assert receiver.settings["CFG-ITFM-ENABLE"] == 1


def test_a_receiver_that_answers_nothing_is_asked_three_times_and_known_as_such() -> None:
    receiver = UbxReceiver(answers=False)
    _, settings = set_up(receiver)
    assert set(settings.outcome.values()) == {"no answer"}


@pytest.mark.parametrize("security", [0, 1, 2])
@pytest.mark.parametrize(("jamming", "spoofing"), [(1, 1), (2, 1), (3, 1), (1, 2), (1, 3), (3, 3)])
def test_what_it_says_is_heard_between_the_sentences(security: int, jamming: int, spoofing: int) -> None:
    receiver = UbxReceiver(security=security)
    stream, _ = set_up(receiver)
    stream.feed(nmea(0))
    stream.radio.news()
    fixes = stream.feed(nmea(1) + receiver.epoch(jamming, spoofing) + nmea(2))
    assert [fix.valid for fix in fixes[-2:]] == [True, True]
    assert stream.radio.news() == (jamming, spoofing)
    assert stream.radio.news() == (None, None)


def test_a_zero_is_unknown_and_never_clean() -> None:
    stream = ReceiverStream()
    stream.feed(encode("MON-RF", {"nBlocks": 1}, [{"flags": {"jammingState": 0}}]))
    stream.feed(encode("NAV-STATUS", {"flags2": {"spoofDetState": 0}}))
    stream.feed(encode("SEC-SIG-V2", {"version": 2, "sigSecFlags": {"jamDetEnabled": 0, "jammingState": 3}}))
    assert stream.radio.news() == (None, None)


def test_the_worst_block_counts() -> None:
    stream = ReceiverStream()
    blocks = [{"flags": {"jammingState": 1}}, {"blockId": 1, "flags": {"jammingState": 3}}]
    stream.feed(encode("MON-RF", {"nBlocks": 2}, blocks))
    assert stream.radio.news() == (3, None)


def test_a_frame_cut_short_swallows_no_sentence_and_no_frame() -> None:
    receiver = UbxReceiver()
    stream, _ = set_up(receiver)
    told = receiver.epoch(2, 1)
    for cut in range(1, len(told)):
        stream = ReceiverStream()
        fixes = stream.feed(nmea(0) + told[:cut] + nmea(1) + told + nmea(2) + bytes(300)) + stream.flush()
        assert len([fix for fix in fixes if fix.valid]) == 3, cut
        assert stream.radio.news() == (2, 1)


@pytest.mark.parametrize("seed", [5])
def test_noise_of_any_kind_leaves_the_stream_working(seed: int) -> None:
    random_ = random.Random(seed)
    told = encode("NAV-STATUS", {"flags2": {"spoofDetState": 2}})
    for _ in range(60):
        stream = ReceiverStream()
        noise = bytes(random_.choice((0xB5, 0x62, 0x24, 0x0A, random_.randrange(256))) for _ in range(300))
        stream.feed(noise)
        stream.feed(bytes(300) + told + nmea(0) + nmea(1))
        assert stream.radio.news()[1] == 2, f"seed {seed}"


def words(states: list[tuple[int, int | None, int | None]]) -> list[tuple[int, str]]:
    watch = Interference()
    return [(t, word) for t, jamming, spoofing in states for word in watch.step(jamming, spoofing, t)]


def test_passing_a_transmitter_is_no_alarm_and_a_jammer_that_stays_is() -> None:
    passing = [(t, 2 if 10_000 <= t < 20_000 else 1, None) for t in range(0, 60_000, 1_000)]
    assert words(passing) == []
    staying = [(t, 2 if t >= 10_000 else 1, None) for t in range(0, 60_000, 1_000)]
    assert words(staying) == [(10_000 + JAMMING_WARNING_MS, "jamming")]


def test_a_critical_state_is_told_after_two_seconds_and_once() -> None:
    states = [(t, 3 if t >= 5_000 else 1, 1) for t in range(0, 300_000, 1_000)]
    assert words(states) == [(7_000, "jamming")]


def test_unknown_neither_raises_nor_clears() -> None:
    states = [(t, 3 if t < 10_000 else None, None) for t in range(0, 200_000, 1_000)]
    assert words(states) == [(2_000, "jamming")]


def test_a_minute_of_clean_sky_arms_it_again() -> None:
    states = [(t, 3 if t < 5_000 or t > 6_000 + CLEAN_MS else 1, None) for t in range(0, 100_000, 1_000)]
    assert [word for _, word in words(states)] == ["jamming", "jamming"]


def test_spoofing_affirmed_is_told_at_once_and_an_indication_when_it_lasts() -> None:
    assert words([(t, None, 3) for t in range(0, 5_000, 1_000)]) == [(1_000, "spoofing")]
    assert words([(t, None, 2) for t in range(0, 9_000, 1_000)]) == [(5_000, "spoofing")]
    assert words([(t, None, 2 if t % 3_000 else 1) for t in range(0, 60_000, 1_000)]) == []
