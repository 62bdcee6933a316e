// Distance over the last hour with the order's limits: shows at a glance how it came this far.
import { distance as sayDistance, limit as sayLimit, text, timeOfDay } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";
const W = 340, H = 120, LEFT = 44, BOTTOM = 18, TOP = 6;

function node(name, attributes, parent, content) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (content !== undefined) made.textContent = content;
  parent?.append(made);
  return made;
}

export function drawChart(container, series, limits, clockMs, spanMs) {
  if (series.length < 2) {
    container.textContent = text("detail.chart.none");
    return;
  }
  const nowMs = Math.max(clockMs, series.at(-1).ms); // a tracker's clock may be ahead of this desk's
  const alert = Number(limits.alertM) || null, prealert = Number(limits.prealertM) || null;
  const fromMs = Math.max(nowMs - spanMs, series[0].ms - 30_000);
  const shown = series.filter((point) => point.ms >= fromMs);
  const most = Math.max(...shown.map((p) => p.m));
  const limit = prealert ?? alert;
  // The limits must stay apart: what was farther than twice the outer one runs along the top.
  const top = (limit ? Math.min(Math.max(most, limit * 1.3), limit * 2) : most) * 1.05;
  const x = (ms) => LEFT + ((ms - fromMs) / (nowMs - fromMs || 1)) * (W - LEFT - 6);
  const y = (m) => TOP + (1 - Math.min(m, top) / top) * (H - TOP - BOTTOM);
  const svg = node("svg", { viewBox: `0 0 ${W} ${H}`, role: "img" });
  const least = Math.min(...shown.map((p) => p.m));
  const say = (m) => (m === null ? "–" : sayDistance(m));
  svg.setAttribute("aria-label", text("detail.chart.summary", { now: say(series.at(-1).m), least: say(least), alert: say(alert), prealert: say(prealert) }));
  for (const [name, metres] of [["prealert", prealert], ["alert", alert]]) {
    if (!metres || metres > top) continue;
    if (name === "alert") node("rect", { class: "chart-breach", x: LEFT, y: y(metres), width: W - LEFT - 6, height: y(0) - y(metres) }, svg);
    node("line", { class: `chart-limit ${name}`, x1: LEFT, x2: W - 6, y1: y(metres), y2: y(metres) }, svg);
    node("text", { class: "chart-tick", x: LEFT - 5, y: y(metres) + 3.5, "text-anchor": "end" }, svg, sayLimit(metres));
    node("text", { class: `chart-name ${name}`, x: LEFT + 4, y: y(metres) - 3 }, svg, text(`detail.chart.${name}`));
  }
  node("text", { class: "chart-tick", x: LEFT - 5, y: y(0) + 3, "text-anchor": "end" }, svg, "0");
  node("line", { class: "chart-axis", x1: LEFT, x2: W - 6, y1: y(0), y2: y(0) }, svg);
  for (const part of [0, 0.5, 1]) {
    const ms = fromMs + part * (nowMs - fromMs);
    node("text", { class: "chart-tick", x: x(ms), y: H - 4, "text-anchor": ["start", "middle", "end"][part * 2] }, svg, timeOfDay(ms).slice(0, 5));
  }
  // A hole in the data is a hole in the line: silence must not look like a straight walk.
  let path = "", previous = null;
  for (const point of shown) {
    path += `${previous === null || point.ms - previous > 180_000 ? "M" : "L"}${x(point.ms).toFixed(1)} ${y(point.m).toFixed(1)}`;
    previous = point.ms;
  }
  node("path", { class: "chart-line", d: path }, svg);
  const last = shown.at(-1);
  if (last) node("circle", { class: "chart-now", cx: x(last.ms), cy: y(last.m), r: 4 }, svg);
  container.replaceChildren(svg);
}
