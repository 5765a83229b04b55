// Puts the page together: sign in, follow the streams, ask for the rest, show it all.

import { Api, Problem } from "/page/api.js";
import { Change } from "/page/change.js";
import { Decisions, ROWS } from "/page/decisions.js";
import { Dial, NEWEST } from "/page/dial.js";
import { byId, complain, h, say, show } from "/page/dom.js";
import { ExplanationView } from "/page/explanation.js";
import { Freshness } from "/page/freshness.js";
import { showAccounts, showOverview } from "/page/overview.js";
import { showPlans } from "/page/plans.js";
import { poll } from "/page/polling.js";
import { forget, keep, keptSession, readSession } from "/page/session.js";
import { Stream } from "/page/stream.js";
import { showWorkers } from "/page/workers.js";

const OFTEN_MS = 3_000;
const SELDOM_MS = 6_000;
const SAFETY_MS = 5 * SELDOM_MS;
const RELATIVE_MS = 10_000;
const OUTDATED_MAX = 5;
const PARTS = {
  history: ["history-chart"],
  overview: ["reasons", "accounts"],
  workers: ["workers"],
  decisions: ["decisions"],
  plans: ["plans-unknown"],
};
const CONFIGURATION = "/api/v1/risk/config/stream";
const DECISIONS = "/api/v1/decisions/stream";
const ENDED = "Your token has ended, or is not valid any more. Sign in with another.";

class Desk {
  #session;
  #api;
  #dial = new Dial();
  #freshness = new Freshness();
  #decisions;
  #polls;
  #streams;
  #timer;

  constructor(session) {
    this.#session = session;
    this.#api = new Api(session.token, () => this.leave(ENDED));
    const explanation = new ExplanationView(this.#api);
    this.#decisions = new Decisions({ chosen: () => this.#polls.decisions.again(), open: (id) => explanation.open(id) });
    this.#dress();
    this.#polls = this.#ask();
    this.#streams = [
      this.#follow(CONFIGURATION, (version) => this.#hear(version)),
      this.#follow(DECISIONS, ({ items }) => this.#decisions.add(items), (isLive) => this.#pace(isLive)),
    ];
    this.#timer = setInterval(() => this.#age(), RELATIVE_MS);
  }

  // What is written by the time of day becomes untrue by itself.
  #age() {
    this.#dial.render();
    this.#decisions.date();
  }

  leave(why) {
    for (const stream of this.#streams ?? []) stream.close();
    clearInterval(this.#timer);
    for (const one of Object.values(this.#polls ?? {})) one.stop();
    this.#freshness.stop();
    this.#dial.stop();
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    forget();
    // A new document holds nothing of what the last one showed.
    sessionStorage.setItem(LEFT, why);
    location.reload();
  }

  #dress() {
    say(byId("who-name"), this.#session.user);
    say(byId("who-role"), this.#session.role);
    byId("dial-acts").hidden = !this.#session.isOwner;
    const change = new Change(this.#api, { current: () => this.#dial.current, done: (sentence) => this.#announce(sentence) });
    byId("change").onclick = () => change.open({ isPlan: false });
    byId("plan").onclick = () => change.open({ isPlan: true });
    byId("sign-out").onclick = () => this.leave("");
  }

  #ask() {
    const asked = {
      history: this.#poll("history", () => this.#loadHistory(), 10 * SELDOM_MS),
      overview: this.#poll("overview", () => this.#loadOverview(), SELDOM_MS),
      workers: this.#poll("workers", () => this.#loadWorkers(), SELDOM_MS),
      decisions: this.#poll("decisions", () => this.#loadDecisions(), OFTEN_MS),
    };
    if (!this.#session.isOwner) return asked;
    return { ...asked, plans: this.#poll("plans", () => this.#loadPlans(), SELDOM_MS) };
  }

  #follow(path, told, turned = () => {}) {
    return new Stream(path, this.#session.token, {
      told,
      state: (state) => {
        this.#freshness.stream(path, state);
        turned(state === "live");
      },
      signedOut: () => this.leave(ENDED),
    });
  }

  // While decisions are told of, asking for them is for safety only. Once they are not, what comes of asking at once tells
  // whether the stream is lost, or the service.
  #pace(isLive) {
    const every_ms = isLive ? SAFETY_MS : OFTEN_MS;
    this.#freshness.expect("decisions", every_ms);
    this.#polls.decisions.every(every_ms);
  }

  #poll(what, load, every_ms) {
    this.#freshness.expect(what, every_ms);
    for (const part of PARTS[what]) show(byId(part), h("p", { class: "empty loading" }, "Loading …"));
    return poll(() => this.#try(what, load), every_ms);
  }

  // Whether it was answered. What fails is asked for again by the next turn of its poll; that what is shown is old by then,
  // the freshness tells.
  async #try(what, load) {
    try {
      await load();
      this.#freshness.answered(what);
      return true;
    } catch (problem) {
      const isKnown = problem instanceof Problem;
      if (isKnown && problem.status === 0) this.#freshness.unreachable();
      for (const part of PARTS[what]) {
        const waiting = byId(part).querySelector(".loading");
        if (!waiting) continue;
        say(waiting, `Not to be had now: ${isKnown ? problem.message : "the answer makes no sense"}. Trying again.`);
        waiting.closest("section").hidden = false;
      }
      if (!isKnown) throw problem;
      return false;
    }
  }

  async #loadHistory() {
    this.#dial.load(await this.#api.get("/api/v1/risk/config/history", { limit: NEWEST }));
  }

  async #loadOverview() {
    const of = (state) => this.#api.get("/api/v1/accounts", { sync_status: state, limit: OUTDATED_MAX });
    const [overview, stale, error] = await Promise.all([this.#api.get("/api/v1/overview"), of("stale"), of("error")]);
    showOverview(overview, this.#session.isOwner);
    showAccounts(overview.accounts, overview.deliveries, [...error.items, ...stale.items].slice(0, OUTDATED_MAX));
  }

  async #loadWorkers() {
    const told = await this.#api.get("/api/v1/workers");
    showWorkers(told);
    if (told.config_version > (this.#dial.current?.config_version ?? 0)) this.#polls.history.again();
  }

  async #loadDecisions() {
    const status = this.#decisions.status;
    const { items } = await this.#api.get("/api/v1/decisions", { status, limit: ROWS });
    if (status === this.#decisions.status) this.#decisions.load(items);
  }

  async #loadPlans() {
    const { items } = await this.#api.get("/api/v1/risk/config/schedules", { state: "planned" });
    const plans = items.toSorted((one, other) => Date.parse(one.effective_at) - Date.parse(other.effective_at));
    this.#dial.plan(plans);
    showPlans(plans, (plan) => this.#cancel(plan));
  }

  async #cancel(plan) {
    try {
      await this.#api.delete(`/api/v1/risk/config/schedules/${plan.schedule_id}`);
      this.#announce(`The change to ${plan.new_risk_percent} % is cancelled`);
      return "";
    } catch (problem) {
      this.#polls.plans.again();
      return unchanged(plan, problem);
    }
  }

  #hear(version) {
    const known = this.#dial.current?.config_version;
    if (this.#dial.hear(version) && known) this.#announce(`${version.fixed_risk_percent} % is in force, set by ${version.updated_by}`);
    this.#polls.workers.again();
    this.#polls.plans?.again();
    // What was made while nobody listened is in the history alone.
    if (!(version.config_version <= known + 1)) this.#polls.history.again();
  }

  #announce(sentence) {
    say(byId("announcer"), sentence);
    this.#polls.plans?.again();
  }
}

function unchanged({ new_risk_percent: percent }, problem) {
  if (problem.code === "unknown_schedule") return `The change to ${percent} % could not be cancelled: it is not planned any more.`;
  if (problem.code !== "unreachable") return `The change to ${percent} % could not be cancelled: ${problem.message}.`;
  return `Whether the change to ${percent} % is cancelled is not known: no answer came. While it stands here, it is planned.`;
}

const LEFT = "lotwise.left";

function askForToken() {
  const why = sessionStorage.getItem(LEFT) ?? "";
  sessionStorage.removeItem(LEFT);
  byId("sign-in").hidden = false;
  say(byId("sign-in-error"), why);
  byId("token").focus();
  byId("sign-in-form").onsubmit = async (event) => {
    event.preventDefault();
    // One at a time: two that are let in would be two desks, each asking for everything.
    if (event.target.hasAttribute("aria-busy")) return;
    event.target.setAttribute("aria-busy", "true");
    complain(byId("sign-in-error"), await signIn(byId("token").value.trim()));
    event.target.removeAttribute("aria-busy");
  };
}

/** Sign in; what is wrong where that does not work, else nothing. */
async function signIn(token) {
  const session = readSession(token);
  if (session === null) return "That is no token. It has three parts with dots between them.";
  try {
    await new Api(token, () => {}).get("/api/v1/risk/config");
  } catch (problem) {
    return problem.status === 401 ? "This token is not valid, or has ended." : `Not now: ${problem.message}.`;
  }
  keep(session);
  byId("token").value = "";
  enter(session);
  byId("content").focus({ preventScroll: true }); // where the token was there is nothing any more
  return "";
}

function enter(session) {
  byId("sign-in").hidden = true;
  byId("desk").hidden = false;
  new Desk(session);
}

byId("unloaded").remove();
const kept = keptSession();
if (kept) enter(kept);
else askForToken();
