// Turning the dial, now or later, in two steps: say what, then see what it would have made of the last day, and confirm.

import { comparison } from "/page/comparison.js";
import { byId, h, replace, show } from "/page/dom.js";
import { clock } from "/page/format.js";


const PERCENT = /^\d{1,2}(\.\d{1,10})?$/;
const LEAST = 0.1;
const MOST = 50;

export class Change {
  #api;
  #current;
  #done;
  #dialog = byId("change-dialog");

  /** `current()` is the configuration in force; `done(sentence)` is called once a change was made or planned. */
  constructor(api, { current, done }) {
    this.#api = api;
    this.#current = current;
    this.#done = done;
  }

  open({ isPlan }) {
    this.#ask({ isPlan, percent: "", reason: "", at: isPlan ? inAnHour() : null });
    this.#dialog.showModal();
  }

  #ask(given) {
    const error = h("p", { class: "complaint", id: "change-error", role: "alert" });
    const percent = field("New risk, percent of the balance", {
      name: "percent", inputmode: "decimal", autocomplete: "off", required: true, value: given.percent, "aria-describedby": "change-error",
    });
    const at = given.isPlan ? field("From when on, your time", { name: "at", type: "datetime-local", required: true, value: given.at }) : null;
    const reason = field("Reason, for the record", { name: "reason", autocomplete: "off", maxlength: 500, value: given.reason });
    const review = (event) => {
      event.preventDefault();
      const entries = Object.fromEntries(new FormData(event.target));
      const asked = { ...given, percent: entries.percent.trim().replace(",", "."), reason: entries.reason.trim(), at: entries.at ?? null };
      error.textContent = wrong(asked);
      if (error.textContent === "") this.#confirm(asked);
    };
    const { fixed_risk_percent: now } = this.#current();
    replace(
      this.#dialog,
      h(
        "form",
        { class: "sheet", novalidate: true, on: { submit: review } },
        h("h2", { id: "change-title" }, given.isPlan ? "Plan a change" : "Change the risk percent"),
        h("p", { class: "muted" }, `${now} % is in force.`),
        percent,
        at,
        reason,
        error,
        acts(this.#cancel(), h("button", { type: "submit", class: "primary" }, "Review")),
      ),
    );
    this.#dialog.querySelector("input").focus();
  }

  #confirm(asked) {
    const config = this.#current();
    const error = h("p", { class: "complaint", role: "alert" });
    const effect = h("div", { class: "effect", role: "region", "aria-label": "What it will change", tabindex: "0", "aria-live": "polite", "aria-busy": "true" }, h("p", { class: "muted" }, "Working out what it would have made of the last 24 hours …"));
    const key = crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`;
    const confirm = h("button", { type: "button", class: "primary" }, asked.isPlan ? `Plan ${asked.percent} %` : `Set ${asked.percent} %`);
    confirm.addEventListener("click", () => this.#send(asked, { config, key, confirm, error }));
    const back = h("button", { type: "button", class: "quiet", on: { click: () => this.#ask(asked) } }, "Back");
    replace(
      this.#dialog,
      h(
        "div",
        { class: "sheet" },
        h("h2", { id: "change-title" }, asked.isPlan ? "Plan this change?" : "Change the risk now?"),
        h("p", { class: "turn" }, h("span", {}, `${config.fixed_risk_percent} %`), h("span", { "aria-label": "to" }, "→"), h("strong", {}, `${asked.percent} %`)),
        h("p", { class: "muted" }, `${when(asked)} For every account, from the next setup on.${asked.reason ? ` Reason: ${asked.reason}` : ""}`),
        effect,
        error,
        acts(this.#cancel(), back, confirm),
      ),
    );
    confirm.focus();
    this.#simulate(asked.percent, effect);
  }

  async #simulate(percent, effect) {
    try {
      show(effect, ...comparison(await this.#api.get("/api/v1/risk/simulation", { risk_percent: percent })));
    } catch (problem) {
      show(effect, h("p", { class: "notice" }, `What it would have changed is not known now: ${problem.message}.`));
    }
    effect.setAttribute("aria-busy", "false");
  }

  async #send(asked, { config, key, confirm, error }) {
    confirm.disabled = true;
    error.textContent = "";
    try {
      await this.#api.post(...request(asked), { "Idempotency-Key": key, "If-Match": `"${config.config_version}"` });
      this.#dialog.close();
      this.#done(asked.isPlan ? `${asked.percent} % is planned for ${clock(new Date(asked.at).toISOString())}` : `The risk is ${asked.percent} % now`);
    } catch (problem) {
      error.textContent = refusal(problem);
      confirm.disabled = problem.code === "version_conflict";
    }
  }

  #cancel() {
    return h("button", { type: "button", class: "quiet push", on: { click: () => this.#dialog.close() } }, "Cancel");
  }
}

function request({ isPlan, percent, reason, at }) {
  const change = { new_risk_percent: percent, reason: reason || null };
  if (!isPlan) return ["/api/v1/risk/config", change];
  return ["/api/v1/risk/config/schedules", { ...change, effective_at: new Date(at).toISOString() }];
}

function refusal(problem) {
  if (problem.code === "version_conflict") return `Somebody made version ${problem.version} meanwhile. Go back and look again.`;
  return problem.status === 0 ? "The service cannot be reached. It is safe to try again." : `Refused: ${problem.message}.`;
}

function wrong({ isPlan, percent, at }) {
  if (!PERCENT.test(percent)) return "The percent must be a number such as 2.5.";
  if (Number(percent) < LEAST || Number(percent) > MOST) return `The percent must be between ${LEAST} and ${MOST}.`;
  if (isPlan && !(new Date(at) > new Date())) return "The time must lie ahead.";
  return "";
}

const when = ({ isPlan, at }) => (isPlan ? `On ${clock(new Date(at).toISOString())}.` : "Now.");

function field(label, attributes) {
  return h("label", { class: "field" }, h("span", {}, label), h("input", { type: "text", ...attributes }));
}

const acts = (...buttons) => h("div", { class: "acts end" }, ...buttons);

function inAnHour() {
  const time = new Date(Date.now() + 3_600_000);
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
