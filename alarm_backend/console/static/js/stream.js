// The live line: server-sent events read with fetch, because EventSource hides comment lines (so a silent line looks
// like a quiet one) and cannot name the event to resume after on its first connection.
const SLEPT_MS = 3000; // a machine that sleeps stops performance.now() but not the clock
const SILENCE_MS = 12_000; // the server sends something at least every 5 s
const RETRY_MS = [200, 500, 1000, 2000, 4000];

export class Stream {
  constructor(url, lastEventId, handlers) {
    this.url = url;
    this.lastEventId = lastEventId;
    this.handlers = handlers; // event(name, data, id), heard(nowMs|null, consoles|null), slept(ms), state("connecting"|"live"|"lost"), ended()
    this.state = null;
    this.tries = 0;
    this.stopped = false;
    this.heardAt = performance.now();
  }

  start() {
    let aheadMs = Date.now() - performance.now();
    this.watchdog = setInterval(() => {
      const sleptMs = Date.now() - performance.now() - aheadMs;
      aheadMs += sleptMs;
      if (sleptMs > SLEPT_MS) { // what is on the screen is that old, and the line may be dead without saying so
        this.heardAt -= sleptMs;
        this.handlers.slept(sleptMs);
        this.controller?.abort();
      }
      if (performance.now() - this.heardAt > SILENCE_MS) this.controller?.abort();
    }, 1000);
    addEventListener("online", () => this.retryNow?.());
    this.run();
  }

  silentMs() {
    return performance.now() - this.heardAt;
  }

  become(state) {
    if (state === this.state) return;
    this.state = state;
    this.handlers.state(state);
  }

  async run() {
    while (!this.stopped) {
      this.controller = new AbortController();
      try {
        await this.read();
        this.become("lost");
      } catch (error) {
        if (error instanceof SessionEnded) {
          this.stopped = true;
          this.become("lost");
          this.handlers.ended();
          return;
        }
        this.become("lost");
      }
      const wait = RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)];
      await new Promise((resolve) => {
        this.retryNow = resolve;
        setTimeout(resolve, wait);
      });
    }
  }

  async read() {
    const connecting = setTimeout(() => this.controller.abort(), SILENCE_MS);
    let response;
    try {
      response = await fetch(this.url, {
        headers: { Accept: "text/event-stream", "Last-Event-ID": String(this.lastEventId) },
        cache: "no-store",
        signal: this.controller.signal,
      });
    } finally {
      clearTimeout(connecting);
    }
    if (response.status === 401 || response.status === 403 || response.redirected) throw new SessionEnded();
    if (!response.ok) throw new Error(`status ${response.status}`);
    this.tries = 0;
    this.hear(null);
    this.become("live");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      this.hear(null);
      for (const block of blocks) this.take(block);
    }
  }

  hear(nowMs, consoles = null) {
    this.heardAt = performance.now();
    this.handlers.heard(nowMs, consoles);
  }

  take(block) {
    let name = "message", id = null;
    const data = [];
    for (const line of block.split("\n")) {
      if (line.startsWith(":")) {
        try {
          const said = JSON.parse(line.slice(1));
          this.hear(said.now_ms ?? null, said.consoles ?? null);
        } catch { /* a comment without a clock is still a sign of life, and was counted as one */ }
      } else if (line.startsWith("id:")) id = Number(line.slice(3));
      else if (line.startsWith("event:")) name = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
    }
    if (data.length) this.handlers.event(name, JSON.parse(data.join("\n")), id);
    // Only after the event has been handled: one that throws is asked for again.
    if (id !== null && id > this.lastEventId) this.lastEventId = id;
  }
}

class SessionEnded extends Error {}
