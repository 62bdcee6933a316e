"""Whatever is planned, no alarm of a person at risk ever stands aside; and every window ends by the clock alone."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarm_backend.alarms.risk import severity
from alarm_backend.alarms.schemas import Kind
from alarm_backend.maintenance.coverage import SCOPES, Subject, Window, covering
from gateway.contract.transitions import LEVELS

NOW_MS = 1_000_000
NEVER = {  # written down here once more, from what the alarms mean and not from the code
    "proximity_prealert",
    "proximity_alert",
    "zone_buffer",
    "zone_entry",
    "panic",
    "strap_cut",
    "jamming",
    "spoofing",
    "device_left_behind",
    "order_not_judged",
    "order_not_active",
    "escalation_stopped",
}
UNWATCHED = {"contact_loss", "gnss_loss", "case_opened"}

TARGETS = ("trk-1", "gateway-1")
SUBJECTS = [
    Subject(kind, severity(kind, level), device, source, at_risk)
    for kind in (*get_args(Kind), "a_kind_of_tomorrow")
    for level in LEVELS
    for device in ("trk-1", "trk-2", None)
    for source in ("gateway-1", "gateway-1-broker", None)
    for at_risk in (False, True)
]
RUNNING = [
    Window("w", scope, target, NOW_MS, NOW_MS + 1, second_person)
    for scope in SCOPES
    for target in TARGETS
    for second_person in (False, True)
]


@pytest.mark.parametrize("planned", RUNNING, ids=str)
def test_no_alarm_of_a_person_at_risk_is_ever_hidden_by_a_window(planned: Window) -> None:
    """Every alarm that there is, beside every window: drawn at random they would hardly ever meet."""
    for subject in SUBJECTS:
        window = covering([planned], subject, NOW_MS)
        if window is None:
            continue
        assert subject.kind not in NEVER | {"a_kind_of_tomorrow"}, subject
        assert not (subject.person_at_risk and subject.kind in UNWATCHED), subject
        assert subject.severity <= 3 or subject.kind == "gateway_silent", subject
        assert window.second_person or (window.scope == "device" and not subject.person_at_risk), ("four eyes", subject)
        about = subject.source if subject.kind == "gateway_silent" else subject.device_id
        assert about is not None, ("only what is known to be worked on", subject)
        if window.scope == "device":
            assert about == window.target, subject


def test_a_window_does_cover_what_is_worked_on() -> None:
    covered = {s.kind for s in SUBJECTS for w in RUNNING if covering([w], s, NOW_MS)}
    assert covered == {"battery_low", "battery_critical", "contact_loss", "gnss_loss", "case_opened", "gateway_silent"}


windows = st.builds(
    Window,
    window_id=st.uuids().map(str),
    scope=st.sampled_from(SCOPES),
    target=st.sampled_from(TARGETS),
    starts_ms=st.integers(NOW_MS - 2000, NOW_MS + 1000),
    ends_ms=st.integers(NOW_MS - 1000, NOW_MS + 2000),
    second_person=st.booleans(),
)


@given(windows, st.sampled_from(SUBJECTS), st.integers(0, 10_000))
def test_a_window_that_is_over_covers_nothing(window: Window, subject: Subject, later_ms: int) -> None:
    assert covering([window], subject, window.ends_ms + later_ms) is None
    assert covering([window], subject, window.starts_ms - 1 - later_ms) is None
