// The offline base layer: quantised arcs, each border once, drawn as land, borders and names.
import { worldX, worldY } from "./flat_map.js";

const NAME_SPACE_PX = 6; // kept free around a name
const HALO_PX = 2.8;
// [largest town that is not of this class, zoom from which its names are shown, text size at zooms in between]
const NAMES = [
  { over: 60_000, zoom: 5, size: [[6, 11], [10, 15], [13, 18]], ink: "map-label-strong" },
  { over: 18_000, zoom: 8.6, size: [[8, 10], [12, 13]], ink: "map-label" },
  { over: -1, zoom: 9.8, size: [[9, 10], [13, 12]], ink: "map-label" },
];
const BORDERS = [
  { of: (rank) => rank === 0, ink: "map-border", width: [[7, 0.5], [11, 1.4], [14, 2.2]], dash: [4, 2] },
  { of: (rank) => rank === 1, ink: "map-border-strong", width: [[6, 0.8], [12, 2]], dash: [1, 0] },
  { of: (rank) => rank > 1, ink: "map-border-strong", width: [[6, 1.4], [12, 3]], dash: [1, 0] },
];
const BUILT_MAX = 4;
// Where the name of a place may stand whose own spot is out of view: parts of the map's width and height, free of the
// middle, where people are, and of the edges, where the legend, the keys and the scale are.
const ACROSS = [0.2, 0.35, 0.5, 0.65, 0.8], DOWN = [0.22, 0.34, 0.66, 0.78];

/** The value at x of a line through points. */
function along(points, x) {
  const i = points.findIndex(([at]) => x < at);
  if (i === 0) return points[0][1];
  if (i < 0) return points.at(-1)[1];
  const [[x0, y0], [x1, y1]] = [points[i - 1], points[i]];
  return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}

const NOWHERE = [Infinity, Infinity, -Infinity, -Infinity];
const joined = (boxes) => boxes.reduce((a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])], NOWHERE);

/** What is drawn of the layer as it is sent, in world coordinates, with the box around each part. */
export function decode(layer, language) {
  const [kx, ky] = layer.transform.scale, [dx, dy] = layer.transform.translate;
  const arcs = layer.arcs.map((steps, i) => {
    const points = new Float64Array(steps.length);
    let box = NOWHERE;
    for (let at = 0, x = 0, y = 0; at < steps.length; at += 2) {
      points[at] = worldX((x += steps[at]) * kx + dx);
      points[at + 1] = worldY((y += steps[at + 1]) * ky + dy);
      box = [Math.min(box[0], points[at]), Math.min(box[1], points[at + 1]), Math.max(box[2], points[at]), Math.max(box[3], points[at + 1])];
    }
    return { points, box, rank: layer.ranks[i] };
  });
  const arcOf = (index) => arcs[index < 0 ? ~index : index];
  const places = layer.municipalities.map(({ rings, built, at, people, own, ...names }) => {
    const all = rings.flat();
    return { rings: all, built, people, at, name: names[language] ?? names[own ?? "nl"], box: joined(all.flat().map((index) => arcOf(index).box)) };
  });
  return { arcs, places: places.sort((a, b) => b.people - a.people) };
}

export class BaseLayer {
  constructor(decoded, colour) {
    Object.assign(this, decoded, { colour });
    this.widths = new Map(); // name → its width per pixel of text size
  }

  paint = (pen, map) => {
    const half = [map.width / 2 / map.scale, map.height / 2 / map.scale];
    const [west, north, east, south] = [map.x - half[0], map.y - half[1], map.x + half[0], map.y + half[1]];
    const inView = ({ box }) => box[0] < east && box[2] > west && box[1] < south && box[3] > north;
    const land = this.places.filter(inView), borders = this.arcs.filter(inView);
    pen.fillStyle = this.colour("map-abroad");
    pen.fillRect(0, 0, map.width, map.height);
    // All of the land first: no seam between two tints shows what lies abroad.
    for (let built = 0; built <= BUILT_MAX; built++) {
      pen.beginPath();
      for (const place of land) if (!built || place.built === built) for (const ring of place.rings) this.ring(pen, map, ring);
      pen.fillStyle = this.colour(`map-land-${built}`);
      pen.fill("evenodd");
    }
    pen.lineJoin = "round";
    for (const { of, ink, width, dash } of BORDERS) {
      pen.beginPath();
      for (const arc of borders) if (of(arc.rank)) this.arc(pen, map, arc.points, false, true);
      pen.strokeStyle = this.colour(ink);
      pen.lineWidth = along(width, map.zoom);
      pen.setLineDash(dash[1] ? dash.map((part) => part * pen.lineWidth) : []);
      pen.stroke();
    }
    this.names(pen, map, land);
  };

  ring(pen, map, indices) {
    indices.forEach((index, i) => this.arc(pen, map, this.arcs[index < 0 ? ~index : index].points, index < 0, i === 0));
    pen.closePath();
  }

  /** The line of an arc, without the corners that are less than a pixel from the one before. */
  arc(pen, { x, y, scale, width, height }, points, reversed, starts) {
    const [left, top, last] = [width / 2 - x * scale, height / 2 - y * scale, points.length - 2];
    let px = NaN, py = NaN;
    for (let i = 0; i <= last; i += 2) {
      const at = reversed ? last - i : i;
      const [to, down] = [points[at] * scale + left, points[at + 1] * scale + top];
      if (i && i < last && Math.abs(to - px) + Math.abs(down - py) < 1) continue;
      if (i || !starts) pen.lineTo(to, down);
      else pen.moveTo(to, down);
      [px, py] = [to, down];
    }
  }

  /** The names of the larger places first; one that would touch another is left out. */
  names(pen, map, places) {
    const taken = [];
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineWidth = HALO_PX;
    pen.setLineDash([]);
    pen.strokeStyle = this.colour("map-halo");
    for (const place of places) {
      const { name, people } = place, kind = NAMES.find(({ over }) => people > over);
      const spot = map.zoom < kind.zoom ? null : this.spot(map, place);
      if (!spot) continue;
      const size = along(kind.size, map.zoom), { x, y } = spot;
      pen.font = `${size.toFixed(1)}px Inter, sans-serif`;
      if (!this.widths.has(name)) this.widths.set(name, pen.measureText(name).width / size);
      const [w, h] = [(this.widths.get(name) * size) / 2 + NAME_SPACE_PX, size / 2 + NAME_SPACE_PX];
      if (taken.some((other) => Math.abs(other.x - x) < other.w + w && Math.abs(other.y - y) < other.h + h)) continue;
      taken.push({ x, y, w, h });
      pen.strokeText(name, x, y);
      pen.fillStyle = this.colour(kind.ink);
      pen.fillText(name, x, y);
    }
  }
  /** Where the name of a place stands: on its own spot, or when that is out of view on a part of it that is seen; null without any. */
  spot(map, place) {
    const own = map.project(place.at);
    if (own.x > 0 && own.x < map.width && own.y > 0 && own.y < map.height) return own;
    const seen = DOWN.flatMap((down) => ACROSS.map((across) => ({ x: across * map.width, y: down * map.height }))).filter((point) => this.holds(place, map.x + (point.x - map.width / 2) / map.scale, map.y + (point.y - map.height / 2) / map.scale));
    const far = ({ x, y }) => Math.hypot(x - own.x, y - own.y);
    return seen.sort((a, b) => far(a) - far(b))[0] ?? null;
  }

  /** Whether a place holds a point: its rings are crossed an odd number of times on the way east. */
  holds({ rings }, x, y) {
    let odd = false;
    for (const index of rings.flat()) {
      const { points, box } = this.arcs[index < 0 ? ~index : index];
      if (box[1] > y || box[3] < y || box[2] < x) continue;
      for (let i = 2; i < points.length; i += 2) {
        const [x0, y0, x1, y1] = [points[i - 2], points[i - 1], points[i], points[i + 1]];
        if (y0 > y !== y1 > y && x < x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)) odd = !odd;
      }
    }
    return odd;
  }
}
