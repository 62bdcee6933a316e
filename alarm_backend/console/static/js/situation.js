// Who is where: the last hour of positions of each order's parties, and the distance between them.
import { circle, distance } from "./geodesy.js";

export const TRACK_MS = 3600_000;
const TREND_MS = 90_000; // the window that the closing speed is fitted over; ASSUMED: three reports of 30 s
const PAIR_AGE_MAX_MS = 180_000; // further apart in time than this, two fixes make no distance
export const FIX_FRESH_MS = 90_000; // older is no longer "now": three missed reports of 30 s; ASSUMED
const STEADY_M_S = 0.3; // below this the distance is called steady: half a walking pace, ASSUMED

export class Situation {
  constructor(nowMs) {
    this.nowMs = nowMs;
    this.orders = new Map(); // order_id → order
    this.tracks = new Map(); // order_id → Map(person_id → {role, fixes: []})
    this.newestMs = 0;
    this.version = new Map(); // order_id → how many fixes were added, so that what follows from them is computed once
    this.derived = new Map();
  }

  load({ orders, tracks }) {
    this.orders = new Map();
    this.merge({ orders, tracks });
  }

  /** Add orders and tracks to what is known. */
  merge({ orders, tracks }) {
    for (const order of orders) {
      for (const zone of order.zones.features) zone.geometry ??= disc(zone.properties);
      this.orders.set(order.order_id, order);
    }
    for (const { order_id, person_id, role, positions } of tracks) for (const position of positions) this.add({ order_id, person_id, role, ...position });
  }

  /** A fix: may be late or repeated. Returns whether it was new. */
  add(position) {
    let people = this.tracks.get(position.order_id);
    if (!people) this.tracks.set(position.order_id, (people = new Map()));
    let track = people.get(position.person_id);
    if (!track) people.set(position.person_id, (track = { role: position.role, fixes: [] }));
    const fixes = track.fixes;
    let at = fixes.length;
    while (at > 0 && fixes[at - 1].fix_ms > position.fix_ms) at--;
    if (at > 0 && fixes[at - 1].fix_ms === position.fix_ms) return false;
    fixes.splice(at, 0, position);
    this.version.set(position.order_id, (this.version.get(position.order_id) ?? 0) + 1);
    const oldest = fixes.at(-1).fix_ms - TRACK_MS;
    while (fixes[0].fix_ms < oldest) fixes.shift();
    this.newestMs = Math.max(this.newestMs, position.fix_ms);
    return true;
  }

  /** The same as it was known at an earlier time: no fix after it. */
  asOf(ms) {
    const then = new Situation(() => ms);
    then.orders = this.orders;
    for (const people of this.tracks.values()) for (const track of people.values()) for (const fix of track.fixes) if (fix.fix_ms <= ms) then.add(fix);
    return then;
  }

  /** The oldest and newest fix of an order; null without any. */
  span(orderId) {
    const fixes = [...(this.tracks.get(orderId)?.values() ?? [])].flatMap((track) => [track.fixes[0], track.fixes.at(-1)]);
    if (!fixes.length) return null;
    return { fromMs: Math.min(...fixes.map((f) => f.fix_ms)), untilMs: Math.max(...fixes.map((f) => f.fix_ms)) };
  }

  /** Who is drawn for an alarm, as [person, role]: whom it names, then everybody else of its order who was seen. */
  parties({ order_id, protected: victim, monitored }) {
    const named = [[victim, "protected"], [monitored, "monitored"]].filter(([person]) => person);
    const others = [...(this.tracks.get(order_id) ?? [])].filter(([person]) => person !== victim && person !== monitored);
    return [...named, ...others.map(([person, { role }]) => [person, role])];
  }

  /** The distance between the two an alarm is about. One that names only one of them (a cut strap) is about the nearest other of its order too. */
  betweenOf(alarm) {
    const of = (role) => this.parties(alarm).filter(([, theirs]) => theirs === role).map(([person]) => person);
    const monitored = alarm.monitored ? [alarm.monitored] : of("monitored"), victims = alarm.protected ? [alarm.protected] : of("protected");
    const pairs = monitored.flatMap((one) => victims.map((other) => this.between(alarm.order_id, one, other))).filter(Boolean);
    return pairs.sort((a, b) => a.distanceM - b.distanceM)[0] ?? null;
  }

  /** How near they are by their newest positions; to a zone, or without positions, as the gateway last told it. */
  distanceOf(alarm) {
    const live = alarm.zone_id && !alarm.protected ? null : this.betweenOf(alarm);
    if (live || alarm.distance_m === null || alarm.distance_m === undefined) return live;
    const ageMs = this.nowMs() - alarm.updated_ms;
    return { distanceM: alarm.distance_m, ageMs, closingMS: null, contactMs: null, stale: ageMs > FIX_FRESH_MS };
  }

  track(orderId, personId) {
    return this.tracks.get(orderId)?.get(personId)?.fixes ?? [];
  }

  last(orderId, personId) {
    return this.track(orderId, personId).at(-1) ?? null;
  }

  /** Distances over time: at each fix of either, against the other's newest fix before it. Oldest first. */
  distances(orderId, monitored, protectedPerson) {
    const key = `${orderId} ${monitored} ${protectedPerson}`, version = this.version.get(orderId) ?? 0;
    const known = this.derived.get(key);
    if (known?.version === version) return known.series;
    const series = this.distancesFrom(orderId, monitored, protectedPerson);
    this.derived.set(key, { version, series });
    return series;
  }

  distancesFrom(orderId, monitored, protectedPerson) {
    const a = this.track(orderId, monitored), b = this.track(orderId, protectedPerson);
    const series = [];
    let i = 0, j = 0;
    while (i < a.length || j < b.length) {
      const stepA = j >= b.length || (i < a.length && a[i].fix_ms <= b[j].fix_ms);
      if (stepA) i++;
      else j++;
      const p = a[i - 1], q = b[j - 1];
      if (!p || !q || Math.abs(p.fix_ms - q.fix_ms) > PAIR_AGE_MAX_MS) continue;
      series.push({ ms: Math.max(p.fix_ms, q.fix_ms), m: distance(p, q) });
    }
    return series;
  }

  /** Distance now, closing speed (positive = nearer) and time to contact; null where it cannot be known. */
  between(orderId, monitored, protectedPerson) {
    const p = this.last(orderId, monitored), q = this.last(orderId, protectedPerson);
    if (!p || !q) return null;
    const series = this.distances(orderId, monitored, protectedPerson);
    const atMs = Math.min(p.fix_ms, q.fix_ms);
    const found = { monitored, protectedPerson, distanceM: distance(p, q), ageMs: this.nowMs() - atMs, closingMS: null, contactMs: null, series };
    found.stale = found.ageMs > FIX_FRESH_MS;
    // How fast they closed in minutes ago says nothing about now.
    if (found.stale) return found;
    const newest = Math.max(p.fix_ms, q.fix_ms);
    const recent = series.filter((point) => point.ms >= newest - TREND_MS);
    found.closingMS = closingSpeed(recent);
    if (found.closingMS !== null && found.closingMS > STEADY_M_S) found.contactMs = (found.distanceM / found.closingMS) * 1000;
    return found;
  }
}

/** A circular zone comes as its centre and radius. */
const disc = ({ center: [lon, lat], radius_m }) => ({ type: "Polygon", coordinates: [circle(lon, lat, radius_m)] });

export const isSteady = (closingMS) => Math.abs(closingMS) <= STEADY_M_S;

/** Minus the slope of the least-squares line through distance over time, m/s; null with too little to say. */
function closingSpeed(points) {
  if (points.length < 3) return null;
  const meanT = points.reduce((sum, p) => sum + p.ms, 0) / points.length;
  const meanD = points.reduce((sum, p) => sum + p.m, 0) / points.length;
  let covariance = 0, variance = 0;
  for (const p of points) {
    const t = (p.ms - meanT) / 1000;
    covariance += t * (p.m - meanD);
    variance += t * t;
  }
  return variance < 25 ? null : -covariance / variance;
}
