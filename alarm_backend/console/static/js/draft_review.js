// Beside the form: what is wrong, what a reviewer should know, what changes, and the figures over past positions.
import { make, parts } from "./document_path.js";
import { sayProblem } from "./order_form.js";
import { moment, number, text, word } from "./texts.js";
import { toWall } from "./wall_time.js";

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/** A value in words (as order_words.py says it). Nothing is cut short: who signs must see every corner that moved. */
function shown(value) {
  if (value === null || value === undefined) return "–";
  if (value.type === "Circle" && Array.isArray(value.center)) return `${text("draft.circle")} · ${value.radius_m} m · ${value.center[1]} ${value.center[0]}`;
  if (value.type === "Polygon" && Array.isArray(value.coordinates?.[0])) {
    const rings = value.coordinates.map((ring) => ring.slice(0, -1).map(([lon, lat]) => `${lat} ${lon}`).join(", "));
    const holes = rings.slice(1).map((ring, i) => `${text("draft.hole_corners", { number: i + 1 })}: ${ring}`);
    return [`${text("draft.polygon")} (${value.coordinates[0].length - 1})`, rings[0], ...holes].join(" · ");
  }
  if (Array.isArray(value)) return value.map(hours).join("; ") || "–";
  if (typeof value === "object") return Object.entries(value).map(([name, one]) => `${word("draft", name)}: ${shown(one)}`).join(", ");
  return INSTANT.test(value) ? instant(value) : String(value);
}

const hours = (one) => (Array.isArray(one?.days) && one.from && one.until ? `${one.days.map((day) => word("day", day)).join(" ")} ${one.from}–${one.until}` : shown(one));

/** As every page writes a time: 01-07-2026 08:00:00. */
const instant = (value) => toWall(value, "Europe/Brussels").replace(/(\d+)-(\d+)-(\d+)T(.*)/, "$3-$2-$1 $4");

const GROUPS = { monitored: "role.monitored", protected: "role.protected", zones: "draft.part.zones", exceptions: "draft.part.exceptions", victim_contact: "draft.part.contact" };
const UNSAID = new Set(["proximity", "shape"]); // what follows says it

/** A place in the document in the words of the form beside it. */
export function placeName(path) {
  const [first, ...rest] = parts(path).filter((part) => !UNSAID.has(part));
  if (first === undefined) return path;
  const group = first === "victim_contact" ? "kind" : "draft";
  const said = rest.map((part) => (typeof part === "number" ? String(part + 1) : word(group, part)));
  return [GROUPS[first] ? text(GROUPS[first]) : word("draft", first), ...said].join(" · ");
}

export class DraftReview {
  constructor(root) {
    this.part = (name) => root.querySelector(`[data-review="${name}"]`);
  }

  render(draft, homeless) {
    const list = this.part("problems");
    list.hidden = !draft.problems.length;
    list.querySelector("ul").replaceChildren(...draft.problems.map((problem) => make("li", {}, homeless.includes(problem) ? `${placeName(problem.path)}: ${sayProblem(problem)}` : make("a", { href: "#", "data-go": problem.path }, `${placeName(problem.path)}: ${sayProblem(problem)}`))));
    const cautions = this.part("cautions");
    cautions.hidden = !draft.warnings.length;
    cautions.querySelector("ul").replaceChildren(...draft.warnings.map((warning) => make("li", {}, `${placeName(warning.path)}: ${text(`caution.${warning.code}`, warning.values)}`)));
    this.changes(draft);
    this.figures(draft.what_if, draft);
  }

  changes(draft) {
    const rows = draft.changes.map((change) => make("tr", {}, make("th", { scope: "row" }, placeName(change.path)), make("td", {}, shown(change.before)), make("td", {}, shown(change.after))));
    const part = this.part("changes");
    part.querySelector("tbody").replaceChildren(...rows);
    part.querySelector("table").hidden = !rows.length;
    part.querySelector("[data-none]").hidden = rows.length > 0;
    part.querySelector("[data-against]").textContent = draft.present_version === null ? text("draft.against_nothing") : text("draft.against", { version: draft.present_version });
  }

  figures(found, draft) {
    const part = this.part("figures").querySelector("[data-figures]");
    if (!found) return part.replaceChildren(make("p", { class: "hint" }, text("draft.figures_not_asked")));
    if (!found.available) return part.replaceChildren(make("p", { class: "unavailable" }, `${text("whatif.not_available")} ${text(`whatif.${found.code}`, found.values)}`));
    const stale = found.revision === draft.revision ? null : make("p", { class: "unavailable" }, text("whatif.older", { revision: found.revision }));
    const { present, proposed, nuisance } = found;
    const value = (n, digits = 1) => (n === null || n === undefined ? "–" : number(n, digits));
    const row = (name, before, after, digits = 1) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value(before, digits)), make("td", {}, value(after, digits)));
    const kinds = [...new Set([...Object.keys(present?.by_kind_per_week ?? {}), ...Object.keys(proposed.by_kind_per_week)])].sort();
    const table = make(
      "table",
      { "data-figures-table": true },
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, text("whatif.per_week")), make("th", { scope: "col" }, text("whatif.present")), make("th", { scope: "col" }, text("whatif.proposed")))),
      make(
        "tbody",
        {},
        row(text("whatif.alarms"), present?.alarms_per_week, proposed.alarms_per_week),
        ...kinds.map((kind) => row(`· ${word("kind", kind)}`, present ? (present.by_kind_per_week[kind] ?? 0) : null, proposed.by_kind_per_week[kind] ?? 0)),
        row(text("whatif.minutes"), present?.operator_minutes_per_week, proposed.operator_minutes_per_week, 0),
        row(text("whatif.breaches"), present?.breaches, proposed.breaches, 0),
      ),
    );
    const recall = found.recall === null ? text("whatif.no_recall") : text("whatif.recall", { share: number(found.recall * 100), count: present.breaches });
    const bothered = nuisance.per_week === null ? text("whatif.no_nuisance", { closed: nuisance.closed }) : text("whatif.nuisance", { count: number(nuisance.per_week, 1), closed: nuisance.closed });
    const people = Object.entries(found.by_person).map(([person, count]) => `${person}: ${number(count)}`).join(", ");
    const basis = text("whatif.basis", { n: number(found.n), people, from: moment(found.from_ms, Date.now()), until: moment(found.until_ms, Date.now()) });
    part.replaceChildren(...[stale, table, make("p", {}, recall), make("p", {}, bothered), make("p", { class: "hint" }, basis), make("p", { class: "hint" }, text("whatif.limits"))].filter(Boolean));
  }
}
