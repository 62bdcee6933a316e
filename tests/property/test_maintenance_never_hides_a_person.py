"""Whatever is planned, no alarm of a person at risk ever stands aside; and every window ends by the clock alone."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from alarm_backend.alarms.risk import severity
from alarm_backend.alarms.schemas import Kind
from alarm_backend.maintenance.coverage import SCOPES, Subject, Window, covering
from gateway.contract.transitions import LEVELS

NAMES = ("trk-1", "trk-2", "gateway-1", "gateway-1-broker", "")
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

windows = st.builds(
    Window,
    window_id=st.uuids().map(str),
    scope=st.sampled_from(SCOPES),
    target=st.sampled_from(NAMES),
    starts_ms=st.integers(NOW_MS - 2000, NOW_MS + 1000),
    ends_ms=st.integers(NOW_MS - 1000, NOW_MS + 2000),
    second_person=st.booleans(),
)


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    kind = draw(st.sampled_from([*get_args(Kind), "a_kind_of_tomorrow"]))
    device, source = draw(st.sampled_from((*NAMES, None))), draw(st.sampled_from((*NAMES, None)))
    return Subject(kind, severity(kind, draw(st.sampled_from(LEVELS))), device, source, draw(st.booleans()))


@given(st.lists(windows, max_size=6), subjects())
def test_no_alarm_of_a_person_at_risk_is_ever_hidden_by_a_window(planned: list[Window], subject: Subject) -> None:
    window = covering(planned, subject, NOW_MS)
    if subject.kind in NEVER or subject.kind == "a_kind_of_tomorrow":
        assert window is None
    if subject.person_at_risk and subject.kind in UNWATCHED:
        assert window is None
    if subject.severity > 3 and subject.kind != "gateway_silent":
        assert window is None
    if window is not None:
        assert window.starts_ms <= NOW_MS < window.ends_ms, "it runs"
        assert window.second_person or (window.scope == "device" and not subject.person_at_risk), "four eyes"
        about = subject.source if subject.kind == "gateway_silent" else subject.device_id
        assert about is not None, "only what is known to be worked on"
        if window.scope == "device":
            assert about == window.target


@given(windows, subjects(), st.integers(0, 10_000))
def test_a_window_that_is_over_covers_nothing(window: Window, subject: Subject, later_ms: int) -> None:
    assert covering([window], subject, window.ends_ms + later_ms) is None
    assert covering([window], subject, window.starts_ms - 1 - later_ms) is None
