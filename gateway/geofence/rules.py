"""The numbers the decisions depend on; each names its evidence or says ASSUMED."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

ENGINE = "geofence/6"


@dataclass(frozen=True)
class Rules:
    """Thresholds of the decision core. Distances in metres, speeds in m/s, times in milliseconds."""

    # Probability of breach. Missing a breach costs more than an early alarm some metres outside the border, so the
    # threshold lies below one half; clearing needs near-certainty and time (docs/adr/0021, tuned on perturbed tracks).
    p_sure: float = 0.8
    p_raise: float = 0.35
    # A moment between fixes on either side of both persons is judged once: no later fix shows it better (ADR 0155).
    p_last_look: float = 0.15
    p_clear: float = 0.05
    p_level: float = 0.5
    clear_hold_ms: int = 60_000
    # Fixes at least this far apart are judged one by one: a breach of 30 s may show in one of them only.
    single_fix_interval_ms: int = 12_000

    # Uncertainty of a fix without stated accuracy: NIJ 1004.00 section 5.3 allows 30 m (90 %) indoors, 21 m at 68 %.
    accuracy_missing_m: float = 20.0
    accuracy_floor_m: float = 1.0
    # GNSS errors last tens of seconds, so averaging does not make them vanish: with this share left standing the errors
    # are 1.0 to 1.4 times what is stated when they last a minute (tests/property/test_gateway_motion.py; 3.9 with 0.5).
    correlated_share: float = 0.85

    # Motion: velocity wanders (integrated Ornstein-Uhlenbeck), more so when fast. ASSUMED, checked on real tracks.
    velocity_memory_ms: float = 30_000.0
    wander_base_m_s: float = 0.7
    wander_share: float = 0.5
    velocity_unknown_m_s: float = 10.0
    # The way between two fixes is bridged with that wandering for so long at most, and by so much (ASSUMED).
    bridge_gap_max_s: float = 120.0
    # Physical limits for telling movement from a multipath jump: emergency braking about 8 m/s2, half of it held.
    acceleration_max_m_s2: float = 4.0
    speed_max_m_s: float = 90.0
    gate_sd: float = 5.0
    surprise_nis: float = 25.0
    surprise_speed_m_s: float = 8.0
    jump_confirm_ms: int = 15_000
    jump_confirm_fixes: int = 3
    jump_timeout_ms: int = 30_000

    # Silence. 120 km/h, the limit on Belgian motorways, on roads a third longer than the straight line, after a minute
    # to set out for who was not travelling (ASSUMED upper bound of travel).
    reach_speed_m_s: float = 25.0
    # No motorway runs from door to door: the first and the last 2 km at 14 m/s along the straight line, 65 km/h on
    # streets where 50 or 30 is the limit (ASSUMED). Who is travelling already has only the last of them before him.
    street_speed_m_s: float = 14.0
    street_m: float = 2_000.0
    reach_start_ms: int = 60_000
    travelling_m_s: float = 2.0
    # Nobody flees into a ban unawares at full speed: 54 km/h in a straight line, on streets the 50 km/h that is allowed
    # over roads a third longer (ASSUMED).
    protected_reach_speed_m_s: float = 15.0
    protected_street_speed_m_s: float = 10.0
    # At rest, and while the monitored person is heard: she walks about (5.4 km/h) for an hour before she sets out for
    # anywhere (ASSUMED; docs/adr/0197 has what it costs and saves).
    protected_rest_ms: int = 3_600_000
    rest_walk_m_s: float = 1.5
    overdue_intervals: float = 2.5
    overdue_min_ms: int = 90_000
    silence_max_ms: int = 4 * 3_600_000
    never_reported_ms: int = 15 * 60_000
    # Before its pace is known a tracker may be silent for 4 minutes (NIJ 1004.00 section 5.3.5): 2.5 times this.
    interval_assumed_ms: float = 96_000.0

    # Time to contact: pre-alert when even the slow bound of the closing speed arrives within this time (ASSUMED).
    contact_horizon_ms: int = 90_000
    contact_velocity_age_ms: int = 20_000
    # The critical core of the alert distance (ASSUMED half of it).
    critical_share: float = 0.5

    # Conditions that a tracker reports once end after quiet (ASSUMED), so that the next report alarms again.
    panic_quiet_ms: int = 10 * 60_000
    case_quiet_ms: int = 10 * 60_000
    interference_quiet_ms: int = 10 * 60_000
    battery_quiet_ms: int = 6 * 3_600_000
    left_behind_strap_ms: int = 10 * 60_000
    left_behind_still_ms: int = 48 * 3_600_000
    still_radius_m: float = 60.0

    # Far from everything: nothing is decided and the motion filter rests (the batch core skips such fixes).
    # The other person may have gone on since the last fix; what matters then comes with that person's own next fix.
    # Who hardly moves gets a narrower margin: as far as both come within the horizon of the time to contact at the pace
    # they have, and this much beside it (ASSUMED: minutes on foot); never more than the wide one (docs/adr/0162).
    quiet_margin_m: float = 1000.0
    quiet_margin_still_m: float = 300.0
    quiet_wander_m_s: float = 10.0

    def changed(self) -> dict[str, float]:
        """The thresholds that differ from the defaults, for the evidence."""
        standard = Rules()
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != getattr(standard, field.name)
        }


STANDARD = Rules()
