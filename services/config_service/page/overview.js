// The last day at a glance: four figures, why setups were refused, how the accounts are.

import { byId, h, say, show } from "/page/dom.js";
import { ago, clock, counted, grouped, words } from "/page/format.js";

const LOW_APPROVAL = 90;
const SLOW_S = 0.1;
const STATES = ["active", "inactive", "stale", "error"];

/** Show what GET /api/v1/overview told. */
export function showOverview({ decisions, accounts, deliveries, parked, latency }, isOwner) {
  approval(decisions);
  sizing(latency);
  inSync(accounts, deliveries);
  parkedMessages(parked, isOwner);
  show(byId("reasons"), reasons(decisions));
}

/** Show accounts by state, and those that need a look: `outdated` are the stale ones and those in error. */
export function showAccounts(accounts, deliveries, outdated) {
  if (accounts.accounts === 0) {
    show(byId("accounts"), h("p", { class: "empty" }, "No account has reported yet. It appears here with its first snapshot."));
    return;
  }
  show(byId("accounts"), states(accounts), legend(accounts), lately(deliveries), attention(outdated));
}

function approval({ decisions, approval_percent: percent, approved, since, is_cut: isCut }) {
  tile("approval", percent === null ? "–" : `${+Number(percent).toFixed(1)} %`, percent !== null && Number(percent) < LOW_APPROVAL);
  const of = `${grouped(approved)} of ${counted(decisions, "decision")} ${isCut ? `since ${clock(since)}` : "in 24 h"}`;
  say(byId("tile-approval-of"), decisions === 0 ? "No decision in 24 h" : of);
}

function sizing(latency) {
  tile("latency", latency ? milliseconds(latency.p50_s) : "–", latency !== null && Number(latency.p95_s) > SLOW_S);
  say(byId("tile-latency-of"), latency ? `median in 5 min; 95\u00a0% within ${milliseconds(latency.p95_s)}` : "Nothing was sized in the last 5 min");
}

function inSync({ accounts, active, inactive, stale, error }, deliveries) {
  tile("accounts", accounts === 0 ? "–" : `${grouped(active + inactive)} / ${grouped(accounts)}`, stale + error > 0);
  const refused = deliveries?.refused ? ` · ${grouped(deliveries.refused)} refused in 1 h` : "";
  say(byId("tile-accounts-of"), accounts === 0 ? "No account yet" : `${grouped(stale)} stale, ${grouped(error)} in error${refused}`);
}

function parkedMessages(parked, isOwner) {
  byId("tile-parked-box").hidden = !isOwner;
  const total = parked?.reduce((sum, queue) => sum + queue.count, 0);
  tile("parked", total === undefined ? "?" : grouped(total), total > 0);
  const where = (parked ?? []).filter((queue) => queue.count > 0).map((queue) => `${grouped(queue.count)} in ${queue.name}`);
  say(byId("tile-parked-of"), total === undefined ? "Not known: the broker does not tell" : where.join(", ") || "Nothing waits for the operator");
}

function tile(name, figure, isWarning) {
  const element = byId(`tile-${name}`);
  say(element, figure);
  element.classList.toggle("warns", isWarning);
}

function reasons({ decisions, reasons: counts }) {
  if (counts.length === 0) return h("p", { class: "empty" }, decisions ? "Every setup was approved." : "No decision in the last 24 hours.");
  const most = counts[0].count;
  return h("ul", { class: "bars" }, ...counts.map(({ name, count }) => bar(words(name), count, most)));
}

function bar(name, count, most) {
  const meter = h("progress", { max: most, value: count, "aria-hidden": "true", tabindex: "-1" });
  return h("li", {}, h("span", { class: "bar-name" }, name), meter, h("span", { class: "number" }, grouped(count)));
}

function states(accounts) {
  const parts = STATES.filter((state) => accounts[state] > 0).map((state) => {
    const part = h("span", { class: `part ${state}` });
    part.style.flexGrow = accounts[state];
    return part;
  });
  return h("div", { class: "stack", "aria-hidden": "true" }, ...parts);
}

function legend(accounts) {
  const entries = STATES.map((state) => h("li", {}, h("span", { class: `swatch ${state}`, "aria-hidden": "true" }), `${words(state)} `, h("strong", {}, grouped(accounts[state]))));
  return h("ul", { class: "legend" }, ...entries);
}

function lately(deliveries) {
  if (!deliveries) return null;
  const { deliveries: all, applied, superseded, refused, reasons: codes, is_cut: isCut, since } = deliveries;
  if (all === 0) return h("p", { class: "muted" }, "No delivery in the last hour.");
  const why = codes.map(({ name, count }) => `${words(name).toLowerCase()} ${grouped(count)}`).join(", ");
  const span = isCut ? `since ${clock(since)}` : "in the last hour";
  return h("p", { class: "muted" }, `${counted(all, "delivery", "deliveries")} ${span}: ${grouped(applied)} applied, ${grouped(superseded)} superseded, ${grouped(refused)} refused${why ? ` (${why})` : ""}.`);
}

function attention(outdated) {
  if (outdated.length === 0) return null;
  return h("ul", { class: "rows" }, ...outdated.map(({ login, server, user_id: user, sync_status: state, age_seconds: age }) =>
    h("li", {}, h("span", { class: `state ${state}` }, words(state)), h("span", { class: "grow" }, `${login}`, h("span", { class: "muted" }, ` ${server} · ${user}`)), h("span", { class: "muted" }, ago(age)))));
}

const milliseconds = (seconds) => (Number(seconds) < 1 ? `${+(Number(seconds) * 1000).toPrecision(2)} ms` : `${+Number(seconds).toPrecision(2)} s`);
