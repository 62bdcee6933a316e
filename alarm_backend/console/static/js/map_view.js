// The map: an offline base layer, and on it the people of the open alarms, their tracks, zones and distances.
import { decode } from "./base_layer.js";
import { circle, offset } from "./geodesy.js";
import { MapOverlay } from "./map_overlay.js";
import { distance as sayDistance, limit as sayLimit, text } from "./texts.js";

const BELGIUM = [[2.5, 49.45], [6.45, 51.55]];
const BASE_ZOOM_MAX = 10; // nearer by, the same tiles are drawn larger (5 m of grid): a jump cuts no new ones out of the country
const ZONES_ZOOM_MAX = 12.5; // far enough out to read the names of the places around
const DRAWN = ["zones", "circles", "tracks", "discs", "link", "others"];
const SOFTWARE = /swiftshader|llvmpipe|software|basic render/i;

const feature = (type, coordinates, properties = {}) => ({ type: "Feature", geometry: { type, coordinates }, properties });
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export class MapView {
  /** Resolves when the map is drawn; rejects when this device cannot draw it. */
  static async open(container, addresses, onChoose) {
    const [maplibre, layer] = await Promise.all([
      import(addresses.vendor),
      fetch(addresses.baseLayer).then((response) => {
        if (!response.ok) throw new Error(`base layer: status ${response.status}`);
        return response.json();
      }),
    ]);
    maplibre.setWorkerUrl(new URL(addresses.worker, location.href).href);
    const view = new MapView(maplibre, container, decode(layer, document.documentElement.lang), onChoose);
    await new Promise((resolve, reject) => {
      view.map.once("load", resolve);
      view.map.once("error", (event) => reject(event.error));
    });
    view.ready = true;
    view.drawGrid();
    return view;
  }

  constructor(maplibre, container, base, onChoose) {
    this.maplibre = maplibre;
    this.follow = true;
    this.markers = new Map();
    this.map = new maplibre.Map({
      container,
      bounds: BELGIUM,
      fitBoundsOptions: { padding: 24 },
      maxBounds: [[0.5, 48.4], [8.5, 52.6]],
      minZoom: 6,
      maxZoom: 18,
      attributionControl: false,
      renderWorldCopies: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      style: style(base),
    });
    this.overlay = new MapOverlay(this.map, cached(colour));
    this.glides = !matchMedia("(prefers-reduced-motion: reduce)").matches && !drawnBySoftware(this.map.getCanvas());
    this.map.keyboard.disable(); // the page's keys belong to the queue
    this.map.addControl(new maplibre.ScaleControl({ maxWidth: 140, unit: "metric" }), "bottom-left");
    this.map.addControl(new maplibre.AttributionControl({ compact: false, customAttribution: text("map.source") }), "bottom-right");
    const canvas = this.map.getCanvas();
    canvas.setAttribute("aria-label", text("map.label"));
    this.map.on("moveend", () => this.drawGrid());
    this.map.on("resize", () => this.follow && this.fit());
    this.map.on("dragstart", () => this.setFollow(false));
    this.map.on("wheel", () => this.setFollow(false));
    this.map.on("click", (event) => {
      const chosen = this.overlay.near("others", event.point);
      if (chosen) onChoose(chosen.alarm_id);
    });
  }

  /** A square grid in whole metres, so that an eye without roads can still judge distance. */
  drawGrid() {
    if (!this.ready) return;
    const bounds = this.map.getBounds();
    const [west, east, south, north] = [bounds.getWest(), bounds.getEast(), bounds.getSouth(), bounds.getNorth()];
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

  setFollow(follow, now = true) {
    this.follow = follow;
    this.onFollow?.(follow);
    if (follow && now) this.fit();
  }

  zoom(by) {
    this.setFollow(false);
    this.map.easeTo({ zoom: this.map.getZoom() + by, duration: this.glides ? 150 : 0 });
  }

  set(source, features) {
    this.overlay.set(source, features);
  }

  /** Draw the selected alarm in full and the others as points. */
  draw(situation, selected, alarms) {
    if (!this.ready) return;
    const drawn = Object.fromEntries(DRAWN.map((name) => [name, []]));
    this.extent = new this.maplibre.LngLatBounds();
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
    if (this.follow) this.fit();
  }

  /** Only zones: the orders page. */
  drawZones(zones) {
    this.set("zones", zones.features);
    this.extent = new this.maplibre.LngLatBounds();
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
    const people = [[alarm.protected, "protected"], [alarm.monitored, "monitored"]].filter(([person]) => person);
    for (const [person, role] of people) {
      const fixes = situation.track(alarm.order_id, person);
      if (!fixes.length) continue;
      const fix = fixes.at(-1), at = [fix.lon, fix.lat];
      this.extent.extend(at);
      if (fixes.length > 1) drawn.tracks.push(feature("LineString", fixes.map((f) => [f.lon, f.lat]), { role }));
      if (fix.horizontal_accuracy_m) drawn.discs.push(feature("Polygon", [circle(fix.lon, fix.lat, fix.horizontal_accuracy_m)], { role }));
      wanted.set(`party:${role}`, { at, className: `party ${role} pin`, label: text(`role.${role}.letter`), course: fix.speed_m_s > 0.5 ? fix.course_deg : null, title: `${person} · ${text(`role.${role}`)}` });
      if (role === "protected" && order) {
        for (const [limit, metres] of [["alert", order.alert_distance_m], ["prealert", order.prealert_distance_m]]) {
          if (!metres) continue;
          const ring = circle(fix.lon, fix.lat, metres);
          drawn.circles.push(feature("Polygon", [ring], { limit }));
          if (limit === "alert") for (const i of [0, 18, 36, 54]) this.extent.extend(ring[i]);
          wanted.set(`limit:${limit}`, { at: ring[0], className: `map-limit ${limit}`, label: text(`map.${limit}_circle`, { metres: sayLimit(metres) }) });
        }
      }
    }
    const live = alarm.monitored && alarm.protected ? situation.between(alarm.order_id, alarm.monitored, alarm.protected) : null;
    if (live) {
      const p = situation.last(alarm.order_id, alarm.monitored), q = situation.last(alarm.order_id, alarm.protected);
      drawn.link.push(feature("LineString", [[p.lon, p.lat], [q.lon, q.lat]]));
      wanted.set("distance", { at: [(p.lon + q.lon) / 2, (p.lat + q.lat) / 2], className: "map-distance", stale: live.stale, label: sayDistance(live.distanceM) });
    }
  }

  /** Put the wanted markers where they belong and take the others away. */
  place(wanted) {
    for (const [name, { marker }] of this.markers) {
      if (!wanted.has(name)) {
        marker.remove();
        this.markers.delete(name);
      }
    }
    for (const [name, want] of wanted) {
      let kept = this.markers.get(name);
      if (!kept) {
        const element = document.createElement("div");
        const label = element.appendChild(document.createElement("span"));
        const needle = name.startsWith("party:") ? element.appendChild(document.createElement("i")) : null;
        kept = { marker: new this.maplibre.Marker({ element }).setLngLat(want.at).addTo(this.map), element, label, needle };
        element.classList.add(...want.className.split(" "));
        element.removeAttribute("tabindex");
        element.setAttribute("role", "img");
        this.markers.set(name, kept);
      }
      const shown = JSON.stringify(want);
      if (kept.shown === shown) continue;
      kept.shown = shown;
      kept.marker.setLngLat(want.at);
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

  fit(maxZoom = 16) {
    if (!this.ready || !this.extent || this.extent.isEmpty()) return;
    const target = this.map.cameraForBounds(this.extent, { padding: 64, maxZoom });
    if (!target) return;
    const now = this.map.getCenter();
    const [x, y] = [this.map.project(now), this.map.project(target.center)];
    const still = Math.hypot(x.x - y.x, x.y - y.y) < 24 && Math.abs(this.map.getZoom() - target.zoom) < 0.15;
    if (!still) this.map.easeTo({ ...target, duration: this.glides ? 250 : 0 });
  }
}

/** Whether the processor draws the map: then each frame of a glide is taken from everything else. */
function drawnBySoftware(canvas) {
  const gl = canvas.getContext("webgl2") ?? canvas.getContext("webgl");
  const known = gl?.getExtension("WEBGL_debug_renderer_info");
  return Boolean(known) && SOFTWARE.test(gl.getParameter(known.UNMASKED_RENDERER_WEBGL));
}

function cached(look) {
  const known = new Map();
  return (name) => known.get(name) ?? known.set(name, look(name)).get(name);
}

function style(base) {
  const source = (data) => ({ type: "geojson", data, tolerance: 0.25, maxzoom: BASE_ZOOM_MAX });
  const step = (values) => ["interpolate", ["linear"], ["zoom"], ...values];
  return {
    version: 8,
    sources: {
      land: source(base.land),
      borders: source(base.borders),
      labels: source(base.labels),
    },
    layers: [
      { id: "abroad", type: "background", paint: { "background-color": colour("map-abroad") } },
      { id: "land", type: "fill", source: "land", paint: { "fill-antialias": false, "fill-color": ["match", ["get", "built"], 0, colour("map-land-0"), 1, colour("map-land-1"), 2, colour("map-land-2"), 3, colour("map-land-3"), colour("map-land-4")] } },
      { id: "borders", type: "line", source: "borders", filter: ["==", ["get", "rank"], 0], paint: { "line-color": colour("map-border"), "line-width": step([7, 0.5, 11, 1.4, 14, 2.2]), "line-dasharray": [4, 2] } },
      { id: "province-borders", type: "line", source: "borders", filter: [">", ["get", "rank"], 0], paint: { "line-color": colour("map-border-strong"), "line-width": ["interpolate", ["linear"], ["zoom"], 6, ["match", ["get", "rank"], 1, 0.8, 1.4], 12, ["match", ["get", "rank"], 1, 2, 3]] } },
      labelLayer("towns", [">", ["get", "people"], 60000], 5, step([6, 11, 10, 15, 13, 18])),
      labelLayer("municipalities", ["all", ["<=", ["get", "people"], 60000], [">", ["get", "people"], 18000]], 8.6, step([8, 10, 12, 13])),
      labelLayer("villages", ["<=", ["get", "people"], 18000], 9.8, step([9, 10, 13, 12])),
    ],
  };
}

function labelLayer(id, filter, minzoom, size) {
  return {
    id, type: "symbol", source: "labels", filter, minzoom,
    layout: { "text-field": ["get", "name"], "text-font": ["Inter", "sans-serif"], "text-size": size, "text-padding": 6, "text-max-width": 7, "symbol-sort-key": ["-", 0, ["get", "people"]] },
    paint: { "text-color": colour(id === "towns" ? "map-label-strong" : "map-label"), "text-halo-color": colour("map-halo"), "text-halo-width": 1.4 },
  };
}
