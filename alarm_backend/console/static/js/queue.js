// The alarm queue: rows ordered by risk, one selected, each filled from the alarm as the backend knows it.
import { age, distanceParts, number, text, timeOfDay, word } from "./texts.js";
import { isSteady } from "./situation.js";

const OPEN = new Set(["raised", "acknowledged", "in_progress", "shelved", "closing"]);

const LAST_CALLED = 3; // the duty officer, who is called again and again (escalation/chain.py)

/** Who was called last, and how often when it is the end of the chain. */
function called(level) {
  const who = word("called", Math.min(level, LAST_CALLED));
  return level > LAST_CALLED ? text("queue.called_again", { who, times: level - LAST_CALLED + 1 }) : text("queue.called", { who });
}

export class Queue {
  constructor(root, situation, clock, onSelect) {
    this.root = root;
    this.rows = root.querySelector("[data-rows]");
    this.template = document.querySelector("[data-row-template]");
    this.situation = situation;
    this.clock = clock;
    this.onSelect = onSelect;
    this.alarms = new Map();
    this.selectedId = null;
    this.sending = new Set();
    this.title = document.title;
    for (const li of this.rows.children) this.alarms.set(li.dataset.alarmId, JSON.parse(li.dataset.alarm));
    this.inSight = new Set();
    this.sight = new IntersectionObserver((seen) => this.see(seen), { root: this.rows, rootMargin: "50%" });
    for (const li of this.rows.children) {
      this.fill(li);
      this.sight.observe(li);
    }
    this.rows.addEventListener("click", (event) => {
      const li = event.target.closest("[data-alarm-id]");
      if (li) this.select(li.dataset.alarmId);
    });
  }

  row(alarmId) {
    return this.rows.querySelector(`[data-alarm-id="${CSS.escape(alarmId)}"]`);
  }

  ordered() {
    return [...this.rows.children].map((li) => this.alarms.get(li.dataset.alarmId));
  }

  selected() {
    return this.alarms.get(this.selectedId) ?? null;
  }

  /** The alarm that a key press means: the selected one, else the worst that nobody has seen, else the worst. */
  meant() {
    return this.selected() ?? this.ordered().find((alarm) => alarm.state === "raised") ?? this.ordered()[0] ?? null;
  }

  /** What nobody has seen yet, but for what stands aside while something is being worked on. */
  unseen() {
    return [...this.alarms.values()].filter((alarm) => alarm.state === "raised" && !alarm.maintenance_id);
  }

  /** An alarm as it is now. Returns "new", "changed", "gone" or "old" (an event that is behind what is shown). */
  update(alarm) {
    const known = this.alarms.get(alarm.alarm_id);
    if (known && known.changed_ms > alarm.changed_ms) return "old";
    if (!OPEN.has(alarm.state)) {
      this.alarms.delete(alarm.alarm_id);
      this.remove(alarm.alarm_id);
      this.refresh(alarm.incident_id);
      this.count();
      return known ? "gone" : "old";
    }
    this.alarms.set(alarm.alarm_id, alarm);
    let li = this.row(alarm.alarm_id);
    if (!li) {
      li = this.template.content.firstElementChild.cloneNode(true);
      li.dataset.alarmId = alarm.alarm_id;
      li.classList.add("arriving");
      this.inSight.add(li); // until it is known to be out of sight
      this.sight.observe(li);
    }
    this.fill(li);
    this.place(li, alarm);
    if (!known) this.refresh(alarm.incident_id);
    this.count();
    return known ? "changed" : "new";
  }

  /** Replace everything by what the backend holds now. */
  reload(alarms) {
    const kept = new Set(alarms.map((alarm) => alarm.alarm_id));
    for (const id of [...this.alarms.keys()]) if (!kept.has(id)) { this.alarms.delete(id); this.remove(id); }
    for (const alarm of alarms) this.update(alarm);
    this.count();
  }

  /** Fill the rows of an incident again: how many belong to it has changed. */
  refresh(incidentId) {
    if (!incidentId) return;
    for (const li of this.rows.children) if (this.alarms.get(li.dataset.alarmId)?.incident_id === incidentId) this.fill(li);
  }

  remove(alarmId) {
    const li = this.row(alarmId);
    if (!li) return;
    const had = li.contains(document.activeElement);
    const next = li.nextElementSibling ?? li.previousElementSibling;
    li.remove();
    this.sight.unobserve(li);
    this.inSight.delete(li);
    if (this.selectedId === alarmId) {
      this.selectedId = null;
      this.select(next?.dataset.alarmId ?? null, had);
    }
  }

  place(li, alarm) {
    const rank = (other) => (other.state === "shelved" ? -1 : other.risk);
    const before = [...this.rows.children].find((sibling) => {
      if (sibling === li) return false;
      const other = this.alarms.get(sibling.dataset.alarmId);
      return rank(other) < rank(alarm) || (rank(other) === rank(alarm) && other.raised_ms > alarm.raised_ms);
    });
    const target = before ?? null;
    if (li.parentNode === this.rows && li.nextElementSibling === target) return;
    const focused = li.contains(document.activeElement) ? document.activeElement : null;
    this.rows.insertBefore(li, target);
    focused?.focus({ preventScroll: true });
  }

  fill(li) {
    const alarm = this.alarms.get(li.dataset.alarmId);
    const button = li.querySelector(".alarm");
    const set = (field, value) => {
      const node = li.querySelector(`[data-field="${field}"]`);
      if (node.textContent !== value) node.textContent = value;
    };
    const sending = this.sending.has(alarm.alarm_id);
    button.dataset.severity = alarm.severity;
    button.dataset.state = alarm.maintenance_id ? "aside" : alarm.state;
    button.dataset.condition = alarm.condition;
    button.toggleAttribute("data-sending", sending);
    button.setAttribute("aria-current", String(alarm.alarm_id === this.selectedId));
    li.querySelector("use").setAttribute("href", `#severity-${alarm.severity}`);
    set("kind", word("kind", alarm.kind));
    set("severity", word("severity", alarm.severity));
    set("monitored", alarm.monitored ?? (alarm.protected ? "" : alarm.order_id));
    set("protected", alarm.protected ?? alarm.zone_id ?? "");
    const kin = alarm.incident_id ? [...this.alarms.values()].filter((other) => other.incident_id === alarm.incident_id).length : 1;
    set("incident", kin > 1 ? text("queue.incident", { count: kin }) : "");
    set("arrow", alarm.monitored && (alarm.protected || alarm.zone_id) ? "→" : "");
    const state = word("state", alarm.state);
    const who = { acknowledged: alarm.acknowledged_by, in_progress: alarm.taken_by, closing: alarm.closing_by }[alarm.state];
    const until = alarm.state === "shelved" && alarm.deadline_ms ? ` ${text("queue.until")} ${timeOfDay(alarm.deadline_ms).slice(0, 5)}` : "";
    const parts = [sending ? text("state.sending") : who ? text("state.by", { state, name: who }) : state + until];
    if (alarm.state === "raised" && alarm.escalation_level > 0) parts.push(called(alarm.escalation_level));
    if (alarm.condition === "cleared") parts.push(text("condition.cleared"));
    if (alarm.maintenance_id) parts.unshift(text("queue.aside", { until: timeOfDay(alarm.maintenance_until_ms) }));
    set("state", parts.join(" · "));
    this.fillLive(li, alarm);
  }

  fillLive(li, alarm) {
    const set = (field, value) => {
      const node = li.querySelector(`[data-field="${field}"]`);
      if (node.textContent !== value) node.textContent = value;
      return node;
    };
    set("age", age(this.clock.nowMs() - alarm.raised_ms));
    const live = this.situation.distanceOf(alarm);
    set("distance", live ? distanceParts(live.distanceM).join("\u202f") : "");
    const said = [];
    let trend = "none";
    if (live?.closingMS != null) {
      trend = isSteady(live.closingMS) ? "steady" : live.closingMS > 0 ? "closing" : "opening";
      const arrow = { steady: "●", closing: "▶◀", opening: "◀▶" }[trend];
      said.push(trend === "steady" ? arrow : `${arrow} ${number(Math.abs(live.closingMS), 1)}\u202f${text("unit.m_s")}`);
    } else if (live && (live.stale || !live.series)) said.push(text("queue.stale", { age: age(live.ageMs) }));
    if (live?.stale) trend = "stale";
    if (live && !live.series && alarm.zone_id) said.unshift(text("queue.to_zone"));
    if (live?.series && !(alarm.monitored && alarm.protected)) said.unshift(text("queue.from", { person: alarm.protected ? live.monitored : live.protectedPerson }));
    li.querySelector(".alarm").toggleAttribute("data-stale", trend === "stale");
    set("closing", said.join(" · ")).dataset.trend = trend;
  }

  /** Rows that came into sight, or near it, are up to date from now on. */
  see(seen) {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) this.inSight.delete(target);
      else if (this.alarms.has(target.dataset.alarmId)) {
        this.inSight.add(target);
        this.fillLive(target, this.alarms.get(target.dataset.alarmId));
      }
    }
  }

  /** Ages, distances and closing speeds of the rows that can be seen: a night's queue is longer than the screen. */
  tick() {
    this.root.querySelector(".queue").dataset.beat = Math.floor(performance.now() / 1000) % 2 ? "off" : "on";
    for (const li of this.inSight) this.fillLive(li, this.alarms.get(li.dataset.alarmId));
    if (document.title !== this.title) document.title = this.title; // drawn by the browser itself: once a second is enough
  }

  count() {
    const alarms = [...this.alarms.values()];
    const unacknowledged = this.unseen().length;
    const show = (name, value) => {
      const node = this.root.querySelector(`[data-count="${name}"]`);
      node.querySelector("b").textContent = value;
      node.dataset.some = String(value > 0);
    };
    show("unacknowledged", unacknowledged);
    show("open", alarms.length);
    this.root.querySelector("[data-empty]").hidden = alarms.length > 0;
    this.title = (unacknowledged ? `(${unacknowledged}) ` : "") + document.title.replace(/^\(\d+\) /, "");
    return unacknowledged;
  }

  markSending(alarmId, sending) {
    if (sending) this.sending.add(alarmId);
    else this.sending.delete(alarmId);
    const li = this.row(alarmId);
    if (li) this.fill(li);
  }

  select(alarmId, focus = false) {
    if (alarmId !== null && !this.alarms.has(alarmId)) return;
    const changed = alarmId !== this.selectedId;
    this.selectedId = alarmId;
    let chosen = null;
    for (const li of this.rows.children) {
      if (li.dataset.alarmId === alarmId) chosen = li;
      li.querySelector(".alarm").setAttribute("aria-current", String(li === chosen));
    }
    chosen?.scrollIntoView({ block: "nearest" }); // after the marks: it works out the style and place of every row
    if (focus) chosen?.querySelector(".alarm").focus({ preventScroll: true });
    if (changed) this.onSelect(this.selected());
  }

  move(by) {
    const ids = [...this.rows.children].map((li) => li.dataset.alarmId);
    if (!ids.length) return;
    const at = ids.indexOf(this.selectedId);
    this.select(ids[at < 0 ? 0 : Math.min(ids.length - 1, Math.max(0, at + by))], true);
  }
}
