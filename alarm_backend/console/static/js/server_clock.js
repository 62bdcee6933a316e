// The backend's clock as seen here: a demo may run it faster than real time, so its rate is measured too.
export class ServerClock {
  constructor(nowMs) {
    this.rate = 1;
    this.anchorMs = nowMs;
    this.anchorAt = performance.now();
    this.first = null;
  }

  /** The server said what time it is. */
  heard(nowMs) {
    const at = performance.now();
    if (this.first === null) this.first = { nowMs, at };
    else if (at - this.first.at > 2000) {
      const rate = (nowMs - this.first.nowMs) / (at - this.first.at);
      // A few milliseconds of delivery jitter are not a faster clock.
      this.rate = Math.abs(rate - 1) < 0.02 ? 1 : Math.max(0, rate);
    }
    this.anchorMs = nowMs;
    this.anchorAt = at;
  }

  /** This machine slept so long, and its own count of time with it. */
  slept(ms) {
    this.anchorMs += ms * this.rate;
    this.first = null;
  }

  nowMs() {
    return this.anchorMs + (performance.now() - this.anchorAt) * this.rate;
  }
}
