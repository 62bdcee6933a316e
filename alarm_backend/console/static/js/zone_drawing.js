// Drawing zones on the map: circle by dragging from its centre, polygon and hole by clicks, corners that can be moved.
import { Extent } from "./flat_map.js";
import { circle, distance } from "./geodesy.js";
import { limit as sayLimit, text } from "./texts.js";

const HANDLES_MAX = 200; // more corners than anybody moves by hand; such a shape is imported, and can be moved in the file
const DRAG_PX = 5;
const STEP_M = 10, LARGE_STEP_M = 100;
const METRES_PER_DEGREE = 111_320;
const round = (value) => Math.round(value * 1e6) / 1e6;
const rounded = ([lon, lat]) => [round(lon), round(lat)];
const feature = (type, coordinates, properties = {}) => ({ type: "Feature", geometry: { type, coordinates }, properties });
const metres = (a, b) => distance({ lon: a[0], lat: a[1] }, { lon: b[0], lat: b[1] });

/** The GeoJSON geometry of a shape, or null while it is not whole. */
export function geometryOf(shape, extraM = 0) {
  if (shape?.type === "Circle") {
    const [lon, lat] = shape.center ?? [];
    if (!Number.isFinite(lon) || !Number.isFinite(lat) || !(shape.radius_m > 0) || Math.abs(lat) > 85) return null;
    return { type: "Polygon", coordinates: [circle(lon, lat, shape.radius_m + extraM)] };
  }
  const whole = (shape?.coordinates ?? []).flat(shape?.type === "Polygon" ? 1 : 2);
  if (extraM || !whole.length || !whole.every((point) => point.every(Number.isFinite))) return null;
  return { type: shape.type, coordinates: shape.coordinates };
}

export class ZoneDrawing {
  /** `onShape(index, shape)`: a shape is drawn (index null) or changed; `say(text)`: told to who draws. */
  constructor(view, onShape, say) {
    this.view = view;
    this.map = view.map;
    this.onShape = onShape;
    this.say = say;
    this.mode = "";
    this.points = [];
    this.handles = [];
    this.map.on("press", (event) => this.pressed(event));
    this.map.on("move", (event) => this.moved(event));
    this.map.on("release", (event) => this.released(event));
    this.map.on("click", (event) => this.clicked(event));
    this.map.on("dblclick", (event) => {
      if (this.mode === "polygon" || this.mode === "hole") {
        event.preventDefault();
        this.finishPolygon();
      }
    });
  }

  /** Show the zones of a document; the selected one gets handles. */
  show(zones, selected) {
    this.zones = zones;
    this.selected = selected;
    const drawn = [], buffers = [], labels = new Map();
    zones.forEach((zone, i) => {
      const geometry = geometryOf(zone.shape);
      if (!geometry) return;
      drawn.push({ type: "Feature", properties: { zone: i }, geometry });
      const buffer = zone.buffer_m > 0 ? geometryOf(zone.shape, zone.buffer_m) : null;
      if (buffer) buffers.push({ type: "Feature", properties: {}, geometry: buffer });
      labels.set(`zone:${i}`, { at: zone.shape.center ?? geometry.coordinates.flat(Infinity).slice(0, 2), className: "map-limit zone", label: zone.zone_id || String(i + 1) });
    });
    this.view.set("zones", drawn);
    this.view.set("buffers", buffers);
    this.view.place(labels);
    this.placeHandles();
  }

  fit(only = null) {
    const extent = new Extent();
    this.zones.forEach((zone, i) => {
      if (only !== null && only !== i) return;
      for (const ring of geometryOf(zone.shape)?.coordinates.flat(zone.shape.type === "MultiPolygon" ? 1 : 0) ?? []) for (const point of ring) extent.extend(point);
    });
    if (!extent.isEmpty()) this.map.moveTo(this.map.placeFor(extent, 70, 15));
  }

  // ---- drawing ----
  start(mode) {
    this.cancel();
    this.mode = mode;
    this.map.zoomsOnDoubleClick = false;
    this.map.container.style.cursor = "crosshair";
    this.map.container.dataset.drawing = mode;
    this.say(text(`draft.how_${mode}`));
    this.placeHandles();
  }

  cancel() {
    this.mode = "";
    this.points = [];
    this.pressedAt = null;
    this.map.zoomsOnDoubleClick = true;
    this.map.container.style.cursor = "";
    delete this.map.container.dataset.drawing;
    this.view.set("sketch", []);
    this.say("");
  }

  pressed(event) {
    if (this.mode !== "circle") return;
    event.preventDefault();
    if (this.points.length) return;
    this.points = [rounded(event.at)];
    this.pressedAt = event.point;
  }

  moved(event) {
    if (this.mode === "circle" && this.points.length) {
      const radius = metres(this.points[0], rounded(event.at));
      this.sketchCircle(radius);
      this.say(text("draft.radius_now", { metres: sayLimit(Math.round(radius)) }));
    } else if ((this.mode === "polygon" || this.mode === "hole") && this.points.length) this.sketchLine([...this.points, rounded(event.at)]);
  }

  released(event) {
    if (this.mode !== "circle" || !this.pressedAt) return;
    const far = Math.hypot(event.point.x - this.pressedAt.x, event.point.y - this.pressedAt.y) > DRAG_PX;
    this.pressedAt = null;
    if (far) this.finishCircle(rounded(event.at));
    else this.justPressed = true; // a click for the centre: the next one sets the radius
  }

  clicked(event) {
    const here = rounded(event.at);
    if (this.mode === "circle") {
      if (this.justPressed) this.justPressed = false;
      else if (this.points.length) this.finishCircle(here);
    } else if (this.mode === "polygon" || this.mode === "hole") {
      const first = this.points.length > 2 && this.map.project(this.points[0]);
      if (first && Math.hypot(first.x - event.point.x, first.y - event.point.y) < 10) return void this.finishPolygon();
      if (!this.points.length || metres(this.points.at(-1), here) > 0.1) this.points.push(here);
      this.sketchLine(this.points);
    }
  }

  sketchCircle(radius) {
    const [lon, lat] = this.points[0];
    this.view.set("sketch", [feature("Point", this.points[0]), ...(radius > 0 ? [feature("Polygon", [circle(lon, lat, radius)])] : [])]);
  }

  sketchLine(points) {
    this.view.set("sketch", [...points.map((point) => feature("Point", point)), ...(points.length > 1 ? [feature("LineString", points)] : [])]);
  }

  finishCircle(edge) {
    const radius = Math.max(1, Math.round(metres(this.points[0], edge)));
    const shape = { type: "Circle", center: this.points[0], radius_m: radius };
    this.cancel();
    this.onShape(null, shape);
  }

  finishPolygon() {
    const { points, mode } = this;
    if (points.length < 3) return this.say(text("draft.too_few_corners"));
    const ring = [...points, [...points[0]]];
    this.cancel();
    if (mode === "polygon") this.onShape(null, { type: "Polygon", coordinates: [ring] });
    else {
      const shape = structuredClone(this.zones[this.selected].shape);
      (shape.type === "Polygon" ? shape.coordinates : shape.coordinates.at(-1)).push(ring);
      this.onShape(this.selected, shape);
    }
  }

  /** A key while drawing; true when it was used. */
  key(name) {
    if (!this.mode) return false;
    if (name === "Escape") this.cancel();
    else if (name === "Enter" && this.mode !== "circle") this.finishPolygon();
    else if (name === "Backspace") {
      this.points.pop();
      this.sketchLine(this.points);
    } else return false;
    return true;
  }

  // ---- moving ----
  placeHandles() {
    for (const handle of this.handles) handle.remove();
    this.handles = [];
    const shape = this.mode || this.locked ? null : this.zones?.[this.selected]?.shape;
    if (!geometryOf(shape)) return;
    if (shape.type === "Circle") {
      const edge = circle(...shape.center, shape.radius_m)[18];
      this.handle(shape.center, text("draft.centre"), "centre", (point) => ({ ...shape, center: point }));
      this.handle(edge, text("draft.radius_m"), "corner", (point) => ({ ...shape, radius_m: Math.max(1, Math.round(metres(shape.center, point))) }));
      return;
    }
    const polygons = shape.type === "Polygon" ? [shape.coordinates] : shape.coordinates;
    const corners = polygons.flatMap((polygon, p) => polygon.flatMap((ring, r) => ring.slice(0, -1).map((point, i) => ({ p, r, i, point, next: ring[i + 1], count: ring.length - 1 }))));
    if (corners.length > HANDLES_MAX) return this.say(text("draft.too_many_corners", { count: corners.length }));
    for (const corner of corners) {
      const name = text("draft.corner", { number: corner.i + 1, count: corner.count });
      this.handle(corner.point, name, "corner", (point) => this.withRing(shape, corner, (ring) => (ring[corner.i] = point)), corner.count > 3 ? () => this.withRing(shape, corner, (ring) => ring.splice(corner.i, 1)) : null);
      const middle = [round((corner.point[0] + corner.next[0]) / 2), round((corner.point[1] + corner.next[1]) / 2)];
      this.handle(middle, text("draft.new_corner"), "middle", (point) => this.withRing(shape, corner, (ring) => ring.splice(corner.i + 1, 0, point)));
    }
  }

  withRing(shape, { p, r }, change) {
    const changed = structuredClone(shape);
    const ring = (changed.type === "Polygon" ? changed.coordinates : changed.coordinates[p])[r];
    ring.pop();
    change(ring);
    ring.push([...ring[0]]);
    return changed;
  }

  handle(point, name, className, moved, removed = null) {
    const element = document.createElement("button");
    element.type = "button";
    element.className = `handle ${className}`;
    element.title = name;
    const mark = this.map.mark(element, point, { moved: (to) => this.preview(moved(rounded(to))), dropped: (to) => this.settle(moved(rounded(to))) });
    element.setAttribute("aria-label", name);
    element.addEventListener("keydown", (event) => {
      const step = (event.shiftKey ? LARGE_STEP_M : STEP_M) / METRES_PER_DEGREE;
      const [lon, lat] = point, eastward = step / Math.cos((lat * Math.PI) / 180);
      const to = { ArrowUp: [lon, lat + step], ArrowDown: [lon, lat - step], ArrowLeft: [lon - eastward, lat], ArrowRight: [lon + eastward, lat] }[event.key];
      if (to) this.settle(moved(to.map(round)), name);
      else if ((event.key === "Delete" || event.key === "Backspace") && removed) this.settle(removed());
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.handles.push(mark);
  }

  preview(shape) {
    const geometry = geometryOf(shape);
    this.view.set("sketch", geometry ? [{ type: "Feature", properties: {}, geometry }] : []);
  }

  settle(shape, focus = "") {
    this.view.set("sketch", []);
    this.onShape(this.selected, shape);
    if (focus) this.handles.map((mark) => mark.element).find((element) => element.title === focus)?.focus();
  }
}
