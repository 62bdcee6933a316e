// Sound: a short pattern when something new needs an eye, a reminder while anything critical is unacknowledged.
const REMINDER_MS = 8000;
const PATTERNS = { 5: [[880, 0, 0.16], [660, 0.2, 0.16], [880, 0.4, 0.16], [660, 0.6, 0.2]], 4: [[740, 0, 0.16], [740, 0.24, 0.2]], 3: [[620, 0, 0.22]], 2: [[520, 0, 0.16]], 1: [] };

export class Sound {
  /** Muting is one person's and ends with this tab: who comes on shift at the same desk hears what arrives. */
  constructor(operator, onState) {
    this.onState = onState;
    this.key = `waakzaam.muted.${operator}`;
    this.muted = sessionStorage.getItem(this.key) === "1";
    this.played = 0;
    for (const kind of ["keydown", "click"]) addEventListener(kind, () => this.unlock()); // not at the press: its banner would go, and what is pressed move away
    this.report();
  }

  report() {
    this.onState(this.muted ? "off" : this.context?.state === "running" ? "on" : "blocked");
  }

  async unlock() {
    if (this.context?.state === "running") return;
    if (!this.context) {
      this.context = new AudioContext();
      this.context.addEventListener("statechange", () => this.report()); // the machine may take the sound away again
    }
    await this.context.resume();
    this.report();
  }

  toggle() {
    this.muted = !this.muted;
    sessionStorage.setItem(this.key, this.muted ? "1" : "0");
    this.report();
  }

  play(severity) {
    this.played++;
    document.documentElement.dataset.soundsAsked = this.played;
    if (this.muted || this.context?.state !== "running") return;
    const start = this.context.currentTime + 0.01;
    for (const [hertz, at, seconds] of PATTERNS[severity] ?? PATTERNS[5]) {
      const tone = this.context.createOscillator(), volume = this.context.createGain();
      tone.frequency.value = hertz;
      tone.type = "triangle";
      volume.gain.setValueAtTime(0, start + at);
      volume.gain.linearRampToValueAtTime(0.25, start + at + 0.015);
      volume.gain.setTargetAtTime(0, start + at + seconds - 0.04, 0.015);
      tone.connect(volume).connect(this.context.destination);
      tone.start(start + at);
      tone.stop(start + at + seconds + 0.1);
    }
    this.lastMs = performance.now();
  }

  /** Call about once a second with the worst severity that nobody has acknowledged (0 = none). */
  remind(worst) {
    if (worst >= 5 && performance.now() - (this.lastMs ?? 0) > REMINDER_MS) this.play(worst);
  }
}
