// How long a round distance is on the map, and whose data it shows.
import { limit, text } from "./texts.js";

const WIDEST_PX = 140;
const EQUATOR_M = 40_075_017;

/** The longest of 1, 2, 3 and 5 times a power of ten that is no more than this. */
export function roundDown(metres) {
  const power = 10 ** Math.floor(Math.log10(metres));
  return power * [5, 3, 2, 1].find((times) => times * power <= metres);
}

export class MapScale {
  constructor(map) {
    this.map = map;
    const add = (className) => map.container.appendChild(Object.assign(document.createElement("div"), { className }));
    this.bar = add("map-scale");
    add("map-source").textContent = text("map.source");
    map.on("paint", () => this.draw());
  }

  draw() {
    const [, lat] = this.map.unproject({ x: this.map.width / 2, y: this.map.height / 2 });
    const metresPerPx = (EQUATOR_M * Math.cos((lat * Math.PI) / 180)) / this.map.scale, metres = roundDown(WIDEST_PX * metresPerPx);
    const [width, words] = [`${(metres / metresPerPx).toFixed(0)}px`, limit(metres)];
    if (this.bar.style.width !== width) this.bar.style.width = width;
    if (this.bar.textContent !== words) this.bar.textContent = words;
  }
}
