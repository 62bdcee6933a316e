"""Whatever happens to the link, no alarm word that has happened is missing from what is delivered."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.tracking.outbound import ALARMS, Outbound
from firmware.wire.messages import EVENTS

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.sampled_from(EVENTS)),
        st.tuples(st.just("fix"), st.just("")),
        st.tuples(st.just("status"), st.just("")),
        st.tuples(st.just("send"), st.just("")),
        st.tuples(st.just("acknowledge"), st.just("")),
        st.tuples(st.just("lost"), st.just("")),
    ),
    max_size=120,
)


@settings(max_examples=300)
@given(STEPS, st.integers(len(ALARMS), 12), st.integers(1, 8))
def test_every_alarm_word_arrives_and_every_loss_is_counted(
    steps: list[tuple[str, str]], events_max: int, fixes_max: int
) -> None:
    queue = Outbound(fixes_max, events_max)
    happened: dict[int, str] = {}
    statuses: set[int] = set()
    delivered: set[int] = set()
    in_flight: list[int] = []
    for token, (kind, word) in enumerate(steps):
        if kind == "event":
            happened[token] = word
            queue.add_event(token, word, b"e")
        elif kind == "fix":
            happened[token] = ""
            queue.add_fix(token, b"f")
        elif kind == "status":
            statuses.add(token)
            queue.set_status(token, b"s")
        elif kind == "send" and (waiting := queue.next()) is not None:
            in_flight.append(waiting.token)
        elif kind == "acknowledge" and in_flight:
            delivered.add(in_flight[0])
            queue.acknowledge(in_flight.pop(0))
        elif kind == "lost":
            in_flight.clear()
            queue.link_lost()
        assert queue.depth <= events_max + fixes_max + 1
    queue.link_lost()
    while (waiting := queue.next()) is not None:
        delivered.add(waiting.token)
        queue.acknowledge(waiting.token)
    assert queue.depth == 0
    words = {happened[token] for token in delivered if token in happened}
    assert words >= {word for word in happened.values() if word in ALARMS}
    assert len(happened) - len(delivered - statuses) <= queue.discards
