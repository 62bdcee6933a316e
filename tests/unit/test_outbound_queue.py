"""The tracker's queue: what goes first, what is given up, and that nothing is given up in silence."""

from __future__ import annotations

from firmware.tracking.outbound import Outbound


def _sent(queue: Outbound) -> list[int]:
    tokens = []
    while (waiting := queue.next()) is not None:
        tokens.append(waiting.token)
    return tokens


def test_status_then_events_then_the_newest_fix_then_the_backlog() -> None:
    queue = Outbound()
    for token in (1, 2, 3):
        queue.add_fix(token, b"f")
    queue.add_event(4, "gnss_lost", b"e")
    queue.add_event(5, "panic", b"e")
    queue.set_status(6, b"s")
    assert _sent(queue) == [6, 4, 5, 3, 1, 2]


def test_a_message_is_kept_until_it_is_acknowledged_and_sent_again_after_the_link_was_lost() -> None:
    queue = Outbound()
    queue.add_event(1, "panic", b"e")
    queue.add_fix(2, b"f")
    assert _sent(queue) == [1, 2]
    assert _sent(queue) == []
    queue.link_lost()
    assert _sent(queue) == [1, 2]
    assert queue.acknowledge(1) == "panic"
    assert queue.acknowledge(2) == ""
    queue.link_lost()
    assert _sent(queue) == []
    assert queue.depth == 0


def test_the_oldest_fixes_make_room_and_are_counted() -> None:
    queue = Outbound(fixes_max=3)
    for token in range(10):
        queue.add_fix(token, b"f")
    assert queue.discards == 7
    assert sorted(_sent(queue)) == [7, 8, 9]


def test_an_event_that_only_informs_makes_room_for_an_alarm() -> None:
    queue = Outbound(events_max=3)
    queue.add_event(1, "gnss_lost", b"")
    queue.add_event(2, "panic", b"")
    queue.add_event(3, "gnss_back", b"")
    assert queue.add_event(4, "strap_cut", b"") == 1
    assert queue.discards == 1
    assert _sent(queue) == [2, 3, 4]


def test_among_alarms_only_a_repeated_word_makes_room() -> None:
    queue = Outbound(events_max=3)
    queue.add_event(1, "panic", b"")
    queue.add_event(2, "strap_cut", b"")
    queue.add_event(3, "panic", b"")
    assert queue.add_event(4, "jamming", b"") == 3
    assert _sent(queue) == [1, 2, 4]


def test_a_repeated_alarm_is_given_up_itself_when_nothing_else_can_be() -> None:
    queue = Outbound(events_max=2)
    queue.add_event(1, "panic", b"")
    queue.add_event(2, "strap_cut", b"")
    assert queue.add_event(3, "panic", b"") == 3
    assert queue.discards == 1
    assert _sent(queue) == [1, 2]


def test_a_newer_status_replaces_one_that_was_not_sent() -> None:
    queue = Outbound()
    queue.set_status(1, b"old")
    queue.set_status(2, b"new")
    assert _sent(queue) == [2]
    assert queue.acknowledge(1) == ""
    assert queue.depth == 1
