// The risk percent in force, and how it came to be: the large figure, the chart, the table of versions.

import { riskChart } from "/page/chart.js";
import { byId, h, replace, say, show } from "/page/dom.js";
import { clock, relative, timeOf } from "/page/format.js";

const RANGES = [
  { name: "24 h", ms: 86_400_000 },
  { name: "7 d", ms: 7 * 86_400_000 },
  { name: "30 d", ms: 30 * 86_400_000 },
  { name: "All", ms: null },
];
/** How many versions are asked for and shown: what the API gives at once. */
export const NEWEST = 200;
const WIDTH_MIN = 280;
const ALL_MIN_MS = 3_600_000;

export class Dial {
  #versions = [];
  #isLoaded = false;
  #isCut = false;
  #plans = [];
  #range = RANGES[1];
  #resized = new ResizeObserver(() => this.#draw());

  constructor() {
    replace(byId("history-ranges"), ...RANGES.map((range) => this.#button(range)));
    this.#resized.observe(byId("history-chart"));
  }

  get current() {
    return this.#versions[0] ?? null;
  }

  /** The newest versions, as asked for. What the stream has told meanwhile may be newer, and stays. */
  load({ items, next_before_version: next }) {
    const newest = items[0]?.config_version ?? 0;
    this.#hold([...this.#versions.filter((one) => one.config_version > newest), ...items], next !== null);
    this.#isLoaded = true;
    this.render();
  }

  /** A version that came over the stream; true where it is news. */
  hear(version) {
    const known = this.current?.config_version ?? 0;
    if (version.config_version > known) this.#hold([version, ...this.#versions], this.#isCut);
    this.render();
    return version.config_version > known;
  }

  /** What is planned, the soonest first. */
  plan(plans) {
    this.#plans = plans;
    this.#draw();
  }

  render() {
    if (this.current === null) return;
    const { fixed_risk_percent: percent, reason, config_version: version, updated_by: by, updated_at: at } = this.current;
    say(byId("percent"), percent);
    document.title = `${percent} % · Lotwise`;
    show(byId("percent-why"), reason ? h("q", {}, reason) : h("span", { class: "muted" }, "No reason was given"));
    show(byId("percent-who"), `Set by ${by}, `, timeOf(at), ` (${relative(at)}) · version ${version}`);
    show(byId("percent-facts"), ...facts(this.current));
    for (const act of byId("dial-acts").children) act.disabled = false;
    this.#renderHistory();
  }

  stop() {
    this.#resized.disconnect();
  }

  // One version that the stream told is no history.
  #renderHistory() {
    if (!this.#isLoaded) return;
    byId("history-table").hidden = false;
    show(byId("history-rows"), ...this.#versions.map(row));
    say(byId("history-all"), this.#isCut ? `The newest ${NEWEST} versions as a table` : "Every version as a table");
    say(byId("history-ranges").lastElementChild, this.#isCut ? `Newest ${NEWEST}` : "All");
    this.#draw();
  }

  #hold(versions, isCut) {
    this.#isCut = isCut || versions.length > NEWEST;
    this.#versions = versions.slice(0, NEWEST);
  }

  #button(range) {
    const choose = () => {
      this.#range = range;
      for (const [index, button] of [...byId("history-ranges").children].entries())
        button.setAttribute("aria-pressed", RANGES[index] === range);
      this.#draw();
    };
    return h("button", { type: "button", "aria-pressed": String(range === this.#range), on: { click: choose } }, range.name);
  }

  #draw() {
    if (!this.#isLoaded || this.current === null) return;
    const now = Date.now();
    const points = this.#versions.map(point).reverse();
    const oldest = Math.min(points[0].at, now - ALL_MIN_MS);
    const since = this.#range.ms === null ? oldest : now - this.#range.ms;
    const begun = points.findLastIndex((one) => one.at <= since);
    const shown = points.slice(Math.max(begun, 0));
    const width = Math.max(byId("history-chart").clientWidth, WIDTH_MIN);
    const label = `Risk percent since ${clock(new Date(since).toISOString())}: ${shown.map((one) => `${one.percent} %`).join(", then ")}`;
    show(byId("history-chart"), riskChart({ points: shown, plans: this.#plans.map(planPoint), since, now, width, label }));
  }
}

function facts({ entry_splits: splits, margin_buffer_percent: buffer }) {
  const shares = Object.values(splits).map((share) => `${+(Number(share) * 100).toFixed(4)} %`);
  return [
    h("div", {}, h("dt", {}, "Entry splits"), h("dd", {}, shares.join(" · "))),
    h("div", {}, h("dt", {}, "Margin buffer"), h("dd", {}, `${buffer} %`)),
  ];
}

function row(version) {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, `${version.config_version}`),
    h("td", { class: "number" }, `${version.fixed_risk_percent} %`),
    h("td", {}, timeOf(version.updated_at)),
    h("td", {}, version.updated_by),
    h("td", { class: "wraps" }, version.reason ?? "–"),
  );
}

const point = (version) => ({
  at: Date.parse(version.updated_at),
  percent: Number(version.fixed_risk_percent),
  label: `${version.fixed_risk_percent} % from ${clock(version.updated_at)}, by ${version.updated_by}${version.reason ? `: ${version.reason}` : ""}`,
});

const planPoint = (plan) => ({
  at: Date.parse(plan.effective_at),
  percent: Number(plan.new_risk_percent),
  label: `${plan.new_risk_percent} % planned for ${clock(plan.effective_at)}${plan.reason ? `: ${plan.reason}` : ""}`,
});
