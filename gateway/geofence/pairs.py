"""Two moving persons: distance and probability at one time, and who came to whom."""

from __future__ import annotations

import math
from typing import NamedTuple

from gateway.contract.orders import Proximity
from gateway.geofence import ellipsoid, motion, probability
from gateway.geofence.motion import Estimate
from gateway.geofence.rules import Rules
from gateway.geofence.tracks import Track, estimate_at

APPROACH_LOOKBACK_MS = 120_000
VEHICLE_M_S = 5.0
ONE_SIDED_SHARE = 0.75
SAME_ROAD_COS = math.cos(math.radians(30))


class Look(NamedTuple):
    """A pair at one time, metres; `contact_low_s` and `contact_high_s` bound the time to the alert distance."""

    time_ms: int
    distance_m: float
    sd_m: float
    p_alert: float
    p_prealert: float
    p_critical: float
    closing_m_s: float
    contact_low_s: float | None
    contact_high_s: float | None
    monitored: Estimate
    protected: Estimate


def _joint_sd_m(a: Estimate, b: Estimate, rules: Rules) -> float:
    return math.hypot(motion.position_sd_m(a, rules), motion.position_sd_m(b, rules))


def look(monitored: Track, protected: Track, proximity: Proximity, time_ms: int, rules: Rules) -> Look | None:
    """The pair at this time, both brought to it by their motion; None while either has never been seen."""
    m, p = estimate_at(monitored, time_ms, rules), estimate_at(protected, time_ms, rules)
    if m is None or p is None:
        return None
    distance_m = ellipsoid.distance(m.lat, m.lon, p.lat, p.lon)
    sd_m = _joint_sd_m(m, p, rules)
    alert_m = proximity.alert_distance_m
    closing, low, high = _time_to_contact(m, p, distance_m, alert_m)
    return Look(
        time_ms,
        distance_m,
        sd_m,
        probability.within_distance(alert_m, distance_m, sd_m),
        probability.within_distance(proximity.prealert_distance_m, distance_m, sd_m),
        probability.within_distance(rules.critical_share * alert_m, distance_m, sd_m),
        closing,
        low,
        high,
        m,
        p,
    )


def _time_to_contact(
    m: Estimate, p: Estimate, distance_m: float, alert_m: float
) -> tuple[float, float | None, float | None]:
    """Closing speed (m/s) and the 90 % bounds of the time in seconds until the alert distance is reached."""
    north, east = ellipsoid.offset(m.lat, m.lon, p.lat, p.lon)
    if distance_m <= 1.0:
        return 0.0, None, None
    closing = ((m.north_m_s - p.north_m_s) * north + (m.east_m_s - p.east_m_s) * east) / distance_m
    gap_m = distance_m - alert_m
    spread = 1.645 * math.sqrt(m.vv + p.vv)
    if gap_m <= 0 or closing + spread <= 0:
        return closing, None, None
    return closing, gap_m / (closing + spread), gap_m / (closing - spread) if closing > spread else None


def who_approached(monitored: Track, protected: Track, rules: Rules) -> dict[str, float | str]:
    """Who closed the distance over the last two minutes: monitored, protected, both, same_road, neither or unknown."""
    m, p = monitored.here, protected.here
    if m is None or p is None:
        return {"who": "unknown"}
    now_ms = max(m.time_ms, p.time_ms)
    vm, vp = _mean_velocity(monitored, now_ms), _mean_velocity(protected, now_ms)
    north, east = ellipsoid.offset(m.lat, m.lon, p.lat, p.lon)
    distance_m = math.hypot(north, east)
    if vm is None or vp is None or distance_m < 1.0:
        return {"who": "unknown"}
    by_m = (vm[0] * north + vm[1] * east) / distance_m
    by_p = -(vp[0] * north + vp[1] * east) / distance_m
    speed_m, speed_p = math.hypot(*vm), math.hypot(*vp)
    total = by_m + by_p
    same_way = vm[0] * vp[0] + vm[1] * vp[1] > SAME_ROAD_COS * speed_m * speed_p
    if min(speed_m, speed_p) > VEHICLE_M_S and same_way:
        who = "same_road"
    elif total < 0.2:
        who = "neither"
    elif by_m >= ONE_SIDED_SHARE * total:
        who = "monitored"
    elif by_p >= ONE_SIDED_SHARE * total:
        who = "protected"
    else:
        who = "both"
    return {"who": who, "monitored_closing_m_s": round(by_m, 2), "protected_closing_m_s": round(by_p, 2)}


def _mean_velocity(track: Track, now_ms: int) -> tuple[float, float] | None:
    """Metres per second (north, east) over the look-back; still when nothing newer came within it."""
    here = track.here
    if here is None:
        return None
    history = () if track.resting else track.history
    past = [point for point in history if now_ms - point.time_ms <= APPROACH_LOOKBACK_MS]
    if not past and track.before is not None:
        past = [p for p in history if p.time_ms < here.time_ms][-1:]
    if not past or here.time_ms <= past[0].time_ms:
        return (here.north_m_s, here.east_m_s) if track.before is not None else None
    dt = (here.time_ms - past[0].time_ms) / 1000.0
    north, east = ellipsoid.offset(past[0].lat, past[0].lon, here.lat, here.lon)
    return north / dt, east / dt
