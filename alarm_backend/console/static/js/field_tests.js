// Drink tests as they arrive: the wrist's light, the verdict, the reason.
import { moment, text, word } from "./texts.js";

const SHOWN_MAX = 20;
// The light's rhythm as the bracelet tells it; the server draws the same (pages.RHYTHMS).
const RHYTHMS = JSON.parse(document.getElementById("rhythms").textContent);

export class FieldTests {
  constructor(root, clock) {
    this.list = root.querySelector("[data-tests]");
    this.none = root.querySelector("[data-tests-empty]");
    this.template = document.querySelector("[data-test-template]");
    this.clock = clock;
    for (const time of this.list.querySelectorAll("time[data-ms]")) time.textContent = moment(Number(time.dataset.ms), clock.nowMs());
  }

  add(test) {
    if (this.list.querySelector(`[data-record-id="${CSS.escape(test.record_id)}"]`)) return;
    const li = this.template.content.firstElementChild.cloneNode(true);
    const set = (field, value) => (li.querySelector(`[data-field="${field}"]`).textContent = value ?? "");
    li.dataset.recordId = test.record_id;
    li.dataset.verdict = test.verdict;
    const lamp = li.querySelector(".lamp");
    lamp.dataset.led = test.verdict;
    lamp.setAttribute("aria-label", `${text("field_tests.led")}: ${word("led", test.verdict)}`);
    li.querySelector("[data-rhythm]").replaceChildren(...RHYTHMS[test.verdict].map((beat) => Object.assign(document.createElement("i"), { className: beat })));
    set("verdict", word("verdict", test.verdict));
    set("reason", word("verdict_reason", test.reason));
    set("drink", test.drink_declared);
    set("signature", test.signature_state === "verified" ? "" : word("signature", test.signature_state));
    set("time", moment(test.time_ms, this.clock.nowMs()));
    li.classList.add("arriving");
    this.list.prepend(li);
    while (this.list.children.length > SHOWN_MAX) this.list.lastElementChild.remove();
    this.none.hidden = true;
  }
}
