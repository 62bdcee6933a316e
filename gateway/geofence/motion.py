"""Motion filter of one tracker: position and velocity with an honest covariance, and a place for doubted fixes.

State is (lat, lon, north and east velocity) with one covariance for both axes, since GNSS states one accuracy for both:
pp (m2), pv (m2/s), vv (m2/s2). Velocity follows an integrated Ornstein-Uhlenbeck process.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from gateway.geofence import ellipsoid
from gateway.geofence.probability import R68_PER_SD
from gateway.geofence.rules import Rules


class Observation(NamedTuple):
    """One row or message of a tracker. Without a position its fields are None; event is "" or a word of fixes.csv."""

    device_id: str
    time_ms: int
    lat: float | None
    lon: float | None
    accuracy_m: float | None
    speed_m_s: float | None
    course_deg: float | None
    event: str
    source: str = "tracker"


class Estimate(NamedTuple):
    """Where a tracker is at `time_ms`: degrees, m/s, and the covariance per axis. `fix_sd_m` is the last fix's own."""

    time_ms: int
    lat: float
    lon: float
    north_m_s: float
    east_m_s: float
    pp: float
    pv: float
    vv: float
    fix_sd_m: float

    def speed_m_s(self) -> float:
        return math.hypot(self.north_m_s, self.east_m_s)


class Verdict(NamedTuple):
    """What the gate says of a fix: "fits", "surprising" (possible, unlike what came before) or "impossible"."""

    word: str
    nis: float
    jump_m: float


def fix_sd_m(observation: Observation, rules: Rules) -> float:
    """Deviation per axis of a fix: its stated 68 % radius, or the stated ASSUMED value when it has none."""
    stated = observation.accuracy_m
    radius_m = rules.accuracy_missing_m if stated is None else max(stated, rules.accuracy_floor_m)
    return radius_m / R68_PER_SD


def start(observation: Observation, rules: Rules) -> Estimate:
    """The estimate from a first fix: its position, velocity as reported or unknown."""
    if observation.lat is None or observation.lon is None:
        raise ValueError("a first fix needs a position")
    sd = fix_sd_m(observation, rules)
    unknown = rules.velocity_unknown_m_s**2
    first = Estimate(observation.time_ms, observation.lat, observation.lon, 0.0, 0.0, sd * sd, 0.0, unknown, sd)
    return _with_reported_velocity(first, observation)


def predict(estimate: Estimate, time_ms: int, rules: Rules) -> Estimate:
    """The estimate at another time: velocity fades, uncertainty grows. Going back in time mirrors going forward."""
    dt = (time_ms - estimate.time_ms) / 1000.0
    if dt == 0:
        return estimate
    span = abs(dt)
    tau = rules.velocity_memory_ms / 1000.0
    fade = math.exp(-span / tau)
    carry = tau * (1 - fade)
    sv = rules.wander_base_m_s + rules.wander_share * estimate.speed_m_s()
    ratio = span / tau
    # Growth of position variance; below 1 % of the memory its series avoids cancellation.
    grown = 2 * ratio**3 / 3 if ratio < 0.01 else 2 * ratio - 3 + 4 * fade - fade * fade
    q_pp = sv * sv * tau * tau * grown
    q_pv = sv * sv * tau * (1 - fade) ** 2
    q_vv = sv * sv * (1 - fade * fade)
    signed = math.copysign(carry, dt)
    lat, lon = ellipsoid.moved(estimate.lat, estimate.lon, estimate.north_m_s * signed, estimate.east_m_s * signed)
    pp, pv, vv = estimate.pp, estimate.pv, estimate.vv
    return Estimate(
        time_ms,
        lat,
        lon,
        estimate.north_m_s * fade,
        estimate.east_m_s * fade,
        pp + 2 * carry * abs(pv) + carry * carry * vv + q_pp,
        fade * (pv + carry * vv) + q_pv,
        fade * fade * vv + q_vv,
        estimate.fix_sd_m,
    )


def judge(estimate: Estimate, observation: Observation, rules: Rules, noise: float, usual_m_s: float = 0.0) -> Verdict:
    """Whether a fix can be the same tracker still moving as it did; NIS has 2 degrees of freedom.

    `usual_m_s` is how fast the tracker has been lately: who drives may drive on, who sat does not leap.
    """
    if observation.lat is None or observation.lon is None:
        raise ValueError("a fix needs a position")
    ahead = predict(estimate, observation.time_ms, rules)
    sd = fix_sd_m(observation, rules)
    north, east = ellipsoid.offset(ahead.lat, ahead.lon, observation.lat, observation.lon)
    jump2 = north * north + east * east
    nis = jump2 / (ahead.pp + noise * sd * sd)
    jump_m = math.sqrt(jump2)
    dt = max((observation.time_ms - estimate.time_ms) / 1000.0, 0.0)
    spread_m = math.sqrt(noise * (sd * sd + estimate.fix_sd_m**2) + estimate.vv * dt * dt)
    reach_m = rules.gate_sd * spread_m + 0.5 * rules.acceleration_max_m_s2 * dt * dt
    travelled_m = ellipsoid.distance(estimate.lat, estimate.lon, observation.lat, observation.lon)
    if jump_m > reach_m or travelled_m > rules.speed_max_m_s * dt + rules.gate_sd * spread_m:
        return Verdict("impossible", nis, jump_m)
    implied = travelled_m / dt if dt > 0 else 0.0
    usual = max(estimate.speed_m_s(), observation.speed_m_s or 0.0, 2 * usual_m_s)
    if nis > rules.surprise_nis and implied > usual + rules.surprise_speed_m_s:
        return Verdict("surprising", nis, jump_m)
    return Verdict("fits", nis, jump_m)


def update(estimate: Estimate, observation: Observation, rules: Rules, noise: float) -> Estimate:
    """The estimate after an accepted fix (Kalman). A fix far off the prediction restarts it: a manoeuvre, not noise."""
    if observation.lat is None or observation.lon is None:
        raise ValueError("a fix needs a position")
    ahead = predict(estimate, observation.time_ms, rules)
    sd = fix_sd_m(observation, rules)
    r = noise * sd * sd
    north, east = ellipsoid.offset(ahead.lat, ahead.lon, observation.lat, observation.lon)
    pp, pv, vv = ahead.pp, ahead.pv, ahead.vv
    nis = (north * north + east * east) / (pp + r)
    if nis > 9.21:  # 1 % of chi-square with 2 degrees of freedom: the prediction was too sure; widen it to agree.
        widen = nis / 9.21
        pp, pv, vv = pp * widen, pv * widen, vv * widen
    s = pp + r
    kp, kv = pp / s, pv / s
    lat, lon = ellipsoid.moved(ahead.lat, ahead.lon, kp * north, kp * east)
    merged = Estimate(
        observation.time_ms,
        lat,
        lon,
        ahead.north_m_s + kv * north,
        ahead.east_m_s + kv * east,
        (1 - kp) * pp,
        (1 - kp) * pv,
        vv - kv * pv,
        sd,
    )
    return _with_reported_velocity(merged, observation)


def _with_reported_velocity(estimate: Estimate, observation: Observation) -> Estimate:
    """Takes in the receiver's own speed and course; below 0.5 m/s the course is noise and the speed says "still"."""
    speed = observation.speed_m_s
    if speed is None or (observation.course_deg is None and speed >= 0.5):
        return estimate
    course = math.radians(observation.course_deg or 0.0)
    north, east = (speed * math.cos(course), speed * math.sin(course)) if speed >= 0.5 else (0.0, 0.0)
    # Doppler is good to decimetres per second; the reporting moment and smoothing are not (ASSUMED 1 m/s and 20 %).
    r = 1.0 + (0.2 * speed) ** 2
    k = estimate.vv / (estimate.vv + r)
    kp = estimate.pv / (estimate.vv + r)
    dn, de = north - estimate.north_m_s, east - estimate.east_m_s
    lat, lon = ellipsoid.moved(estimate.lat, estimate.lon, kp * dn, kp * de)
    return estimate._replace(
        lat=lat,
        lon=lon,
        north_m_s=estimate.north_m_s + k * dn,
        east_m_s=estimate.east_m_s + k * de,
        pp=estimate.pp - kp * estimate.pv,
        pv=(1 - k) * estimate.pv,
        vv=(1 - k) * estimate.vv,
    )


def position_sd_m(estimate: Estimate, rules: Rules) -> float:
    """Deviation per axis of the position, never below the share of the fix's own error that averaging leaves."""
    return math.sqrt(max(estimate.pp, (rules.correlated_share * estimate.fix_sd_m) ** 2))
