// The page of one draft: form, map, review. Nothing is saved but what the server has said is saved.
import { get, put } from "./document_path.js";
import { DraftReview } from "./draft_review.js";
import { MapView } from "./map_view.js";
import { OrderForm } from "./order_form.js";
import { text, whyNot } from "./texts.js";
import { geometryOf, ZoneDrawing } from "./zone_drawing.js";

const root = document.querySelector("[data-draft-page]");
const facts = root.dataset;
const UNDO_MAX = 100;
const NEW = {
  protected: () => ({ person_id: "", device_id: null }),
  zones: () => ({ zone_id: "", shape: { type: "Circle", center: [null, null], radius_m: 300 }, buffer_m: 0 }),
  exceptions: () => ({ exception_id: "", reason: "", protected: [], zones: [] }),
  schedule: () => ({ days: ["mon", "tue", "wed", "thu", "fri"], from: "08:00", until: "18:00" }),
};

class Editor {
  constructor() {
    this.draft = JSON.parse(facts.draft);
    this.document = structuredClone(this.draft.document);
    this.undone = [];
    this.done = [];
    this.selected = null;
    this.form = new OrderForm(root.querySelector("[data-form]"), { mandateKinds: JSON.parse(facts.mandateKinds), alarmKinds: JSON.parse(facts.alarmKinds) }, (change, path) => this.change(change, path), (act, argument) => this.act(act, argument));
    this.review = new DraftReview(root);
    this.note = root.querySelector("[data-note]");
    root.addEventListener("click", (event) => this.clicked(event));
    root.addEventListener("change", (event) => event.target.matches("[data-import]") && this.importFile(event.target));
    root.addEventListener("toggle", (event) => this.toggled(event), true);
    addEventListener("keydown", (event) => this.key(event));
    addEventListener("beforeunload", (event) => this.dirty && event.preventDefault());
    this.restore();
    this.render();
    this.openMap();
  }

  get locked() {
    return !this.draft.may.includes("save") || this.draft.act === "withdraw";
  }

  get dirty() {
    return !this.locked && JSON.stringify(this.document) !== JSON.stringify(this.draft.document);
  }

  /** The draft as far as it is about what stands on the screen: no revision has what was not saved yet. */
  get seen() {
    return this.dirty ? { ...this.draft, problems: [], revision: null } : this.draft;
  }

  // ---- the document ----
  change(change, path = "") {
    this.done.push(structuredClone(this.document));
    if (this.done.length > UNDO_MAX) this.done.shift();
    this.undone = [];
    change(this.document);
    const prealert = get(this.document, "proximity");
    if (prealert && prealert.alert_distance_m === undefined && prealert.prealert_distance_m === undefined) delete this.document.proximity;
    if (this.document.victim_contact && !Object.keys(this.document.victim_contact).length) delete this.document.victim_contact;
    this.render(path !== "");
    // A field that others depend on: drawn again when the focus has moved on, or it would be lost.
    if (path === "timezone" || (/(zone|person)_id$/.test(path) && this.document.exceptions?.length)) setTimeout(() => this.render());
  }

  undo(from, to) {
    if (!from.length) return;
    to.push(this.document);
    this.document = from.pop();
    if (!this.document.zones?.[this.selected]) this.selected = null;
    this.render();
  }

  act(name, argument) {
    if (name === "add") {
      const kind = argument.split(".").at(-1);
      this.change((document_) => {
        const list = get(document_, argument) ?? [];
        put(document_, argument, [...list, NEW[kind]()]);
      });
      if (kind === "zones") this.select(this.document.zones.length - 1);
    } else if (name === "remove") {
      const [, list, index] = argument.match(/^(.*)\[(\d+)\]$/);
      this.selected = list === "zones" ? null : this.selected;
      this.change((document_) => {
        get(document_, list).splice(Number(index), 1);
        if (list.endsWith("schedule") && !get(document_, list).length) put(document_, list, undefined);
      });
    } else if (name === "draw") {
      this.drawing?.start(argument);
      this.showMap();
    } else if (name === "edit") {
      this.select(Number(argument));
      this.drawing?.fit(this.selected);
      this.showMap();
      this.drawing?.handles[0]?.getElement().focus({ preventScroll: true });
    } else if (name === "hole") {
      this.select(Number(argument));
      this.drawing?.start("hole");
      this.showMap();
    }
  }

  /** On a narrow screen the map is below the form. */
  showMap() {
    root.querySelector("[data-map]").scrollIntoView({ block: "nearest" });
  }

  shaped(index, shape) {
    if (index === null) {
      const names = new Set((this.document.zones ?? []).map((zone) => zone.zone_id));
      let number = names.size + 1;
      while (names.has(`zone-${number}`)) number++;
      this.change((document_) => put(document_, `zones[${(document_.zones ?? []).length}]`, { zone_id: `zone-${number}`, shape, buffer_m: 0 }));
      this.select(this.document.zones.length - 1);
    } else this.change((document_) => (document_.zones[index].shape = shape));
  }

  select(index) {
    this.selected = index;
    this.render();
  }

  toggled(event) {
    const index = Number(event.target.dataset?.zone);
    if (event.target.matches?.("details[data-zone]") && event.target.open && index !== this.selected) {
      this.selected = index;
      this.draw();
    }
  }

  async importFile(input) {
    try {
      const found = JSON.parse(await input.files[0].text());
      const features = found.type === "FeatureCollection" ? found.features : [found.type === "Feature" ? found : { geometry: found, properties: {} }];
      const shapes = features.map(({ geometry, properties }) => ({ shape: { type: geometry.type, coordinates: geometry.coordinates }, name: properties?.zone_id ?? properties?.name }));
      if (!shapes.length || !shapes.every(({ shape }) => ["Polygon", "MultiPolygon"].includes(shape.type) && geometryOf(shape))) throw new Error(text("draft.import_polygons"));
      const safe = (name, i) => String(name ?? `zone-${i}`).replaceAll(/[^A-Za-z0-9._:/-]+/g, "-").slice(0, 64);
      this.change((document_) => shapes.forEach(({ shape, name }) => put(document_, `zones[${(document_.zones ?? []).length}]`, { zone_id: safe(name, (document_.zones ?? []).length + 1), shape, buffer_m: 0 })));
      this.select(this.document.zones.length - 1);
      this.drawing?.fit(this.selected);
      this.say(text("draft.imported", { count: shapes.length }));
    } catch (error) {
      this.say(text("draft.import_failed", { why: error.message }), true);
    }
    input.value = "";
  }

  // ---- the server ----
  async send(method, path, body) {
    const answer = await fetch(`/api/v1/order-drafts/${this.draft.draft_id}${path}`, { method, headers: { "Content-Type": "application/json", "X-CSRF-Token": facts.csrf }, body: JSON.stringify(body) }).catch(() => null);
    if (!answer) return void this.say(text("draft.no_line"), true);
    const told = await answer.json().catch(() => ({}));
    if (answer.ok) return told;
    const why = whyNot(told, answer.status);
    if (this.dirty) sessionStorage.setItem(this.draft.draft_id, JSON.stringify(this.document)); // a session that ended leads away from here
    this.say(answer.status === 409 && this.dirty ? `${text("draft.conflict")} ${why}` : text("draft.refused", { why }), true);
  }

  async step(name) {
    const reason = root.querySelector("[data-reason]").value, note = root.querySelector("[data-review-note]").value;
    if (name === "save" || (["submit", "what-if"].includes(name) && this.dirty)) { // figures are of what stands on the screen
      const saved = await this.send("PUT", "", { revision: this.draft.revision, document: this.document, reason });
      if (!saved) return;
      this.take(saved);
      this.say(text(saved.problems.length ? "draft.saved_with_problems" : "draft.saved", { revision: saved.revision, count: saved.problems.length }), saved.problems.length > 0);
      if (name === "save" || saved.problems.length) return;
    }
    if (name === "what-if") {
      this.busy(true);
      const found = await this.send("POST", "/what-if", {});
      this.busy(false);
      if (found) this.draft.what_if = found;
      this.review.figures(this.draft.what_if, this.seen);
      return;
    }
    const told = await this.send("POST", `/${name.replaceAll("_", "-")}`, { revision: this.draft.revision, note });
    if (!told) return;
    if (name === "sign") return void location.assign(`/orders/${encodeURIComponent(told.order_id)}/versions`);
    this.take(told);
    this.say(text(`draft.after_${name}`));
  }

  take(draft) {
    this.draft = draft;
    this.document = structuredClone(draft.document);
    sessionStorage.removeItem(draft.draft_id);
    this.render();
  }

  /** What somebody had typed when another person saved first. */
  restore() {
    const kept = sessionStorage.getItem(this.draft.draft_id);
    if (!kept || this.locked) return;
    this.done.push(this.document);
    this.document = JSON.parse(kept);
    this.say(text("draft.restored"));
  }

  busy(on) {
    root.querySelector('[data-step="what-if"]').disabled = on;
    if (on) root.querySelector("[data-figures]").textContent = text("draft.figures_running");
  }

  say(words, bad = false) {
    this.note.textContent = words;
    this.note.dataset.bad = String(bad);
    this.note.hidden = !words;
  }

  // ---- what is seen ----
  render(onlyMap = false) {
    if (!onlyMap) this.form.render(this.document, { locked: this.locked, selected: this.selected });
    const fresh = !this.dirty;
    const homeless = this.form.showProblems(fresh ? this.draft.problems : []);
    this.review.render(this.seen, homeless);
    for (const button of root.querySelectorAll("[data-step]")) {
      const { step } = button.dataset;
      button.hidden = step !== "what-if" && !this.draft.may.includes(step) && !(step === "submit" && this.draft.may.includes("save") && this.dirty);
    }
    root.querySelector("[data-dirty]").hidden = fresh;
    for (const [name, steps] of [["[data-undo]", this.done], ["[data-redo]", this.undone]]) {
      root.querySelector(name).hidden = this.locked;
      root.querySelector(name).disabled = !steps.length;
    }
    root.querySelector("[data-state]").textContent = text(`draft.state.${this.draft.state}`, {});
    root.querySelector("[data-revision]").textContent = text("draft.revision", { revision: this.draft.revision, who: this.draft.changed_by });
    root.querySelector("[data-stale]").hidden = !this.draft.stale;
    root.querySelector("[data-reason]").disabled = !this.draft.may.includes("save");
    this.draw();
  }

  draw() {
    this.form.nameZones();
    if (!this.drawing) return;
    this.drawing.locked = this.locked;
    this.drawing.show(this.document.zones ?? [], this.selected);
  }

  openMap() {
    if (!facts.baseLayer) return;
    MapView.open(root.querySelector("[data-map]"), facts.baseLayer, () => {}).then(
      (view) => {
        view.follow = false;
        this.drawing = new ZoneDrawing(view, (index, shape) => this.shaped(index, shape), (words) => this.say(words));
        this.draw();
        this.drawing.fit();
        root.dataset.mapReady = "true";
      },
      (error) => {
        console.warn(error);
        const note = root.querySelector("[data-map-note]");
        note.textContent = text("draft.map_failed");
        note.hidden = false;
      },
    );
  }

  clicked(event) {
    const step = event.target.closest("[data-step]");
    const go = event.target.closest("[data-go]");
    if (step) this.step(step.dataset.step);
    else if (event.target.closest("[data-undo]")) this.undo(this.done, this.undone);
    else if (event.target.closest("[data-redo]")) this.undo(this.undone, this.done);
    else if (go) {
      event.preventDefault();
      const place = this.form.placeOf(go.dataset.go);
      const target = place?.input ?? place?.fault;
      target?.closest("details")?.setAttribute("open", "");
      target?.scrollIntoView({ block: "center" });
      target?.focus?.();
    }
  }

  key(event) {
    const typing = event.target.closest?.("input, textarea, select");
    if (!typing && this.drawing?.key(event.key)) return event.preventDefault();
    if (!(event.ctrlKey || event.metaKey)) return;
    if (event.key === "s" && this.draft.may.includes("save")) {
      event.preventDefault();
      document.activeElement?.blur?.();
      this.step("save");
    } else if (event.key.toLowerCase() === "z" && !typing && !this.locked) {
      event.preventDefault();
      if (event.shiftKey) this.undo(this.undone, this.done);
      else this.undo(this.done, this.undone);
    }
  }
}

new Editor();
