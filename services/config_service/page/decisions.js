// The newest decisions, live; each opens to its whole arithmetic.

import { arrange, byId, h, replace, say, show } from "/page/dom.js";
import { grouped, stamp, sum, timeOf, words } from "/page/format.js";

const FILTERS = [
  { name: "All", status: null },
  { name: "Approved", status: "approved" },
  { name: "Rejected", status: "rejected" },
  { name: "Errors", status: "error" },
];
export const ROWS = 25;

export class Decisions {
  status = null;
  #open;
  #items = [];
  #isLoaded = false;

  /** `chosen()` is called when another filter was chosen; `open(request_id)` when a decision is to be explained. */
  constructor({ chosen, open }) {
    this.#open = open;
    replace(byId("decisions-filter"), ...FILTERS.map((filter) => this.#button(filter, chosen)));
  }

  /** Show what was asked for: the newest under the filter, with what has been told of meanwhile. */
  load(items) {
    this.#merge(items);
    this.#isLoaded = true;
  }

  /** Show what was told of, as far as it is under the filter. */
  add(items) {
    const wanted = items.filter((one) => this.status === null || one.status === this.status);
    if (wanted.length > 0) this.#merge(wanted);
  }

  /** Write the times anew: what was of today may be of yesterday by now. */
  date() {
    for (const time of byId("decisions").querySelectorAll("time")) say(time, stamp(time.dateTime));
  }

  #merge(items) {
    const known = new Set(this.#items.map((one) => one.request_id));
    const fresh = new Set(this.#isLoaded ? items.map((one) => one.request_id).filter((id) => !known.has(id)) : []);
    const all = new Map([...items, ...this.#items].map((one) => [one.request_id, one]));
    this.#items = [...all.values()].toSorted(later).slice(0, ROWS);
    this.#render(fresh);
  }

  #render(fresh) {
    if (this.#items.length === 0) {
      show(byId("decisions"), h("p", { class: "empty" }, this.status === null ? "Nothing has been decided yet. Decisions appear here as they are made." : "No such decision."));
      return;
    }
    const table = byId("decisions").querySelector("tbody") ?? this.#table();
    const rows = new Map([...table.children].map((row) => [row.dataset.request, row]));
    arrange(table, this.#items.map((one) => rows.get(one.request_id) ?? row(one, fresh.has(one.request_id))));
  }

  #table() {
    const body = h("tbody", { on: { click: (event) => this.#clicked(event) } });
    const heads = ["Decided", "Setup", "Account", "Result", "Lots", "At risk", "Margin"];
    const titles = heads.map((title) => h("th", { scope: "col", class: ["Lots", "At risk", "Margin"].includes(title) ? "number" : null }, title));
    replace(byId("decisions"), h("table", { class: "decided" }, h("caption", { class: "visually-hidden" }, "The newest decisions"), h("thead", {}, h("tr", {}, ...titles)), body));
    return byId("decisions").querySelector("tbody");
  }

  #clicked(event) {
    const chosen = event.target.closest("tr");
    if (chosen && !getSelection().toString()) this.#open(chosen.dataset.request);
  }

  #button(filter, chosen) {
    const choose = () => {
      this.status = filter.status;
      [this.#items, this.#isLoaded] = [[], false];
      for (const [index, button] of [...byId("decisions-filter").children].entries())
        button.setAttribute("aria-pressed", FILTERS[index] === filter);
      show(byId("decisions"), h("p", { class: "empty loading" }, "Loading …"));
      chosen();
    };
    return h("button", { type: "button", "aria-pressed": String(filter.status === this.status), on: { click: choose } }, filter.name);
  }
}

const later = (one, other) => Date.parse(other.decided_at) - Date.parse(one.decided_at);

function row(one, isFresh) {
  // What a refused setup would have risked is in its explanation: it risks nothing.
  const [risk, margin] = one.status === "approved" ? [one.total_stop_loss_amount, one.total_margin_required] : [null, null];
  const volumes = [one.entry_1_volume, one.entry_2_volume, one.entry_3_volume].filter((volume) => volume !== null);
  const setup = h("button", { type: "button", class: "link", "aria-haspopup": "dialog" }, `${words(one.side)} ${one.instrument}`);
  return h(
    "tr",
    { "data-request": one.request_id, class: isFresh ? "fresh" : null },
    h("td", {}, timeOf(one.decided_at, stamp(one.decided_at))),
    h("td", {}, setup, h("span", { class: "under" }, one.setup_id)),
    h("td", {}, one.login === null ? "–" : `${one.login}`, h("span", { class: "under" }, one.user_id)),
    h("td", {}, h("span", { class: `state ${one.status}` }, words(one.status)), one.reason ? h("span", { class: "under" }, words(one.reason)) : null),
    h("td", { class: "number" }, grouped(sum(volumes)), volumes.length > 1 ? h("span", { class: "under" }, volumes.join(" + ")) : null),
    h("td", { class: "number" }, grouped(risk)),
    h("td", { class: "number" }, grouped(margin)),
  );
}
