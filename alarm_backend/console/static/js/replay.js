// Replay of the last hour: the map as it was, never to be mistaken for now.
import { text, timeOfDay } from "./texts.js";

const PLAY_S = 20; // the whole hour in this time
const STEPS = 1000;

export class Replay {
  constructor(root, situation, redraw, nothing) {
    this.panel = root.querySelector("[data-replay]");
    this.slider = this.panel.querySelector("[data-replay-slider]");
    this.time = this.panel.querySelector("[data-replay-time]");
    this.play = this.panel.querySelector("[data-replay-play]");
    this.field = root.querySelector(".field");
    this.situation = situation;
    this.redraw = redraw;
    this.nothing = nothing; // called when there is nothing to play
    this.atMs = null; // null = live
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value) / STEPS));
    this.play.addEventListener("click", () => (this.timer ? this.pause() : this.run()));
    this.panel.querySelector("[data-replay-live]").addEventListener("click", () => this.close());
  }

  toggle(orderId) {
    if (this.atMs !== null) return this.close();
    const span = orderId && this.situation.span(orderId);
    if (!span || span.untilMs <= span.fromMs) return this.nothing();
    this.span = span;
    this.panel.hidden = false;
    this.field.dataset.past = "true";
    this.seek(0);
    this.slider.focus();
  }

  seek(share) {
    this.share = Math.min(1, Math.max(0, share));
    this.atMs = this.span.fromMs + this.share * (this.span.untilMs - this.span.fromMs);
    this.slider.value = Math.round(this.share * STEPS);
    const words = text("replay.at", { time: timeOfDay(this.atMs) });
    this.slider.setAttribute("aria-valuetext", words);
    this.time.textContent = words;
    this.redraw();
  }

  run() {
    if (this.share >= 1) this.share = 0;
    this.play.setAttribute("aria-pressed", "true");
    this.timer = setInterval(() => {
      this.seek(this.share + 0.1 / PLAY_S);
      if (this.share >= 1) this.pause();
    }, 100);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.setAttribute("aria-pressed", "false");
  }

  close() {
    if (this.atMs === null) return;
    this.pause();
    this.atMs = null;
    this.panel.hidden = true;
    delete this.field.dataset.past;
    this.redraw();
  }

  /** What the map shows: the present, or the past that is being looked at. */
  shown() {
    return this.atMs === null ? this.situation : this.situation.asOf(this.atMs);
  }
}
