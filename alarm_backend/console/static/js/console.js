// The console: wires the live line to queue, map, panel and sound.
import { Detail } from "./detail.js";
import { FieldTests } from "./field_tests.js";
import { Health } from "./health.js";
import { listen } from "./keys.js";
import { MapView } from "./map_view.js";
import { Queue } from "./queue.js";
import { Replay } from "./replay.js";
import { ServerClock } from "./server_clock.js";
import { Situation } from "./situation.js";
import { Sound } from "./sound.js";
import { Stream } from "./stream.js";
import { limit, text, timeOfDay, whyNot, word } from "./texts.js";

const root = document.querySelector("[data-console]");
const facts = root.dataset;
const clock = new ServerClock(Number(facts.nowMs));
const situation = new Situation(() => clock.nowMs());
const health = new Health(clock, JSON.parse(facts.sources));
const tests = new FieldTests(root, clock, health.notLoaded);
const sound = new Sound(facts.operator, (state) => health.sound(state));
let map = null, coveredPx = 0;

const wallOffsetMs = Number(facts.wallMs) - Date.now();
const wallMs = () => Date.now() + wallOffsetMs; // the server's real clock
const ended = () => health.sessionEnded();
const detail = new Detail(root.querySelector("[data-detail]"), situation, clock, { act: perform, logStep, ended, wallMs, loaded });
const replay = new Replay(root, situation, redraw, health.nothingToReplay);
const queue = new Queue(root, situation, clock, (alarm) => {
  replay.close();
  map?.setFollow(true, false);
  if (!byItself) {
    if (alarm) want(alarm.order_id);
    chosen = true;
    showNow();
    return redraw();
  }
  // Alarms come in bursts: each row is there at once, panel, tracks and map follow once and together for all of them.
  mapDue = true;
  if (opening) return;
  const wait = OPEN_MS + Math.random() * Math.min(SHARE_MS * consoles, SHARE_MOST_MS); // not all consoles at one moment
  opening = setTimeout(follow, wait);
  redrawBy(wait + MAP_ALONE_MS);
});
for (const one of JSON.parse(facts.handovers)) health.handover(one, nameOf(one.alarm_id));

/** An alarm as a person calls it: its kind and people. */
function nameOf(alarmId) {
  const alarm = queue.alarms.get(alarmId);
  return alarm ? [word("kind", alarm.kind), [alarm.monitored, alarm.protected ?? alarm.zone_id].filter(Boolean).join(" → ")].filter(Boolean).join(", ") : alarmId;
}

const OPEN_MS = 250, MAP_ALONE_MS = 600; // a panel that does not come does not hold the map
const SHARE_MS = 80, SHARE_MOST_MS = 1000; // for each console that listens: a lone operator need not wait for others
let consoles = 1;
let byItself = false, chosen = false, opening = null;
let mapDue = false; // the map is drawn in the frame of the panel that is on its way

/** What was selected by itself is opened: tracks and panel are asked for at one moment, to be drawn in one frame. */
function follow() {
  if (wanted.has(queue.selected()?.order_id)) ask();
  showNow();
}

/** A panel is there: draw the map too, but for tracks that will draw it when they are there. */
function loaded() {
  const id = queue.selected()?.order_id;
  if (mapDue && !(asked.has(id) && !situation.orders.has(id))) redraw();
  else figures();
}

/** Load the panel of the selected alarm, also one that would follow by itself. */
function showNow() {
  clearTimeout(opening);
  opening = null;
  return detail.show(queue.selected());
}

let drawing;
function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = mapDue = false;
    clearTimeout(soon);
    soonAt = Infinity;
    map?.draw(replay.shown(), queue.selected(), queue.ordered(), chosen);
    chosen = false;
    figures();
  });
}

/** Distances and ages everywhere at one moment: row, panel and map never say two things of the same two people. */
function figures() {
  queue.tick();
  detail.tick();
  if (replay.atMs === null) map?.say(situation, queue.selected());
}

const SOON_MS = 500, LATER_MS = 3000;
let soon = null, soonAt = Infinity;

/** What arrives by itself: the row is there at once, the map follows; sooner for the order that is looked at. */
function redrawSoon(orderId) {
  if (!opening || queue.selected()?.order_id !== orderId) redrawBy(queue.selected()?.order_id === orderId ? SOON_MS : LATER_MS);
}

function redrawBy(ms) {
  const at = performance.now() + ms;
  if (at >= soonAt) return;
  clearTimeout(soon);
  soonAt = at;
  soon = setTimeout(redraw, ms);
}

/** Who is where: of every open alarm, or only of some orders (each read of a track is logged, so ask for no more). */
async function loadSituation(orderIds = null) {
  const query = orderIds ? "?" + new URLSearchParams(orderIds.map((id) => ["order_id", id])) : "";
  const response = await fetch("/console/situation" + query, { headers: { Accept: "application/json" } });
  if (response.status === 401) return ended();
  if (!response.ok) throw new Error(`situation: status ${response.status}`);
  clock.heard(Number(response.headers.get("X-Now-Ms")));
  const loaded = await response.json();
  if (orderIds) situation.merge(loaded);
  else situation.load(loaded);
  health.positions(situation.newestMs);
  if (!orderIds || orderIds.includes(queue.selected()?.order_id)) {
    if (detail.waits) { // the panel is drawn with these tracks, and the map with the panel
      mapDue = true;
      return redrawBy(SOON_MS);
    }
    detail.drawChart();
    redraw();
  } else redrawSoon(null);
}

// Never sooner than GATHER_MS: the backend gives all consoles that ask at one moment the same answer (situation.py).
const GATHER_MS = 250, GATHER_OTHERS_MS = 2000, ASK_MAX = 50, ASK_AGAIN_MS = 5000;
const wanted = new Set(), asked = new Set();
let asking = null, askAt = Infinity;

/** Ask for an order that a new alarm named, once: soon when it is looked at, else together with those that follow. */
function want(orderId) {
  if (situation.orders.has(orderId) || asked.has(orderId)) return;
  wanted.add(orderId);
  // What was selected by itself is asked for with its panel.
  const at = performance.now() + (!opening && queue.selected()?.order_id === orderId ? GATHER_MS : GATHER_OTHERS_MS);
  if (at >= askAt) return;
  clearTimeout(asking);
  askAt = at;
  asking = setTimeout(ask, at - performance.now());
}

function ask() {
  clearTimeout(asking);
  askAt = Infinity;
  for (const id of wanted) if (situation.orders.has(id)) wanted.delete(id);
  const now = [...wanted].slice(0, ASK_MAX);
  for (const id of now) { wanted.delete(id); asked.add(id); }
  for (const id of wanted) want(id);
  if (!now.length) return;
  loadSituation(now).catch((error) => {
    for (const id of now) asked.delete(id);
    health.notLoaded(error);
    setTimeout(() => now.forEach(want), ASK_AGAIN_MS); // its alarm may stand for long before another names the order
  });
}

/** Reload what the page shows: the stream could not resume without loss. */
async function resync() {
  const response = await fetch("/api/v1/alarms", { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`alarms: status ${response.status}`);
  queue.reload((await response.json()).alarms);
  await loadSituation();
}

const handlers = {
  alarm({ alarm, transition, sound: audible, traceparent }) {
    if (traceparent) traces.set(alarm.alarm_id, traceparent);
    const outcome = queue.update(alarm);
    if (outcome === "old") return;
    if (outcome === "new") {
      document.querySelector("[data-announce]").textContent = text("queue.new_alarm", { kind: word("kind", alarm.kind), severity: word("severity", alarm.severity) });
    }
    if (audible) sound.play(alarm.severity);
    if (!queue.selected() || (transition === "raised" && outcome === "new" && queue.selected().risk < alarm.risk && actorIsIdle())) {
      byItself = true;
      queue.select(alarm.alarm_id);
      byItself = false;
    }
    else if (alarm.alarm_id === queue.selectedId) detail.show(alarm);
    if (outcome === "new") {
      arrivals.push(alarm.stored_ms);
      want(alarm.order_id);
    }
    if (alarm.order_id === queue.selected()?.order_id) figures();
    root.dataset.lastAlarmShownMs = Date.now();
    redrawSoon(alarm.order_id);
  },
  position(position) {
    if (!situation.add(position)) return;
    health.positions(situation.newestMs);
    if (queue.selected()?.order_id === position.order_id) chartDue = true;
    redrawSoon(position.order_id);
  },
  status(status) {
    if (status.what === "resync") resync().catch(health.notLoaded);
    else if (status.what === "orders") {
      asked.clear();
      loadSituation().catch(health.notLoaded);
    }
    else if (status.what === "maintenance") health.working(status.detail.running);
    else if (status.what === "flood") health.flood(status.detail.active, status.detail.new_alarms);
    else if (status.what === "rejected") health.rejected(status.detail);
    else if (status.what === "handover") {
      health.handover(status.detail, nameOf(status.detail.alarm_id));
      if (status.detail.alarm_id === queue.selectedId) detail.show(queue.selected());
    } else health.source(status);
  },
  field_test() {
    tests.add();
  },
};

// A worse alarm takes the selection only from somebody who is not working on the one selected.
const actorIsIdle = () => {
  const selected = queue.selected();
  return !selected || (selected.state !== "in_progress" && !root.querySelector(".act-form:not([hidden])") && performance.now() - touchedAt > 15_000);
};
let touchedAt = -Infinity, chartDue = false;
for (const kind of ["keydown", "pointerdown"]) addEventListener(kind, () => (touchedAt = performance.now()), { capture: true });

const stream = new Stream("/events", Number(facts.lastEventId), {
  event(name, data, id) {
    handlers[name]?.(data);
    root.dataset.lastEventId = id ?? root.dataset.lastEventId;
    health.received();
  },
  heard(nowMs, listening) {
    if (nowMs !== null) clock.heard(nowMs);
    if (listening !== null) consoles = listening;
  },
  slept: (ms) => clock.slept(ms),
  state: (state) => health.stream(state, stream),
  ended,
});

const traces = new Map(); // alarm_id → the trace that an act on it belongs to
const FORMS = new Set(["resolve", "shelve", "police"]);

async function perform(act, values = null) {
  const alarm = queue.meant();
  if (!alarm) return;
  if (alarm.alarm_id !== queue.selectedId) queue.select(alarm.alarm_id);
  else if (opening) showNow();
  if (FORMS.has(act) && values === null) {
    await detail.loading;
    if (detail.alarm?.alarm_id !== alarm.alarm_id || detail.openForm(act)) return;
    const why = detail.whyNot(act);
    if (why) health.problem(new Error(why));
    return;
  }
  if (values?.minutes) values.minutes = Number(values.minutes);
  if (act === "police" && detail.policeMode() === "log") return logStep("notify_police", "done", values.note);
  const answer = await send(alarm, act.replace("_", "-"), values ?? {});
  if (!answer) return;
  detail.closeForms();
  if (act !== "police") queue.update(answer);
  await detail.show(queue.selected());
}

async function logStep(step, outcome, note = "") {
  const alarm = queue.selected();
  if (!alarm || !step) return;
  // The panel on the screen may still be another alarm's: a step of it is not logged with this one.
  if (detail.panel()?.dataset.detailOf !== alarm.alarm_id) return showNow();
  if (await send(alarm, `instructions/${step}`, { outcome, note })) {
    detail.closeForms();
    await detail.show(queue.selected());
  }
}

/** An act on an alarm; its answer, or null after telling the operator why not. */
async function send(alarm, path, values) {
  queue.markSending(alarm.alarm_id, true);
  try {
    const response = await fetch(`/api/v1/alarms/${encodeURIComponent(alarm.alarm_id)}/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": facts.csrf, Accept: "application/json", ...(traces.has(alarm.alarm_id) ? { traceparent: traces.get(alarm.alarm_id) } : {}) },
      body: JSON.stringify(values),
    });
    if (response.status === 401) return ended();
    const answer = await response.json();
    if (response.ok) return answer;
    health.problem(new Error(whyNot(answer, response.status)));
  } catch {
    health.problem(new Error(text("reason.no_connection")));
  } finally {
    queue.markSending(alarm.alarm_id, false);
    redraw();
  }
  return null;
}

const stepKeys = Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [String(n), () => logStep(detail.step(n), "done")]));
const dialog = document.querySelector("[data-keys]");
listen(
  {
    ArrowDown: () => queue.move(1), ArrowUp: () => queue.move(-1), j: () => queue.move(1), k: () => queue.move(-1),
    a: () => perform("acknowledge"), t: () => perform("take"), r: () => perform("resolve"), s: () => perform("shelve"),
    c: () => perform("confirm_close"), p: () => perform("police"), ...stepKeys,
    f: () => map?.setFollow(!map.follow), "+": () => map?.zoom(1), "-": () => map?.zoom(-1),
    m: () => sound.toggle(), h: () => replay.toggle(queue.selected()?.order_id), "?": () => (dialog.open ? dialog.close() : dialog.showModal()), Escape: () => (replay.atMs === null ? detail.closeForms() : replay.close()),
  },
  dialog,
);
document.querySelector("[data-sound]").addEventListener("click", () => sound.toggle());

const FLOOD_WINDOW_MS = 600_000;
const arrivals = queue.ordered().map((alarm) => alarm.stored_ms);
const newAlarms = () => arrivals.filter((ms) => ms > wallMs() - FLOOD_WINDOW_MS).length;

setInterval(() => {
  health.floodGrows(newAlarms());
  figures();
  if (chartDue) {
    chartDue = false;
    detail.drawChart();
  }
  health.unseen = queue.unseen().length;
  health.tick(stream);
  sound.remind(Math.max(0, ...queue.unseen().map((alarm) => alarm.severity)));
  for (const at of document.querySelectorAll("[data-clock]")) at.textContent = timeOfDay(clock.nowMs());
}, 1000);

/** What banners cover of the map is not used for its legend, its keys and the people on it. */
new ResizeObserver(([{ contentRect }]) => {
  document.documentElement.style.setProperty("--banners", `${Math.ceil(contentRect.height)}px`);
  coveredPx = matchMedia("(max-width: 720px)").matches ? 0 : Math.ceil(contentRect.height); // on a phone they stand below
  map?.leave(coveredPx);
}).observe(document.querySelector("[data-banners]"));

new ResizeObserver(([{ target }]) => document.documentElement.style.setProperty("--bar", `${target.offsetHeight}px`)).observe(document.querySelector("header.top"));

async function openMap() {
  if (!facts.baseLayer) return;
  const container = root.querySelector("[data-map]");
  try {
    map = await MapView.open(container, facts.baseLayer, (id) => queue.select(id));
  } catch (error) {
    console.warn(error);
    const note = root.querySelector("[data-map-note]");
    note.textContent = text("map.failed");
    note.hidden = false;
    return;
  }
  map.leave(coveredPx);
  root.querySelector("[data-map-keys]").hidden = root.querySelector("[data-legend]").hidden = false;
  const follow = root.querySelector('[data-map-act="fit"]');
  map.onFollow = (on) => follow.setAttribute("aria-pressed", String(on));
  follow.addEventListener("click", () => map.setFollow(!map.follow));
  root.querySelector('[data-map-act="in"]').addEventListener("click", () => map.zoom(1));
  root.querySelector('[data-map-act="out"]').addEventListener("click", () => map.zoom(-1));
  const grid = root.querySelector("[data-grid]");
  map.onGrid = (stepM) => {
    grid.hidden = !stepM;
    grid.querySelector("[data-grid-size]").textContent = text("map.legend.grid", { size: limit(stepM) });
  };
  map.drawGrid();
  root.querySelector('[data-map-act="replay"]').addEventListener("click", () => replay.toggle(queue.selected()?.order_id));
  root.dataset.mapReady = "true";
  redraw();
}

stream.start();
health.flood(facts.flood === "true", newAlarms());
queue.count();
if (queue.meant()) queue.select(queue.meant().alarm_id);
loadSituation().catch(health.notLoaded);
openMap();
