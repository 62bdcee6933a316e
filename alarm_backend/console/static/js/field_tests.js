// Drink tests as they arrive: the wrist's light, the verdict, the reason, as the server says them in the reader's words.
import { moment } from "./texts.js";

const SOON_MS = 100;

export class FieldTests {
  constructor(root, clock, notLoaded) {
    this.list = root.querySelector("[data-tests]");
    this.none = root.querySelector("[data-tests-empty]");
    this.clock = clock;
    this.notLoaded = notLoaded;
    this.say();
  }

  say() {
    for (const time of this.list.querySelectorAll("time[data-ms]")) time.textContent = moment(Number(time.dataset.ms), this.clock.nowMs());
    this.none.hidden = this.list.childElementCount > 0;
  }

  /** One more has arrived; several at one moment are asked for once. */
  add() {
    this.asking ??= setTimeout(() => {
      this.asking = null;
      this.load().catch(this.notLoaded);
    }, SOON_MS);
  }

  async load() {
    const response = await fetch("/console/field-tests");
    if (!response.ok) throw new Error(`drink tests: status ${response.status}`);
    const known = new Set([...this.list.children].map((li) => li.dataset.recordId));
    this.list.innerHTML = await response.text();
    for (const li of this.list.children) li.classList.toggle("arriving", !known.has(li.dataset.recordId));
    this.say();
  }
}
