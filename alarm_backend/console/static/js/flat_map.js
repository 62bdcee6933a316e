// A flat map on plain canvases: Web Mercator, moved by pointer, wheel and pinch. It needs neither a graphics card nor a library.
const WORLD_PX = 512; // the width of the whole world at zoom 0
const CLICK_PX = 3; // a press that moves no farther is a click
const NOTCH_PX = 300; // of the wheel for one step of zoom
const RADIAN = Math.PI / 180;

export const worldX = (lon) => (lon + 180) / 360;
export const worldY = (lat) => 0.5 - Math.asinh(Math.tan(lat * RADIAN)) / (2 * Math.PI);
const lonOf = (x) => x * 360 - 180;
const latOf = (y) => Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) / RADIAN;
const between = (value, least, most) => (least > most ? (least + most) / 2 : Math.min(most, Math.max(least, value)));

/** The box around what is to be seen. */
export class Extent {
  constructor(...points) {
    [this.west, this.south, this.east, this.north] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const point of points) this.extend(point);
  }

  extend([lon, lat]) {
    [this.west, this.east] = [Math.min(this.west, lon), Math.max(this.east, lon)];
    [this.south, this.north] = [Math.min(this.south, lat), Math.max(this.north, lat)];
  }

  isEmpty() {
    return this.west > this.east;
  }
}

export class FlatMap {
  /** `paint(pen, map)` draws what lies under everything, after each move. */
  constructor(container, { extent, limits, padding, zoomMin, zoomMax, paint }) {
    Object.assign(this, { container, limits, zoomMin, zoomMax, paintGround: paint });
    this.glides = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.zoomsOnDoubleClick = true;
    this.listeners = new Map();
    this.marks = new Set();
    this.pointers = new Map(); // pointer → where it is
    this.ground = this.sheet("map-ground");
    [this.width, this.height] = [container.clientWidth, container.clientHeight];
    Object.assign(this, this.placeFor(extent, padding));
    new ResizeObserver(() => {
      [this.width, this.height] = [container.clientWidth, container.clientHeight];
      this.settle(this);
      this.say("resize");
    }).observe(container);
    for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel", "click", "dblclick"]) container.addEventListener(name, (event) => this[name](event));
    container.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  /** A canvas as large as the map. */
  sheet(className) {
    const canvas = this.container.appendChild(document.createElement("canvas"));
    canvas.className = className;
    return canvas;
  }

  /** The pen of a sheet, wiped, in CSS pixels. */
  pen(canvas) {
    const ratio = devicePixelRatio || 1, [w, h] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    return pen;
  }

  on(name, listener) {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }

  say(name, event) {
    for (const listener of this.listeners.get(name) ?? []) listener(event);
  }

  // ---- where everything is ----
  get scale() {
    return WORLD_PX * 2 ** this.zoom; // pixels of the whole world
  }

  project([lon, lat]) {
    return { x: (worldX(lon) - this.x) * this.scale + this.width / 2, y: (worldY(lat) - this.y) * this.scale + this.height / 2 };
  }

  unproject({ x, y }) {
    return [lonOf(this.x + (x - this.width / 2) / this.scale), latOf(this.y + (y - this.height / 2) / this.scale)];
  }

  bounds() {
    return new Extent(this.unproject({ x: 0, y: 0 }), this.unproject({ x: this.width, y: this.height }));
  }

  /** The place from which the whole of an extent is seen. */
  placeFor(extent, padding, zoomMax = this.zoomMax, coveredPx = 0) {
    const [west, east, north, south] = [worldX(extent.west), worldX(extent.east), worldY(extent.north), worldY(extent.south)];
    const scale = Math.min((this.width - 2 * padding) / (east - west), (this.height - 2 * padding - coveredPx) / (south - north));
    const zoom = between(Math.log2(Math.max(scale, 1) / WORLD_PX), this.zoomMin, zoomMax);
    return { x: (west + east) / 2, y: (north + south) / 2 - coveredPx / 2 / (WORLD_PX * 2 ** zoom), zoom };
  }

  // ---- moving ----
  settle({ x, y, zoom }) {
    this.zoom = between(zoom, this.zoomMin, this.zoomMax);
    const { west, east, north, south } = this.limits, [w, h] = [this.width / 2 / this.scale, this.height / 2 / this.scale];
    this.x = between(x, worldX(west) + w, worldX(east) - w);
    this.y = between(y, worldY(north) + h, worldY(south) - h);
    this.moved = true;
    this.repaint();
  }

  /** Go to a place, at once or in a glide of so many milliseconds. */
  moveTo(place, glideMs = 0) {
    cancelAnimationFrame(this.gliding);
    const from = { x: this.x, y: this.y, zoom: this.zoom }, startMs = performance.now();
    const step = () => {
      const part = glideMs && this.glides ? Math.min(1, (performance.now() - startMs) / glideMs) : 1, eased = part * (2 - part);
      this.settle(Object.fromEntries(Object.keys(from).map((name) => [name, from[name] + (place[name] - from[name]) * eased])));
      if (part < 1) this.gliding = requestAnimationFrame(step);
      else this.say("moveend");
    };
    step();
  }

  /** Zoom while the place under a point stays where it is. */
  zoomTo(zoom, { x, y } = { x: this.width / 2, y: this.height / 2 }, glideMs = 0) {
    const to = between(zoom, this.zoomMin, this.zoomMax), grown = 1 / this.scale - 1 / (WORLD_PX * 2 ** to);
    this.moveTo({ x: this.x + (x - this.width / 2) * grown, y: this.y + (y - this.height / 2) * grown, zoom: to }, glideMs);
  }

  pan(x, y) {
    this.moveTo({ x: this.x - x / this.scale, y: this.y - y / this.scale, zoom: this.zoom });
  }

  // ---- painting ----
  /** Once, in the next frame: the ground and the marks when the map has moved, and what others draw on it. */
  repaint() {
    this.painting ??= requestAnimationFrame(() => this.paint());
  }

  /** What is due, now: for who is in a frame already and would cost another one. */
  paint() {
    if (!this.painting) return;
    cancelAnimationFrame(this.painting);
    this.painting = null;
    if (this.moved) {
      this.moved = false;
      this.paintGround(this.pen(this.ground), this);
      for (const mark of this.marks) mark.place();
    }
    this.say("paint");
  }

  // ---- pointers ----
  event(event) {
    const box = this.container.getBoundingClientRect();
    const point = { x: event.clientX - box.left, y: event.clientY - box.top };
    return { point, at: this.unproject(point), preventDefault: () => event.preventDefault() };
  }

  pointerdown(event) {
    if (event.button) return;
    const told = this.event(event);
    this.pointers.set(event.pointerId, told.point);
    if (this.pointers.size === 1) this.pressedAt = told.point;
    this.dragged = false;
    this.say("press", told);
    this.holds = !event.defaultPrevented;
  }

  pointermove(event) {
    const told = this.event(event), was = this.pointers.get(event.pointerId), { point } = told;
    if (was) {
      const others = [...this.pointers].filter(([pointer]) => pointer !== event.pointerId).map(([, at]) => at);
      this.pointers.set(event.pointerId, point);
      if (!this.dragged && Math.hypot(point.x - this.pressedAt.x, point.y - this.pressedAt.y) > CLICK_PX) {
        this.dragged = true;
        if (this.holds) {
          this.container.setPointerCapture(event.pointerId);
          this.say("dragstart");
        }
      }
      if (this.holds && this.dragged) {
        this.pan((point.x - was.x) / (others.length + 1), (point.y - was.y) / (others.length + 1));
        if (others.length) {
          const [other] = others, far = (at) => Math.max(1, Math.hypot(at.x - other.x, at.y - other.y));
          this.zoomTo(this.zoom + Math.log2(far(point) / far(was)), { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
        }
      }
    }
    this.say("move", told);
  }

  pointerup(event) {
    if (this.pointers.delete(event.pointerId)) this.say("release", this.event(event));
  }

  pointercancel(event) {
    this.pointers.delete(event.pointerId);
  }

  click(event) {
    if (!this.dragged) this.say("click", this.event(event));
  }

  dblclick(event) {
    const told = this.event(event);
    this.say("dblclick", told);
    if (this.zoomsOnDoubleClick && !event.defaultPrevented) this.zoomTo(this.zoom + 1, told.point, 150);
  }

  wheel(event) {
    event.preventDefault();
    this.say("wheel");
    const px = event.deltaY * (event.deltaMode ? 16 : 1) * (event.ctrlKey ? 3 : 1); // a pinch on a touch pad has small steps
    this.zoomTo(this.zoom - px / NOTCH_PX, this.event(event).point);
  }

  /** Put an element at a place of the map. One that can be dragged tells where to, and where it was let go. */
  mark(element, at, dragged = null) {
    const mark = new Mark(this, element, at);
    if (dragged) mark.drag(dragged);
    return mark;
  }
}

class Mark {
  constructor(map, element, at) {
    Object.assign(this, { map, element });
    element.classList.add("map-mark");
    map.container.append(element);
    map.marks.add(this);
    this.moveTo(at);
  }

  moveTo(at) {
    this.at = at;
    this.place();
  }

  place() {
    const { x, y } = this.map.project(this.at);
    this.element.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(-50%, -50%)`;
  }

  drag({ moved, dropped }) {
    let held = null;
    this.element.style.touchAction = "none";
    this.element.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      this.element.setPointerCapture(event.pointerId);
      const { point } = this.map.event(event), mine = this.map.project(this.at);
      held = { x: mine.x - point.x, y: mine.y - point.y, far: false };
    });
    this.element.addEventListener("pointermove", (event) => {
      if (!held) return;
      event.stopPropagation();
      const { point } = this.map.event(event);
      this.moveTo(this.map.unproject({ x: point.x + held.x, y: point.y + held.y }));
      held.far = true;
      moved(this.at);
    });
    this.element.addEventListener("pointerup", () => {
      const far = held?.far;
      held = null;
      if (far) dropped(this.at);
    });
    this.element.addEventListener("click", (event) => event.stopPropagation());
  }

  remove() {
    this.element.remove();
    this.map.marks.delete(this);
  }
}
