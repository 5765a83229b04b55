// The risk percent over time: steps, because it holds until it is changed; planned changes dashed, ahead of now.

import { svg } from "/page/dom.js";
import { clock } from "/page/format.js";

const HEIGHT = 240;
const MARGIN = { top: 14, right: 14, bottom: 26, left: 38 };
const TICK_WIDTH = 96;
const AHEAD = 0.04;
const DAY_MS = 86_400_000;

/** A drawing `width` wide. `points` and `plans`: [{ at (ms), percent, label }], oldest first; from `since` (ms) to `now`. */
export function riskChart({ points, plans, since, now, width, label }) {
  const until = Math.max(now, ...plans.map((plan) => plan.at)) + (now - since) * AHEAD;
  const top = niceTop(Math.max(...points.map((point) => point.percent), ...plans.map((plan) => plan.percent)));
  const x = scale(since, until, MARGIN.left, width - MARGIN.right);
  const y = scale(0, top, HEIGHT - MARGIN.bottom, MARGIN.top);
  const last = points.at(-1);
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": label },
    ...levels(top, y, width),
    ...moments(since, until, x, width),
    svg("path", { class: "area", d: `${steps(points, now, x, y)} V ${y(0)} H ${x(Math.max(points[0].at, since))} Z` }),
    svg("path", { class: "line", d: steps(points, now, x, y) }),
    plans.length ? svg("path", { class: "line planned", d: steps([{ ...last, at: now }, ...plans], until, x, y) }) : null,
    svg("line", { class: "now", x1: x(now), x2: x(now), y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }),
    ...[...points.filter((point) => point.at >= since), ...plans].map((point) => mark(point, x, y)),
  );
}

function scale(from, to, start, end) {
  const each = (end - start) / (to - from || 1);
  return (value) => Math.round((start + (Math.max(value, from) - from) * each) * 10) / 10;
}

function steps(points, until, x, y) {
  const [first, ...rest] = points;
  const later = rest.map((point) => `H ${x(point.at)} V ${y(point.percent)}`);
  return [`M ${x(first.at)} ${y(first.percent)}`, ...later, `H ${x(until)}`].join(" ");
}

function mark(point, x, y) {
  const dot = svg("circle", { class: "mark", cx: x(point.at), cy: y(point.percent), r: 4 });
  dot.append(svg("title", {}, point.label));
  return dot;
}

function levels(top, y, width) {
  return [0, 1, 2, 3, 4].flatMap((quarter) => {
    const value = (top / 4) * quarter;
    const at = y(value);
    return [
      svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at }),
      svg("text", { class: "axis", x: MARGIN.left - 8, y: at + 4, "text-anchor": "end" }, `${+value.toFixed(2)}`),
    ];
  });
}

function moments(since, until, x, width) {
  const count = Math.max(2, Math.floor((width - MARGIN.left - MARGIN.right) / TICK_WIDTH));
  const each = (until - since) / count;
  return [...Array(count).keys()].map((number) => {
    const at = since + each * (number + 0.5);
    return svg("text", { class: "axis", x: x(at), y: HEIGHT - 8, "text-anchor": "middle" }, tick(at, until - since));
  });
}

function tick(at, length) {
  if (length > 3 * DAY_MS) return new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" }).format(at);
  if (length > DAY_MS) return clock(new Date(at).toISOString());
  return new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }).format(at);
}

function niceTop(most) {
  const steps = [0.4, 1, 2, 4, 6, 8, 12, 20, 32, 40, 60];
  return steps.find((step) => step >= most * 1.15) ?? 60;
}
