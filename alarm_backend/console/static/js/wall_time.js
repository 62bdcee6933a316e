// Times of an order: typed as wall time in the order's time zone, kept as an instant with offset.
const formats = new Map();

function format(zone) {
  if (!formats.has(zone)) {
    const options = { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
    try {
      formats.set(zone, new Intl.DateTimeFormat("en-CA", options));
    } catch {
      formats.set(zone, new Intl.DateTimeFormat("en-CA", { ...options, timeZone: "Europe/Brussels" })); // the zone's own field says what is wrong with it
    }
  }
  return formats.get(zone);
}

function wallOf(ms, zone) {
  const part = Object.fromEntries(format(zone).formatToParts(ms).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}:${part.second}`;
}

/** What an input of type datetime-local shows; "" when the text is no time. */
export function toWall(instant, zone) {
  const ms = Date.parse(instant ?? "");
  return Number.isNaN(ms) ? "" : wallOf(ms, zone).slice(0, 16);
}

/** The instant of a wall time; of a doubtful one (clocks go back) the first. */
export function toInstant(wall, zone) {
  const naive = Date.parse(`${wall.length === 16 ? `${wall}:00` : wall}Z`);
  if (Number.isNaN(naive)) return wall;
  let ms = naive;
  for (let round = 0; round < 3; round++) ms += naive - Date.parse(`${wallOf(ms, zone)}Z`);
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
