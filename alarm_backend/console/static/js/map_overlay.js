// What moves on the map, on a canvas of its own above it: an alarm that arrives repaints a few lines, not the whole map.
const NEAR_PX = 14; // a click this near to a point means it

/** The paints of each layer, from the bottom up; `ink(properties)` gives a colour. */
export function layers(colour) {
  const role = ({ role }) => colour(role === "monitored" ? "monitored" : "protected");
  const limit = ({ limit }) => colour(limit === "alert" ? "severity-5" : "severity-3");
  const always = (name) => () => colour(name);
  return [
    { source: "grid", stroke: always("map-grid"), width: 0.8 },
    { source: "zones", fill: always("zone"), opacity: 0.16 },
    { source: "zones", stroke: always("zone"), width: 2, dash: [4, 2.8] },
    { source: "circles", only: ({ limit }) => limit === "alert", fill: always("severity-5"), opacity: 0.06 },
    { source: "circles", stroke: limit, width: ({ limit }) => (limit === "alert" ? 2 : 1.4), opacity: 0.9 },
    { source: "buffers", stroke: always("accent"), width: 1.2, dash: [1.2, 2.4] },
    { source: "discs", fill: role, opacity: 0.22 },
    { source: "discs", stroke: role, width: 1.2, opacity: 0.8 },
    { source: "tracks", stroke: always("map-halo"), width: 5, opacity: 0.6 },
    { source: "tracks", stroke: role, width: 2.6 },
    { source: "link", stroke: always("map-halo"), width: 5 },
    { source: "link", stroke: always("ink"), width: 1.8, dash: [2.7, 2.7] },
    { source: "others", fill: role, stroke: ({ severity }) => colour(`severity-${severity}`), width: 2.5, radius: ({ role }) => (role === "monitored" ? 7 : 5) },
    { source: "sketch", fill: always("accent"), opacity: 0.2 },
    { source: "sketch", stroke: always("accent"), width: 2.5 },
    { source: "sketch", fill: always("accent"), stroke: () => "#fff", width: 1.5, radius: () => 5 },
  ];
}

const value = (of, properties) => (typeof of === "function" ? of(properties) : of);

/** The lines of a geometry, as lists of [lon, lat]; points have none. */
function lines({ type, coordinates }) {
  if (type === "LineString") return [coordinates];
  if (type === "Polygon") return coordinates;
  return type === "MultiPolygon" ? coordinates.flat(1) : [];
}

export class MapOverlay {
  constructor(map, colour) {
    this.map = map;
    this.layers = layers(colour);
    this.features = new Map();
    this.canvas = map.sheet("map-overlay");
    this.canvas.setAttribute("aria-hidden", "true");
    map.on("paint", () => this.paint()); // in the same frame as the map under it
  }

  set(source, features) {
    this.features.set(source, features);
    this.map.repaint();
  }

  /** The properties of the nearest point of a source within reach of a click; null when there is none. */
  near(source, { x, y }) {
    let best = null, bestPx = NEAR_PX;
    for (const { geometry, properties } of this.features.get(source) ?? []) {
      if (geometry.type !== "Point") continue;
      const at = this.map.project(geometry.coordinates);
      const px = Math.hypot(at.x - x, at.y - y);
      if (px < bestPx) [best, bestPx] = [properties, px];
    }
    return best;
  }

  paint() {
    const { map } = this, pen = map.pen(this.canvas);
    pen.lineJoin = pen.lineCap = "round";
    const placed = new Map(); // feature → its lines in pixels, for the layers that draw it again
    const pixels = (feature) => {
      if (!placed.has(feature)) placed.set(feature, lines(feature.geometry).map((line) => line.map((at) => map.project(at))));
      return placed.get(feature);
    };
    for (const layer of this.layers) for (const feature of this.features.get(layer.source) ?? []) this.draw(pen, layer, feature, pixels);
    pen.globalAlpha = 1;
  }

  draw(pen, layer, feature, pixels) {
    const { geometry, properties } = feature;
    const isPoint = geometry.type === "Point", isArea = geometry.type.endsWith("Polygon");
    if (isPoint !== Boolean(layer.radius) || (layer.only && !layer.only(properties))) return;
    pen.beginPath();
    if (isPoint) {
      const at = this.map.project(geometry.coordinates);
      pen.arc(at.x, at.y, value(layer.radius, properties), 0, 2 * Math.PI);
    } else for (const line of pixels(feature)) {
      line.forEach(({ x, y }, i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      if (isArea) pen.closePath();
    }
    pen.globalAlpha = layer.opacity ?? 1;
    if (layer.fill && (isPoint || isArea)) {
      pen.fillStyle = layer.fill(properties);
      pen.fill("evenodd"); // a hole is a ring inside a ring
    }
    if (layer.stroke) {
      pen.setLineDash(layer.dash ?? []);
      pen.lineWidth = value(layer.width, properties);
      pen.strokeStyle = layer.stroke(properties);
      pen.stroke();
    }
  }
}
