// The selected alarm's panel: loaded from the server, its live numbers filled here.
import { drawChart } from "./distance_chart.js";
import { FIX_FRESH_MS, TRACK_MS, isSteady } from "./situation.js";
import { age, distanceParts, moment, number, text, timeOfDay } from "./texts.js";

export class Detail {
  constructor(root, situation, clock, { act, logStep, ended, wallMs, loaded }) {
    this.root = root;
    this.none = root.querySelector("[data-detail-none]");
    this.situation = situation;
    this.clock = clock;
    this.ended = ended;
    this.wallMs = wallMs;
    this.loaded = loaded; // called when what was asked for is shown, or cannot be
    this.waits = false; // a panel is on its way
    this.alarm = null; // the one that is asked for
    this.shown = null; // the one whose panel is on the screen
    this.wanted = 0;
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-act]");
      if (button) act(button.dataset.act);
      const log = event.target.closest("[data-log]");
      if (log) logStep(log.closest("[data-step]").dataset.step, log.dataset.log);
      if (event.target.closest("[data-cancel]")) this.closeForms();
    });
    root.addEventListener("submit", (event) => {
      event.preventDefault();
      act(event.target.dataset.actForm, Object.fromEntries(new FormData(event.target)));
    });
  }

  panel() {
    return this.root.querySelector("[data-detail-of]");
  }

  /** Show this alarm (null = none); resolves when it is there, so that a quick key press is not lost. */
  show(alarm) {
    this.loading = this.load(alarm);
    return this.loading;
  }

  /** Loads again when the alarm has changed; keeps a form that is being filled. */
  async load(alarm) {
    this.alarm = alarm;
    const turn = ++this.wanted;
    this.waits = false;
    if (!alarm) {
      this.shown = null;
      this.root.replaceChildren(this.none);
      return;
    }
    const panel = this.panel();
    if (panel?.dataset.detailOf === alarm.alarm_id) this.shown = alarm;
    if (panel?.dataset.detailOf === alarm.alarm_id && panel.querySelector(".act-form:not([hidden])")) return;
    this.waits = true;
    const scroll = panel?.dataset.detailOf === alarm.alarm_id ? this.root.scrollTop : 0;
    const content = await this.ask(alarm, turn);
    if (turn !== this.wanted) return;
    this.waits = false;
    if (content) {
      this.root.replaceChildren(content);
      this.shown = alarm;
    }
    for (const time of this.root.querySelectorAll("time[data-ms]")) time.textContent = moment(Number(time.dataset.ms), this.clock.nowMs());
    for (const time of this.root.querySelectorAll("time[data-ms-wall]")) time.textContent = moment(Number(time.dataset.msWall), this.wallMs());
    this.tick();
    this.drawChart();
    if (content) this.root.scrollTop = scroll; // when all is filled in: it lays the panel out
    this.loaded();
  }

  /** What to show of an alarm: its panel, or why there is none; null when what stands there stays. */
  async ask(alarm, turn) {
    let response;
    try {
      response = await fetch(`/console/alarms/${encodeURIComponent(alarm.alarm_id)}`, { headers: { Accept: "text/html" } });
      if (turn !== this.wanted) return null;
      if (response.status === 401 || response.redirected) this.ended();
      else if (!response.ok) return note(text("banner.act_failed", { reason: String(response.status) }));
      else {
        const made = document.createElement("template");
        made.innerHTML = await response.text();
        return made.content;
      }
    } catch {
      if (this.panel()?.dataset.detailOf !== alarm.alarm_id) return note(text("banner.act_failed", { reason: text("reason.no_connection") }));
    }
    return null;
  }

  /** The n-th step of the work instruction that may be done; null when there is none. */
  step(n) {
    return this.root.querySelectorAll("[data-step]")[n - 1]?.dataset.step ?? null;
  }

  policeMode() {
    return this.root.querySelector('[data-act-form="police"]')?.dataset.mode ?? null;
  }

  openForm(name) {
    const form = this.root.querySelector(`[data-act-form="${name}"]`);
    if (!form) return false;
    this.closeForms();
    form.hidden = false;
    (form.querySelector("[data-first]") ?? form.querySelector("select, textarea, input")).focus();
    form.scrollIntoView({ block: "nearest" });
    return true;
  }

  closeForms() {
    if (document.activeElement?.closest(".act-form")) this.root.focus({ preventScroll: true });
    for (const form of this.root.querySelectorAll(".act-form")) form.hidden = true;
  }

  /** Why an act is not offered, as the server said it with the panel; null when it is, or when that is not known. */
  whyNot(act) {
    return JSON.parse(this.panel()?.dataset.refused ?? "{}")[act] ?? null;
  }

  between() {
    return this.shown ? this.situation.betweenOf(this.shown) : null;
  }

  drawChart() {
    const chart = this.root.querySelector("[data-chart]");
    if (!chart) return;
    const live = this.between();
    drawChart(chart, live?.series ?? [], { alertM: chart.dataset.alertM, prealertM: chart.dataset.prealertM }, this.clock.nowMs(), TRACK_MS);
  }

  /** Distance, closing speed, ages. Called every second and with every position. */
  tick() {
    const panel = this.panel();
    const alarm = this.shown;
    if (!panel || !alarm) return;
    const live = this.between() ?? this.situation.distanceOf(alarm);
    const set = (name, value, unit = "") => {
      const at = panel.querySelector(`[data-live="${name}"]`);
      if (at.textContent === (unit ? `${value}\u202f${unit}` : value)) return; // laid out again otherwise, every second
      at.replaceChildren(value);
      if (unit) at.append(Object.assign(document.createElement("small"), { textContent: `\u202f${unit}` }));
    };
    const when = live && (live.stale || !live.series) ? text("detail.distance_stale", { age: age(live.ageMs) }) : text("detail.distance");
    // Of what it is the distance, unless the alarm names the two itself.
    const between = !live ? "" : live.series ? (alarm.monitored && alarm.protected ? "" : `${live.monitored} – ${live.protectedPerson}: `) : alarm.zone_id ? `${text("queue.to_zone")}: ` : "";
    panel.querySelector('[data-live="distance-label"]').textContent = between + when;
    panel.querySelector('[data-live="distance"]').dataset.stale = String(Boolean(live?.stale));
    panel.querySelector('[data-live="distance"]').classList.toggle("words", !live);
    if (!live) set("distance", text("detail.unknown"));
    else set("distance", ...distanceParts(live.distanceM));
    if (!live || live.closingMS === null) {
      set("closing", "–");
      set("contact", "–");
      delete panel.querySelector('[data-live="closing"]').dataset.trend;
    } else {
      const steady = isSteady(live.closingMS);
      set("closing", steady ? "0" : number(Math.abs(live.closingMS), 1), text("unit.m_s"));
      panel.querySelector('[data-live="closing-label"]').textContent = text(steady ? "detail.steady" : live.closingMS > 0 ? "detail.closing" : "detail.opening");
      panel.querySelector('[data-live="closing"]').dataset.trend = steady ? "steady" : live.closingMS > 0 ? "closing" : "opening";
      set("contact", ...(live.contactMs === null ? ["–"] : age(live.contactMs).split("\u202f")));
    }
    for (const due of panel.querySelectorAll("[data-due-ms]")) {
      const left = Number(due.dataset.dueMs) - this.wallMs();
      due.dataset.late = String(left < 0);
      due.textContent = left < 0 ? text("step.late", { age: age(-left) }) : text("step.due", { age: age(left) });
    }
    for (const next of panel.querySelectorAll("[data-next-try-ms]")) {
      const ms = Number(next.dataset.nextTryMs);
      next.textContent = text(ms > this.wallMs() ? "police.next_try" : "police.try_due", { time: timeOfDay(ms) });
    }
    for (const li of panel.querySelectorAll("[data-person]")) {
      const fix = this.situation.last(alarm.order_id, li.dataset.person);
      const at = li.querySelector('[data-live="fix"]');
      if (!fix) continue;
      const fixAge = this.clock.nowMs() - fix.fix_ms;
      const parts = [text("detail.last_fix", { age: age(fixAge) })];
      if (fix.horizontal_accuracy_m !== null) parts.push(text("detail.accuracy", { metres: number(fix.horizontal_accuracy_m) }));
      if (fix.speed_m_s !== null) parts.push(text("detail.speed", { speed: number(fix.speed_m_s * 3.6) }));
      at.textContent = parts.join(" · ");
      at.dataset.stale = String(fixAge > FIX_FRESH_MS);
    }
  }
}

function note(words) {
  return Object.assign(document.createElement("p"), { className: "none", textContent: words });
}
