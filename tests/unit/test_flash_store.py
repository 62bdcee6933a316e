"""What the tracker keeps in flash, and what it does when the flash has been damaged."""

from __future__ import annotations

from pathlib import Path

from firmware.hal.flash_store import FlashStore


def test_every_boot_gets_a_number_that_none_before_had(tmp_path: Path) -> None:
    assert [FlashStore(str(tmp_path)).next_boot_id() for _ in range(4)] == [1, 2, 3, 4]


def test_a_damaged_boot_number_gives_one_far_away_and_is_counted(tmp_path: Path) -> None:
    FlashStore(str(tmp_path)).next_boot_id()
    (tmp_path / "boot_number").write_bytes(b"\xff" * 8)
    store = FlashStore(str(tmp_path))
    assert store.next_boot_id() >= 1 << 31
    assert store.damaged == 1


def test_events_come_back_in_the_order_in_which_they_happened(tmp_path: Path) -> None:
    store = FlashStore(str(tmp_path))
    tokens = [2 << 32 | 10, 1 << 32 | 9, 2 << 32 | 9, 1 << 32 | 10]
    for token in tokens:
        store.save_event(token, "panic", token.to_bytes(8, "big"))
    store.remove_event(1 << 32 | 10)
    store.remove_event(1 << 32 | 10)
    again = FlashStore(str(tmp_path))
    expected = [(t, "panic", t.to_bytes(8, "big")) for t in sorted(tokens) if t != 1 << 32 | 10]
    assert again.load_events() == expected
    assert again.damaged == 0


def test_a_damaged_event_is_counted_and_does_not_hide_the_others(tmp_path: Path) -> None:
    store = FlashStore(str(tmp_path))
    for token in (1, 2, 3):
        store.save_event(token, "panic", b"body")
    middle = sorted((tmp_path / "events").iterdir())[1]
    middle.write_bytes(middle.read_bytes()[:-1])
    again = FlashStore(str(tmp_path))
    assert [token for token, _, _ in again.load_events()] == [1, 3]
    assert again.damaged == 1


def test_an_event_written_but_not_yet_renamed_when_the_power_failed_still_counts(tmp_path: Path) -> None:
    store = FlashStore(str(tmp_path))
    store.save_event(5, "strap_cut", b"body")
    (kept,) = (tmp_path / "events").iterdir()
    kept.rename(kept.with_name(kept.name + ".new"))
    assert FlashStore(str(tmp_path)).load_events() == [(5, "strap_cut", b"body")]


def test_settings_survive(tmp_path: Path) -> None:
    store = FlashStore(str(tmp_path))
    assert store.load_settings() is None
    store.save_settings(b"one")
    store.save_settings(b"two")
    assert FlashStore(str(tmp_path)).load_settings() == b"two"
    assert store.damaged == 0


def test_an_event_half_written_when_the_power_failed_is_cleared_away_without_alarm(tmp_path: Path) -> None:
    store = FlashStore(str(tmp_path))
    store.save_event(5, "strap_cut", b"body")
    (tmp_path / "events" / f"{6:016x}.new").write_bytes(b"")
    again = FlashStore(str(tmp_path))
    assert [token for token, _, _ in again.load_events()] == [5]
    assert again.damaged == 0
    assert len(list((tmp_path / "events").iterdir())) == 1
