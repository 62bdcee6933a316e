// The form of an order: every field knows its place in the document, so that a fault is shown beside it.
import { get, make, put } from "./document_path.js";
import { text, word } from "./texts.js";
import { toInstant, toWall } from "./wall_time.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const CONTACTS = ["always", "if_near", "never"];
const idOf = (path) => `f-${path.replaceAll(/[^A-Za-z0-9]+/g, "-").replace(/-$/, "")}`;

export class OrderForm {
  /** `facts`: mandate kinds and alarm kinds; `act(name, argument)`: what the page does with a structural change. */
  constructor(root, facts, onChange, act) {
    this.root = root;
    this.facts = facts;
    this.onChange = onChange;
    this.act = act;
    this.root.addEventListener("change", (event) => this.changed(event.target));
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-act]");
      if (button) this.act(button.dataset.act, button.dataset.argument);
    });
  }

  /** Draw the whole form; the element that had the focus keeps it. */
  render(document_, { locked, selected }) {
    const focused = document.activeElement?.id;
    this.document = document_;
    this.locked = locked;
    const sections = [this.basis(), this.parties(), this.distances(), this.zones(selected), this.exceptions(), this.contact()];
    this.root.replaceChildren(...sections);
    for (const set of this.root.querySelectorAll("fieldset")) set.disabled = locked;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  zone() {
    return this.document.timezone || "Europe/Brussels";
  }

  changed(input) {
    const { path, kind } = input.dataset;
    if (path === undefined) return;
    const read = {
      number: () => (input.value.trim() === "" ? undefined : Number(input.value)),
      moment: () => (input.value === "" ? undefined : toInstant(input.value, this.zone())),
      optional: () => input.value.trim() || null,
      ring: () => ringOf(input.value),
      day: () => this.daysWith(path, input),
      names: () => [...input.selectedOptions].map((option) => option.value),
    }[kind];
    let value = read ? read() : input.value;
    if (kind === "choice" && value === "") value = undefined;
    this.onChange((document_) => put(document_, path, value), path);
  }

  daysWith(path, input) {
    const days = new Set(get(this.document, path) ?? []);
    if (input.checked) days.add(input.value);
    else days.delete(input.value);
    return DAYS.filter((day) => days.has(day));
  }

  // ---- parts ----
  entry(path, label, input, hint = "") {
    const id = idOf(path);
    input.id = id;
    input.dataset.path = path;
    input.setAttribute("aria-describedby", `${id}-fault`);
    return make("div", { class: "entry" }, make("label", { for: id }, label), input, hint ? make("small", {}, hint) : null, make("p", { class: "fault", id: `${id}-fault`, "data-fault": path, hidden: true }));
  }

  typed(path, label, attributes = {}, kind = "text", hint = "") {
    const value = get(this.document, path);
    const shown = kind === "moment" ? toWall(value, this.zone()) : (value ?? "");
    const input = make("input", { type: kind === "number" ? "number" : kind === "moment" ? "datetime-local" : "text", step: kind === "number" ? "any" : undefined, autocomplete: "off", spellcheck: "false", ...attributes, "data-kind": kind });
    input.value = shown;
    return this.entry(path, label, input, hint);
  }

  chosen(path, label, options, kind = "choice", attributes = {}) {
    const value = get(this.document, path);
    const select = make("select", { "data-kind": kind, ...attributes }, ...options.map(([name, shown]) => make("option", { value: name }, shown)));
    for (const option of select.options) option.selected = Array.isArray(value) ? value.includes(option.value) : option.value === (value ?? "");
    return this.entry(path, label, select);
  }

  button(act, argument, label, attributes = {}) {
    return make("button", { type: "button", "data-act": act, "data-argument": argument, ...attributes }, label);
  }

  section(name, ...children) {
    return make("fieldset", { class: "part", "data-part": name }, make("legend", {}, text(`draft.part.${name}`)), ...children);
  }

  basis() {
    const kinds = [...new Set([...this.facts.mandateKinds, this.document.mandate_kind].filter(Boolean))];
    return this.section(
      "basis",
      this.chosen("mandate_kind", text("draft.mandate_kind"), [["", text("draft.choose")], ...kinds.map((kind) => [kind, word("mandate", kind)])]),
      make("div", { class: "pair" }, this.typed("valid_from", text("draft.valid_from"), {}, "moment"), this.typed("valid_until", text("draft.valid_until"), {}, "moment")),
      make("div", { class: "pair" }, this.typed("timezone", text("draft.timezone")), this.typed("retention_days", text("draft.retention_days"), { min: 0, max: 3650 }, "number")),
    );
  }

  parties() {
    const party = (path, heading, remove) =>
      make("div", { class: "item" }, make("h3", {}, heading), make("div", { class: "pair" }, this.typed(`${path}.person_id`, text("draft.person_id")), this.typed(`${path}.device_id`, text("draft.device_id"), {}, "optional")), remove);
    const people = this.document.protected ?? [];
    return this.section(
      "parties",
      party("monitored", text("role.monitored"), null),
      ...people.map((_, i) => party(`protected[${i}]`, `${text("role.protected")} ${i + 1}`, this.button("remove", `protected[${i}]`, text("draft.remove"), { "aria-label": `${text("draft.remove")}: ${text("role.protected")} ${i + 1}` }))),
      this.button("add", "protected", text("draft.add_protected")),
    );
  }

  distances() {
    return this.section("distances", make("p", { class: "hint" }, text("draft.distances_hint")), make("div", { class: "pair" }, this.typed("proximity.alert_distance_m", text("draft.alert_distance_m"), { min: 10 }, "number"), this.typed("proximity.prealert_distance_m", text("draft.prealert_distance_m"), { min: 10 }, "number")), make("p", { class: "fault", "data-fault": "proximity", hidden: true }));
  }

  contact() {
    const options = [["", text("draft.contact_default")], ...CONTACTS.map((rule) => [rule, text(`draft.contact.${rule}`)])];
    return this.section("contact", make("p", { class: "hint" }, text("draft.contact_hint")), make("div", { class: "grid" }, ...this.facts.alarmKinds.map((kind) => this.chosen(`victim_contact.${kind}`, word("kind", kind), options))));
  }

  zones(selected) {
    const list = (this.document.zones ?? []).map((zone, i) => this.oneZone(zone, i, i === selected));
    const tools = make(
      "div",
      { class: "tools" },
      this.button("draw", "circle", text("draft.draw_circle"), { "data-tool": "circle" }),
      this.button("draw", "polygon", text("draft.draw_polygon"), { "data-tool": "polygon" }),
      this.button("add", "zones", text("draft.add_by_numbers")),
      make("label", { class: "file" }, text("draft.import"), make("input", { type: "file", accept: ".json,.geojson,application/geo+json", "data-import": true })),
    );
    return this.section("zones", make("p", { class: "hint" }, text("draft.zones_hint")), tools, ...list, make("p", { class: "fault", "data-fault": "zones", hidden: true }));
  }

  oneZone(zone, i, selected) {
    const path = `zones[${i}]`, name = zone.zone_id || String(i + 1), circle = zone.shape?.type === "Circle";
    const numbers = circle
      ? make("div", { class: "triple" }, this.typed(`${path}.shape.center[1]`, text("draft.lat"), { min: -90, max: 90 }, "number"), this.typed(`${path}.shape.center[0]`, text("draft.lon"), { min: -180, max: 180 }, "number"), this.typed(`${path}.shape.radius_m`, text("draft.radius_m"), { min: 1 }, "number"))
      : make("div", {}, ...rings(zone.shape, `${path}.shape`).map(([ringPath, ring, number]) => this.ring(ringPath, ring, number)));
    return make(
      "details",
      { class: "item zone", open: selected, "data-zone": i },
      make("summary", {}, make("b", {}, name), ` · ${text(circle ? "draft.circle" : "draft.polygon")}`),
      make("div", { class: "pair" }, this.typed(`${path}.zone_id`, text("draft.zone_id")), this.typed(`${path}.buffer_m`, text("draft.buffer_m"), { min: 0 }, "number")),
      numbers,
      make("p", { class: "fault", "data-fault": `${path}.shape`, hidden: true }),
      this.schedule(path, zone.schedule),
      make("div", { class: "tools" }, this.button("edit", i, text("draft.edit_on_map"), { "aria-label": `${text("draft.edit_on_map")}: ${name}` }), circle ? null : this.button("hole", i, text("draft.draw_hole"), { "aria-label": `${text("draft.draw_hole")}: ${name}` }), this.button("remove", path, text("draft.remove"), { "aria-label": `${text("draft.remove")}: ${name}` })),
    );
  }

  /** The names of the zones in their headings, as they are now. */
  nameZones() {
    for (const details of this.root.querySelectorAll("details[data-zone]")) {
      const name = this.document.zones?.[details.dataset.zone]?.zone_id;
      details.querySelector("summary b").textContent = name || String(Number(details.dataset.zone) + 1);
    }
  }

  ring(path, ring, number) {
    const area = make("textarea", { rows: Math.min(8, ring.length + 1), "data-kind": "ring", spellcheck: "false" });
    area.value = ring.slice(0, -1).map(([lon, lat]) => `${lat} ${lon}`).join("\n");
    return this.entry(path, text(number ? "draft.hole_corners" : "draft.corners", { number }), area, text("draft.corners_hint"));
  }

  schedule(path, windows) {
    const rows = (windows ?? []).map((_, i) => {
      const at = `${path}.schedule[${i}]`;
      const days = make("div", { class: "days", role: "group", "aria-label": text("draft.days") }, ...DAYS.map((day) => {
        const box = make("input", { type: "checkbox", id: idOf(`${at}.days.${day}`), value: day, "data-kind": "day", "data-path": `${at}.days` });
        box.checked = (get(this.document, `${at}.days`) ?? []).includes(day);
        return make("label", { for: box.id }, box, text(`day.${day}`));
      }), make("p", { class: "fault", "data-fault": `${at}.days`, hidden: true }));
      return make("div", { class: "window" }, days, make("div", { class: "triple" }, this.typed(`${at}.from`, text("draft.from"), { placeholder: "08:00" }), this.typed(`${at}.until`, text("draft.until"), { placeholder: "18:00" }), this.button("remove", at, text("draft.remove"))));
    });
    return make("div", { class: "schedule" }, make("h4", {}, text(rows.length ? "draft.schedule" : "draft.always")), ...rows, this.button("add", `${path}.schedule`, text("draft.add_window")));
  }

  exceptions() {
    const listed = this.document.exceptions ?? [];
    const people = (this.document.protected ?? []).map((party) => [party.person_id, party.person_id]);
    const zones = (this.document.zones ?? []).map((zone) => [zone.zone_id, zone.zone_id]);
    const one = (i) => {
      const at = `exceptions[${i}]`;
      return make(
        "div",
        { class: "item" },
        make("div", { class: "pair" }, this.typed(`${at}.exception_id`, text("draft.exception_id")), this.typed(`${at}.reason`, text("draft.exception_reason"))),
        make("div", { class: "pair" }, this.typed(`${at}.from`, text("draft.valid_from"), {}, "moment"), this.typed(`${at}.until`, text("draft.valid_until"), {}, "moment")),
        make("div", { class: "pair" }, this.chosen(`${at}.protected`, text("draft.exception_protected"), people, "names", { multiple: true, size: 2 }), this.chosen(`${at}.zones`, text("draft.exception_zones"), zones, "names", { multiple: true, size: 2 })),
        this.button("remove", at, text("draft.remove")),
      );
    };
    return this.section("exceptions", make("p", { class: "hint" }, text("draft.exceptions_hint")), ...listed.map((_, i) => one(i)), this.button("add", "exceptions", text("draft.add_exception")));
  }

  /** Show each problem beside its field; returns those that have no field of their own. */
  showProblems(problems) {
    for (const fault of this.root.querySelectorAll("[data-fault]")) {
      fault.hidden = true;
      fault.textContent = "";
    }
    for (const input of this.root.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    return problems.filter((problem) => {
      const place = this.placeOf(problem.path);
      if (!place) return true;
      place.fault.textContent = [place.fault.textContent, sayProblem(problem)].filter(Boolean).join(" ");
      place.fault.hidden = false;
      place.input?.setAttribute("aria-invalid", "true");
      for (const details of [place.fault.closest("details")]) if (details) details.open = true;
      return false;
    });
  }

  /** The field of a place in the document, or the nearest around it. */
  placeOf(path) {
    for (let at = path; at; at = at.replace(/(\.[^.[\]]+|\[\d+\])$/, "")) {
      const fault = this.root.querySelector(`[data-fault="${CSS.escape(at)}"]`);
      if (fault) return { fault, input: this.root.querySelector(`:is(input, select, textarea)[data-path="${CSS.escape(at)}"]`) };
      if (!/[.[]/.test(at)) return null;
    }
    return null;
  }
}

export const sayProblem = (problem) => (problem.code === "other" ? problem.reason : text(`problem.${problem.code}`, problem.values));

export function rings(shape, path) {
  if (shape?.type === "Polygon") return (shape.coordinates ?? []).map((ring, i) => [`${path}.coordinates[${i}]`, ring, i]);
  return (shape?.coordinates ?? []).flatMap((polygon, p) => polygon.map((ring, i) => [`${path}.coordinates[${p}][${i}]`, ring, i]));
}

/** Corners typed as "latitude longitude" lines, as a closed ring of (lon, lat). */
function ringOf(typed) {
  const points = typed.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => line.split(/[\s,;]+/).map(Number)).map(([lat, lon]) => [lon, lat]);
  if (points.length) points.push([...points[0]]);
  return points.map((point) => point.map((value) => (Number.isFinite(value) ? value : null)));
}
