"""How often a tracker has to report: as rarely as cannot miss a breach, by the same bound that judges silence.

Two people who are `slack` metres away from a breach and close in at most at V metres a second need slack / V seconds
for it. A tracker that reports at half that interval is heard before half of the way is gone, and before all of it even
when one report is lost. Then the bound is taken anew.

The monitored person's interval follows from his own zones only, which he knows. It never follows from a moving
protected person: a tracker that wakes more often when she is near would tell him that she is (docs/adr/0031).
"""

from __future__ import annotations

from gateway.geofence import silence
from gateway.geofence.case import MONITORED, State
from gateway.geofence.tracks import fix_ms

# Few steps, so that small movements change nothing. The longest keeps two reports within the 4 minutes of NIJ 1004.00
# section 5.3.5.
STEPS_MS = (2_000, 5_000, 10_000, 20_000, 60_000, 120_000)
USUAL_MS = 10_000  # while a moving person is to be protected from this wearer, and while a place is not known
REPORTS_IN_BOUND = 2  # one may be lost
LENGTHEN_FACTOR = 1.5  # a longer interval is given only with this to spare, so that it does not flip at a step


def interval_ms(slack_m: float, closing_m_s: float, now_in_force_ms: int | None = None) -> int:
    """The longest step that keeps REPORTS_IN_BOUND reports within slack_m / closing_m_s; the shortest when none does.

    slack_m >= 0 in metres, closing_m_s > 0. With an interval in force, a longer one is chosen only with room to spare.
    """
    bound_ms = 1000.0 * max(slack_m, 0.0) / closing_m_s / REPORTS_IN_BOUND
    chosen = STEPS_MS[0]
    for step_ms in STEPS_MS:
        longer = now_in_force_ms is not None and step_ms > now_in_force_ms
        if step_ms * (LENGTHEN_FACTOR if longer else 1.0) <= bound_ms:
            chosen = step_ms
    return chosen


def wanted_ms(state: State, device_id: str, now_ms: int, now_in_force_ms: int | None = None) -> int:
    """The interval that this order asks of one of its trackers now."""
    track = state.tracks[device_id]
    rules = state.case.rules
    monitored = state.case.person_of[device_id] == MONITORED
    if monitored and any(key.startswith("pair:") for key in state.active):
        return USUAL_MS
    if not state.active:
        return STEPS_MS[-1]
    slack_m, _ = silence.clearance_m(state, track)
    if slack_m is None:
        return USUAL_MS
    # Since they were last seen both may have moved: what they can have covered is no longer there as slack.
    moving = [device_id] if monitored else [device_id, state.case.device_of.get(MONITORED, device_id)]
    for device in moving:
        seen_ms = fix_ms(state.tracks[device])
        slack_m -= rules.reach_speed_m_s * max(now_ms - (seen_ms or now_ms), 0) / 1000
    return interval_ms(slack_m, rules.reach_speed_m_s * len(moving), now_in_force_ms)
