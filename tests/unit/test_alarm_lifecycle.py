"""The alarm lifecycle: every pair of state and event, and the rules on top of the table."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarm_backend.alarms import lifecycle
from alarm_backend.alarms.choices import choices
from alarm_backend.alarms.lifecycle import CAUSES, EVENTS, STATES, TABLE, Event, Policy, Standing, step
from alarm_backend.alarms.risk import SEVERITY_OF_KIND, SEVERITY_OF_LEVEL, risk, severity
from alarm_backend.alarms.schemas import Cause, Kind, State
from alarm_backend.errors import InvalidRequest, Refused
from gateway.contract import transitions as contract

POLICY = Policy()
NOW_MS = 1_000_000
MINUTE_MS = 60_000

# The lifecycle as agreed, written down a second time by hand: rows are states, columns events; "-" is refused.
AGREED = """
              acknowledge  take        release      shelve  unshelve resolve  confirm_close refuse_close raised      escalated   eased        cleared
raised        acknowledged in_progress -            shelved -        -        -             -            raised      raised      raised       raised
acknowledged  acknowledged in_progress raised       shelved -        resolved -             -            raised      raised      acknowledged acknowledged
in_progress   in_progress  in_progress acknowledged -       -        resolved -             -            in_progress in_progress in_progress  in_progress
shelved       -            in_progress -            -       raised   -        -             -            raised      raised      shelved      shelved
closing       -            in_progress -            -       -        -        resolved      in_progress  in_progress in_progress closing      closing
resolved      -            -           -            -       -        -        -             -            raised      raised      resolved     resolved
"""  # noqa: E501


def _agreed() -> dict[tuple[str, str], str]:
    head, *rows = AGREED.strip().splitlines()
    events = head.split()
    cells = {}
    for row in rows:
        state, *following = row.split()
        cells |= {(state, event): after for event, after in zip(events, following, strict=True)}
    return cells


def _event(name: str, **other: object) -> Event:
    facts: dict[str, object] = {
        "severity": 3,
        "cause": "breach_confirmed",
        "until_ms": NOW_MS + 10 * MINUTE_MS,
        **other,
    }
    return Event(name, "an", **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(("state", "name"), sorted(_agreed()))
def test_a_state_and_an_event_lead_where_the_agreed_table_says(state: str, name: str) -> None:
    standing = Standing(state, "cleared", severity=3, closing_by="bo" if state == "closing" else None)
    after = _agreed()[(state, name)]
    if after == "-":
        with pytest.raises(Refused) as refused:
            step(standing, _event(name), NOW_MS, POLICY)
        assert refused.value.state == state
        assert refused.value.reason
    else:
        assert step(standing, _event(name), NOW_MS, POLICY).standing.state == after


def test_the_table_has_no_pair_that_was_not_agreed() -> None:
    agreed = {pair for pair, after in _agreed().items() if after != "-"}
    deadlines = {("acknowledged", "acknowledgement_expired"), ("shelved", "shelf_expired")}
    assert set(TABLE) == agreed | deadlines


@given(
    state=st.sampled_from(STATES),
    condition=st.sampled_from(lifecycle.CONDITIONS),
    severity=st.integers(1, 5),
    people=st.tuples(*[st.sampled_from((None, "an", "bo"))] * 3),
    cause=st.sampled_from((None, *CAUSES)),
    supervisor=st.booleans(),
)
def test_what_is_offered_is_done_and_what_is_refused_is_refused(
    state: str,
    condition: str,
    severity: int,
    people: tuple[str | None, str | None, str | None],
    cause: str | None,
    supervisor: bool,
) -> None:
    acknowledged_by, taken_by, closing_by = people
    standing = Standing(state, condition, severity, acknowledged_by, taken_by, closing_by, cause)
    offered = {choice.name: choice for choice in choices(standing, "an", supervisor, NOW_MS, POLICY)}
    for name in lifecycle.OPERATOR_EVENTS:
        choice = offered.get(name)
        for given_cause in CAUSES if name == "resolve" else ("breach_confirmed",):
            outcome = _outcome(standing, _event(name, supervisor=supervisor, cause=given_cause))
            if isinstance(outcome, Refused):
                assert choice is not None
                assert choice.refusal is not None or given_cause not in choice.causes
                if given_cause == CAUSES[0]:
                    assert choice.refusal is not None
                    assert outcome.code in (choice.refusal.code, "possible_now")
                    assert set(choice.refusal.values.get("acts", ())) <= set(offered)  # type: ignore[call-overload]
            else:
                assert outcome.changed == (choice is not None and choice.refusal is None)
                assert choice is None or name != "resolve" or given_cause in choice.causes


def _outcome(standing: Standing, event: Event) -> lifecycle.Step | Refused:
    try:
        return step(standing, event, NOW_MS, POLICY)
    except Refused as refused:
        return refused


def test_a_colleague_may_do_nothing_about_an_alarm_that_is_taken_and_a_supervisor_may_take_over() -> None:
    taken = Standing("in_progress", "active", 4, acknowledged_by="bo", taken_by="bo")

    def allowed(actor: str, supervisor: bool) -> set[str]:
        found = choices(taken, actor, supervisor, NOW_MS, POLICY)
        return {choice.name for choice in found if choice.refusal is None}

    assert allowed("bo", False) == {"release", "resolve"}
    assert allowed("an", False) == set()
    assert allowed("an", True) == {"take", "release", "resolve"}


def test_the_words_of_the_interface_are_those_of_the_lifecycle_and_of_the_contract() -> None:
    assert set(State.__args__) == set(STATES)
    assert set(Cause.__args__) == set(CAUSES)
    assert set(contract.KINDS) <= set(Kind.__args__) == set(SEVERITY_OF_KIND)
    assert set(contract.LEVELS) == set(SEVERITY_OF_LEVEL)
    assert set(contract.TRANSITIONS) == set(lifecycle.GATEWAY_EVENTS)


def test_an_unknown_event_is_the_callers_fault() -> None:
    with pytest.raises(InvalidRequest):
        step(lifecycle.born(3), Event("explode", "an"), NOW_MS, POLICY)


def test_a_cause_that_goes_away_never_closes_an_alarm() -> None:
    for state in lifecycle.OPEN_STATES:
        after = step(Standing(state, "active", 5), Event("cleared", "gateway", severity=5), NOW_MS, POLICY).standing
        assert after.state in lifecycle.OPEN_STATES
        assert after.condition == "cleared"


def test_worsening_brings_back_what_somebody_had_put_aside() -> None:
    for state in ("acknowledged", "shelved", "resolved"):
        done = step(Standing(state, "active", 3), Event("escalated", "gateway", severity=5), NOW_MS, POLICY)
        assert done.standing.state == "raised"
        assert done.standing.severity == 5
        assert "sound" in done.effects


def test_an_acknowledgement_lapses_at_its_deadline_and_not_before() -> None:
    acknowledged = step(lifecycle.born(4), Event("acknowledge", "an"), NOW_MS, POLICY).standing
    deadline = NOW_MS + POLICY.acknowledgement_ms
    assert acknowledged.deadline_ms == deadline
    with pytest.raises(Refused):
        step(acknowledged, Event("acknowledgement_expired", "system"), deadline - 1, POLICY)
    lapsed = step(acknowledged, Event("acknowledgement_expired", "system"), deadline, POLICY)
    assert lapsed.standing.state == "raised"
    assert lapsed.standing.acknowledged_by is None
    assert "sound" in lapsed.effects


def test_a_second_acknowledgement_keeps_the_first_name() -> None:
    first = step(lifecycle.born(4), Event("acknowledge", "an"), NOW_MS, POLICY).standing
    again = step(first, Event("acknowledge", "bo"), NOW_MS + 5, POLICY)
    assert not again.changed
    assert again.standing.acknowledged_by == "an"


def test_what_a_colleague_works_on_can_only_be_taken_over_by_a_supervisor() -> None:
    mine = step(lifecycle.born(4), Event("take", "an"), NOW_MS, POLICY).standing
    with pytest.raises(Refused, match="an has it"):
        step(mine, Event("take", "bo"), NOW_MS, POLICY)
    assert step(mine, Event("take", "chief", supervisor=True), NOW_MS, POLICY).standing.taken_by == "chief"


@pytest.mark.parametrize("minutes", [-1, 0, 481])
def test_shelving_needs_an_end_within_a_shift(minutes: int) -> None:
    with pytest.raises(InvalidRequest):
        step(lifecycle.born(3), _event("shelve", until_ms=NOW_MS + minutes * MINUTE_MS), NOW_MS, POLICY)


def test_a_severe_alarm_is_shelved_by_a_supervisor_only() -> None:
    with pytest.raises(Refused, match="supervisor"):
        step(lifecycle.born(5), _event("shelve"), NOW_MS, POLICY)
    assert step(lifecycle.born(5), _event("shelve", supervisor=True), NOW_MS, POLICY).standing.state == "shelved"


def test_a_severe_alarm_is_closed_by_two_people() -> None:
    mine = step(lifecycle.born(5), Event("take", "an"), NOW_MS, POLICY).standing
    asked = step(mine, Event("resolve", "an", cause="police_intervened"), NOW_MS, POLICY)
    assert asked.standing.state == "closing"
    assert "ask_second_person" in asked.effects
    with pytest.raises(Refused, match="second person"):
        step(asked.standing, Event("confirm_close", "an"), NOW_MS, POLICY)
    with pytest.raises(Refused, match="second person"):
        step(asked.standing, Event("confirm_close", "an", supervisor=True), NOW_MS, POLICY)
    assert step(asked.standing, Event("confirm_close", "bo"), NOW_MS, POLICY).standing.state == "resolved"


def test_nothing_returned_to_normal_while_its_cause_still_holds() -> None:
    mine = Standing("in_progress", "active", 3, taken_by="an")
    with pytest.raises(Refused, match="still holds"):
        step(mine, Event("resolve", "an", cause="returned_to_normal"), NOW_MS, POLICY)


def test_a_closing_falls_when_the_cause_comes_back() -> None:
    closing = Standing("closing", "cleared", 5, taken_by="an", closing_by="an", cause="returned_to_normal")
    again = step(closing, Event("raised", "gateway", severity=5), NOW_MS, POLICY).standing
    assert again.state == "in_progress"
    assert again.closing_by is None
    assert again.cause is None


@given(
    st.lists(
        st.tuples(st.sampled_from(EVENTS), st.sampled_from(["an", "bo"]), st.booleans(), st.integers(1, 5)), max_size=40
    )
)
def test_whatever_happens_an_alarm_is_only_closed_by_a_person_with_a_cause(
    story: list[tuple[str, str, bool, int]],
) -> None:
    standing, now_ms, closer = lifecycle.born(5), NOW_MS, ""
    for name, actor, supervisor, of_severity in story:
        now_ms += 7 * MINUTE_MS
        event = Event(name, actor, supervisor, of_severity, "test", now_ms + MINUTE_MS)
        before = standing
        try:
            standing = step(standing, event, now_ms, POLICY).standing
        except Refused:
            assert standing is before
            continue
        assert standing.state in STATES
        if name == "resolve":
            closer = actor
        if standing.state == "resolved" and before.state != "resolved":
            assert name in {"resolve", "confirm_close"}
            assert standing.cause == "test"
            assert name == "resolve" or actor != closer
            assert name == "confirm_close" or before.severity < POLICY.four_eyes_severity
        if standing.state in {"acknowledged", "shelved"}:
            assert standing.deadline_ms is not None, "nothing is put aside without an end"


@given(st.sampled_from(sorted(SEVERITY_OF_KIND)), st.sampled_from([*SEVERITY_OF_LEVEL, "new"]))
def test_severity_is_one_to_five_and_never_more_than_one_below_its_kind(kind: str, level: str) -> None:
    assert 1 <= severity(kind, level) <= 5
    assert severity(kind, level) >= SEVERITY_OF_KIND[kind] - 1


def test_what_nobody_knows_counts_as_the_worst() -> None:
    assert severity("meteor", "info") >= 4
    assert severity("panic", "unheard-of") == 5


def test_upkeep_never_looks_like_danger() -> None:
    assert severity("battery_low", "critical") < severity("proximity_prealert", "warning")


@given(st.integers(1, 4), st.floats(0, 1), st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1e6))
def test_no_probability_or_distance_outweighs_a_step_of_severity(
    lower: int, p1: float, d1: float, p2: float, d2: float
) -> None:
    for a, b in itertools.product(("active", "cleared"), repeat=2):
        assert risk(lower + 1, a, p1, d1) > risk(lower, b, p2, d2)


def test_an_unknown_probability_counts_as_bad() -> None:
    assert risk(4, "active", None, 500.0) >= risk(4, "active", 0.9, 500.0)
