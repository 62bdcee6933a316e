// Is everything alive? Chips in the top bar, and a banner when an operator must know that what he sees may be old.
import { age, text, timeOfDay } from "./texts.js";

const STALE_POSITIONS_MS = 120_000;
const SILENT_MS = 7000; // of the line: it says something every few seconds
const SHOWN_MS = 8000;
const FLOOD_SAID_MS = 10_000;

export class Health {
  constructor(clock, sources) {
    this.clock = clock;
    this.banners = document.querySelector("[data-banners]");
    this.shown = new Map();
    this.beats = new Map(sources.map((s) => [s.source, s]));
    this.heardAt = new Map(sources.map((s) => [s.source, performance.now() - (s.age_ms ?? 0)]));
    this.newestMs = 0;
    this.lostAt = null;
    this.caughtUp = 0;
    this.soundState = "blocked";
    this.soundSaid = null;
    this.unseen = 0;
  }

  chip(name, state, words) {
    const chip = document.querySelector(`[data-chip="${name}"]`);
    chip.dataset.health = state;
    const at = chip.querySelector("[data-chip-text]");
    if (at.textContent !== words) at.textContent = words;
  }

  banner(name, kind, words) {
    let at = this.shown.get(name);
    if (!at) {
      at = document.createElement("p");
      this.shown.set(name, at);
      this.banners.append(at);
    }
    at.className = `banner ${kind}`;
    at.dataset.banner = name;
    if (at.textContent !== words) at.textContent = words;
    return at;
  }

  clear(name) {
    this.shown.get(name)?.remove();
    this.shown.delete(name);
  }

  passing(name, kind, words) {
    const at = this.banner(name, kind, words);
    clearTimeout(at.timer);
    at.timer = setTimeout(() => this.clear(name), SHOWN_MS);
  }

  stream(state, stream) {
    if (state === "live") {
      if (this.lostAt !== null) {
        this.clear("lost");
        this.caughtUp = 0;
        this.restoring = performance.now();
      }
      this.lostAt = null;
      this.chip("stream", "good", text("status.stream.live"));
      this.gateways();
      this.assure(stream);
    } else if (state === "lost") {
      this.lostAt ??= performance.now();
      this.silentFrom = performance.now() - stream.silentMs();
      this.tick(stream);
    }
  }

  received() {
    if (this.restoring) this.caughtUp++;
  }

  tick(stream) {
    const silent = stream.silentMs();
    if (this.lostAt !== null || silent > SILENT_MS) {
      const words = age(silent);
      this.chip("stream", this.lostAt !== null ? "bad" : "wait", `${text("status.stream.lost")} ${words}`);
      this.banner("lost", "bad", text("banner.lost", { age: words }));
    } else {
      this.chip("stream", "good", text("status.stream.live"));
      this.clear("lost");
    }
    if (this.restoring && performance.now() - this.restoring > 1500) {
      this.passing("restored", "good", text("banner.restored", { count: this.caughtUp }));
      this.restoring = null;
    }
    this.gateways();
    this.assure(stream);
    this.soundMissed();
    if (this.newestMs) {
      const old = this.clock.nowMs() - this.newestMs;
      this.chip("positions", old > STALE_POSITIONS_MS ? "bad" : old > 45_000 ? "wait" : "good", age(old));
    }
  }

  /** An empty queue is good news only while alarms would be seen: the line is up and the gateway is heard. */
  assure(stream) {
    const at = document.querySelector("[data-empty]");
    const live = this.lostAt === null && stream.silentMs() <= SILENT_MS;
    const sure = live && this.beats.size > 0 && document.querySelector('[data-chip="gateway"]').dataset.health !== "bad";
    at.dataset.sure = String(sure);
    const write = (name, words) => {
      const node = at.querySelector(`[data-empty-${name}]`);
      if (node.textContent !== words) node.textContent = words;
    };
    write("title", text(sure ? "queue.empty" : "queue.empty.unsure"));
    write("why", text(sure ? (this.soundState === "on" ? "queue.empty.hint" : "queue.empty.silent") : live ? "queue.empty.no_gateway" : "queue.empty.no_line"));
  }

  source(status) {
    if (!["heartbeat", "silent", "back"].includes(status.what)) return;
    const known = this.beats.get(status.source) ?? { source: status.source };
    this.beats.set(status.source, { ...known, ...status.detail, silent: status.what === "silent" });
    if (status.what !== "silent") this.heardAt.set(status.source, performance.now());
    this.gateways();
  }

  gateways() {
    let worst = null;
    for (const [name, beat] of this.beats) {
      const old = performance.now() - (this.heardAt.get(name) ?? performance.now());
      if (!worst || beat.silent || old > worst.old) worst = { ...beat, old };
    }
    if (!worst) return;
    if (worst.silent || worst.old > 30_000) {
      this.chip("gateway", "bad", text("status.gateway.silent", { age: age(worst.old) }));
      this.banner("gateway", "bad", text("banner.gateway", { age: age(worst.old) }));
      return;
    }
    this.clear("gateway");
    const parts = [text("status.gateway.beat", { age: age(worst.old) })];
    if (worst.outbox_depth) parts.push(text("status.gateway.queue", { count: worst.outbox_depth }));
    if (worst.quarantined) parts.push(text("status.gateway.quarantined", { count: worst.quarantined }));
    this.chip("gateway", worst.outbox_depth > 100 || worst.quarantined || worst.old > 15_000 ? "wait" : "good", parts.join(", "));
  }

  /** What is being worked on, as every page says it (`_working` in page_frame.py). */
  working(running) {
    const said = running.map(({ scope, target, ends_ms }) => text("status.working", { what: target || text(`status.scope.${scope}`), until: timeOfDay(ends_ms).slice(0, 5) }));
    this.chip("working", "wait", said.join(" · "));
    document.querySelector('[data-chip="working"]').hidden = !running.length;
  }

  positions(newestMs) {
    this.newestMs = newestMs;
  }

  /** In a flood everything is unseen and much is grave: rows are told apart by shape, words and order, and do not blink. */
  flood(active, count) {
    document.body.toggleAttribute("data-flood", active);
    this.floodCount = count;
    this.floodSaidAt = performance.now();
    if (active) this.banner("flood", "wait", text("banner.flood", { count }));
    else this.clear("flood");
  }

  /** How many there are by now; said now and then, since a banner is read aloud. */
  floodGrows(count) {
    if (this.shown.has("flood") && count > this.floodCount && performance.now() - this.floodSaidAt > FLOOD_SAID_MS) this.flood(true, count);
  }

  rejected(detail) {
    this.passing("rejected", "wait", text("banner.rejected", { reason: String(detail.reason ?? "") }));
  }

  /** A message to the police: one that does not arrive stays in sight until it does, whatever follows it. */
  handover({ identifier, state }, alarm) {
    if (state === "failing") this.banner(`police:${identifier}`, "bad", text("banner.police", { alarm }));
    else this.clear(`police:${identifier}`);
  }

  sound(state) {
    const button = document.querySelector("[data-sound]");
    button.dataset.state = state;
    button.setAttribute("aria-pressed", String(state !== "off"));
    const words = text(`sound.${state}`);
    button.setAttribute("aria-label", words);
    button.title = words;
    this.soundState = state;
    this.soundMissed();
  }

  /** Sound that a new alarm would not make is said: at once when a key would bring it, when it is off while something waits. */
  soundMissed() {
    const said = this.soundState === "blocked" ? "banner.sound_blocked" : this.soundState === "off" && this.unseen ? "banner.sound_off" : null;
    if (said === this.soundSaid) return; // asked each second: a banner that stands is not written again
    this.soundSaid = said;
    if (said) this.banner("sound", "wait", text(said));
    else this.clear("sound");
  }

  nothingToReplay = () => this.passing("replay", "wait", text("replay.none"));

  problem = (error) => {
    this.passing("act", "bad", text("banner.act_failed", { reason: error.message }));
  };

  /** What the page asked for by itself and did not get; an operator's own act that failed is `problem`. */
  notLoaded = (error) => {
    // A fetch that finds no server throws a TypeError, in the browser's own words.
    const reason = error instanceof TypeError ? text("reason.no_connection") : error.message;
    this.passing("load", "wait", text("banner.not_loaded", { reason }));
  };

  sessionEnded() {
    const at = this.banner("session", "bad", text("banner.session"));
    const link = document.createElement("a");
    link.href = "/login";
    link.textContent = text("page.login");
    at.append(" ", link);
  }
}
