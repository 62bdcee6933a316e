// The map: an offline base layer, and on it the people of the open alarms, their tracks, zones and distances.
import { BaseLayer, decode } from "./base_layer.js";
import { Extent, FlatMap } from "./flat_map.js";
import { circle, offset } from "./geodesy.js";
import { MapOverlay } from "./map_overlay.js";
import { MapScale } from "./map_scale.js";
import { age, distance as sayDistance, limit as sayLimit, text } from "./texts.js";

const BELGIUM = new Extent([2.5, 49.45], [6.45, 51.55]);
const LIMITS = new Extent([0.5, 48.4], [8.5, 52.6]);
const LONE_ZOOM_MAX = 14; // one place alone: some two kilometres around it, so that a border or a name tells where it is
const ZONES_ZOOM_MAX = 12.5; // far enough out to read the names of the places around
const DRAWN = ["zones", "circles", "tracks", "discs", "link", "others"];
const GLIDE_MS = 250, STEP_MS = 150;

const feature = (type, coordinates, properties = {}) => ({ type: "Feature", geometry: { type, coordinates }, properties });
const figure = ({ distanceM, stale, ageMs }) => sayDistance(distanceM) + (stale ? ` · ${text("queue.stale", { age: age(ageMs) })}` : "");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export class MapView {
  /** Resolves when the map is drawn; rejects when its base layer cannot be had. */
  static async open(container, address, onChoose) {
    const response = await fetch(address);
    if (!response.ok) throw new Error(`base layer: status ${response.status}`);
    const view = new MapView(container, decode(await response.json(), document.documentElement.lang), onChoose);
    await new Promise((resolve) => view.map.on("paint", resolve));
    return view;
  }

  constructor(container, layer, onChoose) {
    this.follow = true;
    this.coveredPx = 0;
    this.markers = new Map();
    const ink = cached(colour);
    const base = new BaseLayer(layer, ink);
    this.map = new FlatMap(container, { extent: BELGIUM, limits: LIMITS, padding: 24, zoomMin: 6, zoomMax: 18, paint: base.paint });
    this.map.ground.setAttribute("role", "img");
    this.map.ground.setAttribute("aria-label", text("map.label"));
    this.overlay = new MapOverlay(this.map, ink);
    this.scale = new MapScale(this.map);
    this.map.on("moveend", () => this.drawGrid());
    this.map.on("resize", () => {
      if (this.follow) this.fit();
      this.drawGrid();
    });
    this.map.on("dragstart", () => this.setFollow(false));
    this.map.on("wheel", () => this.setFollow(false));
    this.map.on("click", (event) => {
      const chosen = this.overlay.near("others", event.point);
      if (chosen) onChoose(chosen.alarm_id);
    });
    document.fonts.ready.then(() => this.map.settle(this.map)); // names in the page's own letters
    this.drawGrid();
  }

  /** A square grid in whole metres, so that an eye without roads can still judge distance. */
  drawGrid() {
    const { west, east, south, north } = this.map.bounds();
    const middle = { lat: (south + north) / 2, lon: west };
    const widthM = offset(middle, { lat: middle.lat, lon: east }).east;
    const stepM = [100, 250, 500, 1000, 2500, 5000, 10000].find((step) => widthM / step < 14) ?? 0;
    const lines = [];
    if (stepM) {
      // Anchored in whole degrees, so that the lines stay where they are when the map moves.
      const degree = { east: offset({ lat: Math.round(middle.lat * 4) / 4, lon: 4 }, { lat: Math.round(middle.lat * 4) / 4, lon: 5 }).east, north: offset({ lat: 50, lon: 4 }, { lat: 51, lon: 4 }).north };
      const dLon = stepM / degree.east, dLat = stepM / degree.north;
      for (let lon = 4 + Math.ceil((west - 4) / dLon) * dLon; lon < east; lon += dLon) lines.push(feature("LineString", [[lon, south], [lon, north]]));
      for (let lat = 50 + Math.ceil((south - 50) / dLat) * dLat; lat < north; lat += dLat) lines.push(feature("LineString", [[west, lat], [east, lat]]));
    }
    this.set("grid", lines);
    this.onGrid?.(stepM);
  }

  /** Follow the selected alarm or not: to where it was last drawn, or when it is drawn next. */
  setFollow(follow, now = true) {
    this.follow = follow;
    this.onFollow?.(follow);
    if (follow && now) this.fit(undefined, GLIDE_MS);
  }

  zoom(by) {
    this.setFollow(false);
    this.map.zoomTo(this.map.zoom + by, undefined, STEP_MS);
  }

  set(source, features) {
    this.overlay.set(source, features);
  }

  /**
   * Draw the selected alarm in full and the others as points. The map glides to what an operator chose, and jumps to
   * what was selected by itself: one that glides from alarm to alarm is never still in a flood. Called in a frame.
   */
  draw(situation, selected, alarms, chosen = false) {
    const drawn = Object.fromEntries(DRAWN.map((name) => [name, []]));
    this.extent = new Extent();
    this.drawnId = selected?.alarm_id ?? null;
    const wanted = new Map();
    if (selected) this.drawSelected(situation, selected, drawn, wanted);
    for (const alarm of alarms) {
      if (alarm.order_id === selected?.order_id) continue;
      for (const person of [alarm.protected, alarm.monitored]) {
        const fix = person && situation.last(alarm.order_id, person);
        if (fix) drawn.others.push(feature("Point", [fix.lon, fix.lat], { severity: alarm.severity, alarm_id: alarm.alarm_id, role: fix.role }));
        if (fix && !selected) this.extent.extend([fix.lon, fix.lat]);
      }
    }
    for (const [source, features] of Object.entries(drawn)) this.set(source, features);
    this.place(wanted);
    if (this.follow) this.fit(undefined, chosen ? GLIDE_MS : 0);
    this.map.paint();
  }

  /** Only zones: the orders page. */
  drawZones(zones) {
    this.set("zones", zones.features);
    this.extent = new Extent();
    for (const zone of zones.features) this.extendBy(zone.geometry);
    const wanted = new Map(zones.features.map((zone) => [`zone:${zone.properties.zone_id}`, { at: zone.properties.center ?? zone.geometry.coordinates.flat(Infinity).slice(0, 2), className: "map-limit zone", label: zone.properties.zone_id }]));
    this.place(wanted);
    this.follow = true;
    this.fit(ZONES_ZOOM_MAX);
  }

  extendBy(geometry) {
    for (const point of geometry.coordinates.flat(geometry.type === "Polygon" ? 1 : 2)) this.extent.extend(point);
  }

  drawSelected(situation, alarm, drawn, wanted) {
    const order = situation.orders.get(alarm.order_id);
    for (const zone of order?.zones.features ?? []) {
      drawn.zones.push(zone);
      if (alarm.zone_id === zone.properties.zone_id) this.extendBy(zone.geometry);
    }
    for (const [person, role] of situation.parties(alarm)) {
      const fixes = situation.track(alarm.order_id, person);
      if (!fixes.length) continue;
      const fix = fixes.at(-1), at = [fix.lon, fix.lat];
      this.extent.extend(at);
      if (fixes.length > 1) drawn.tracks.push(feature("LineString", fixes.map((f) => [f.lon, f.lat]), { role }));
      if (fix.horizontal_accuracy_m) drawn.discs.push(feature("Polygon", [circle(fix.lon, fix.lat, fix.horizontal_accuracy_m)], { role }));
      wanted.set(`party:${role}:${person}`, { at, className: `party ${role} pin`, label: text(`role.${role}.letter`), course: fix.speed_m_s > 0.5 ? fix.course_deg : null, title: `${person} · ${text(`role.${role}`)}` });
      if (role === "protected" && order) {
        for (const [limit, metres] of [["alert", order.alert_distance_m], ["prealert", order.prealert_distance_m]]) {
          if (!metres) continue;
          const ring = circle(fix.lon, fix.lat, metres);
          drawn.circles.push(feature("Polygon", [ring], { limit }));
          if (limit === "alert") for (const i of [0, 18, 36, 54]) this.extent.extend(ring[i]);
          wanted.set(`limit:${limit}:${person}`, { at: ring[0], className: `map-limit ${limit}`, label: text(`map.${limit}_circle`, { metres: sayLimit(metres) }) });
        }
      }
    }
    const live = situation.betweenOf(alarm);
    if (live) {
      const p = situation.last(alarm.order_id, live.monitored), q = situation.last(alarm.order_id, live.protectedPerson);
      drawn.link.push(feature("LineString", [[p.lon, p.lat], [q.lon, q.lat]]));
      wanted.set("distance", { at: [(p.lon + q.lon) / 2, (p.lat + q.lat) / 2], className: "map-distance", stale: live.stale, label: figure(live) });
    }
  }

  /** Say the distance anew, with row and panel, between two drawings; none beside an alarm that is not drawn yet. */
  say(situation, selected) {
    const kept = this.markers.get("distance");
    if (!kept) return;
    const live = selected?.alarm_id === this.drawnId ? situation.betweenOf(selected) : null;
    const label = live ? figure(live) : "";
    if (kept.element.hidden === !live && kept.label.textContent === label && kept.element.hasAttribute("data-stale") === Boolean(live?.stale)) return;
    kept.shown = null; // the next drawing looks at it again
    kept.element.hidden = !live;
    if (!live) return;
    kept.label.textContent = label;
    kept.element.setAttribute("aria-label", label);
    kept.element.toggleAttribute("data-stale", live.stale);
  }

  /** Put the wanted markers where they belong and take the others away. */
  place(wanted) {
    for (const [name, { mark }] of this.markers) {
      if (!wanted.has(name)) {
        mark.remove();
        this.markers.delete(name);
      }
    }
    for (const [name, want] of wanted) {
      let kept = this.markers.get(name);
      if (!kept) {
        const element = document.createElement("div");
        const label = element.appendChild(document.createElement("span"));
        const needle = name.startsWith("party:") ? element.appendChild(document.createElement("i")) : null;
        kept = { mark: this.map.mark(element, want.at), element, label, needle };
        element.classList.add(...want.className.split(" "));
        element.setAttribute("role", "img");
        this.markers.set(name, kept);
      }
      const shown = JSON.stringify(want);
      if (kept.shown === shown) continue;
      kept.shown = shown;
      kept.mark.moveTo(want.at);
      kept.element.hidden = false;
      kept.element.toggleAttribute("data-stale", Boolean(want.stale));
      kept.label.textContent = want.label;
      kept.element.setAttribute("aria-label", want.title ?? want.label);
      kept.element.title = want.title ?? "";
      if (kept.needle) {
        kept.needle.hidden = want.course === null || want.course === undefined;
        kept.needle.style.transform = `rotate(${want.course ?? 0}deg)`;
      }
    }
  }

  /** Keep the people below what covers the map from above, in pixels. */
  leave(coveredPx) {
    if (this.coveredPx === coveredPx) return;
    this.coveredPx = coveredPx;
    if (this.follow) this.fit();
  }

  fit(zoomMost = 16, glideMs = 0) {
    if (!this.extent || this.extent.isEmpty()) return;
    const lone = this.extent.west === this.extent.east && this.extent.south === this.extent.north, zoomMax = lone ? Math.min(LONE_ZOOM_MAX, zoomMost) : zoomMost;
    const { map } = this, target = map.placeFor(this.extent, 64, zoomMax, Math.min(this.coveredPx, map.height / 3));
    const still = Math.hypot(target.x - map.x, target.y - map.y) * map.scale < 24 && Math.abs(map.zoom - target.zoom) < 0.15;
    if (!still) map.moveTo(target, glideMs);
  }
}

function cached(look) {
  const known = new Map();
  return (name) => known.get(name) ?? known.set(name, look(name)).get(name);
}
