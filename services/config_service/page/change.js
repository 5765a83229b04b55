// Turning the dial, now or later, in two steps: say what, then see what it would have made of the last day, and confirm.

import { comparison } from "/page/comparison.js";
import { byId, complain, h, replace, show } from "/page/dom.js";
import { clock } from "/page/format.js";

const PERCENT = /^\d{1,2}(\.\d{1,10})?$/;
const LEAST = 0.1;
const MOST = 50;

export class Change {
  #api;
  #current;
  #done;
  #dialog = byId("change-dialog");
  #attempt = null;

  /** `current()` is the configuration in force; `done(sentence)` is called once a change was made or planned. */
  constructor(api, { current, done }) {
    this.#api = api;
    this.#current = current;
    this.#done = done;
  }

  open({ isPlan }) {
    this.#attempt = null;
    this.#ask({ isPlan, percent: "", reason: "", at: isPlan ? inAnHour() : null });
    this.#dialog.showModal();
  }

  #ask(given) {
    const error = h("p", { class: "complaint", id: "change-error", role: "alert" });
    const percent = field("New risk, percent of the balance", {
      name: "percent", inputmode: "decimal", autocomplete: "off", required: true, value: given.percent, "aria-describedby": "change-error",
    });
    const at = given.isPlan ? field("From when on, your time", { name: "at", type: "datetime-local", required: true, value: given.at, "aria-describedby": "change-error" }) : null;
    const reason = field("Reason, for the record", { name: "reason", autocomplete: "off", maxlength: 500, value: given.reason });
    const review = (event) => {
      event.preventDefault();
      const entries = Object.fromEntries(new FormData(event.target));
      const asked = { ...given, percent: entries.percent.trim().replace(",", "."), reason: entries.reason.trim(), at: entries.at ?? null };
      const fault = wrong(asked);
      if (fault === null) this.#confirm(asked);
      else point(event.target, fault, error);
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
    const attempt = this.#attemptAt(request(asked), config.config_version);
    const confirm = h("button", { type: "button", class: "primary" }, asked.isPlan ? `Plan ${asked.percent} %` : `Set ${asked.percent} %`);
    confirm.addEventListener("click", () => this.#send(asked, { attempt, confirm, error }));
    const back = h("button", { type: "button", class: "quiet", on: { click: () => this.#ask(asked) } }, "Back");
    replace(
      this.#dialog,
      h(
        "div",
        { class: "sheet" },
        h("h2", { id: "change-title" }, asked.isPlan ? "Plan this change?" : "Change the risk now?"),
        h("p", { class: "turn" }, h("span", {}, `${config.fixed_risk_percent} %`), h("span", { "aria-hidden": "true" }, "→"), h("span", { class: "visually-hidden" }, "to"), h("strong", {}, `${asked.percent} %`)),
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

  // The same again, as long as the dialog is open, has the same key and the same version: where the first answer was
  // lost on its way, sending it once more finds what it did, and does nothing.
  #attemptAt([path, body], version) {
    const content = JSON.stringify([path, body]);
    if (this.#attempt?.content !== content) {
      const key = crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`;
      this.#attempt = { content, path, body, headers: { "Idempotency-Key": key, "If-Match": `"${version}"` } };
    }
    return this.#attempt;
  }

  async #send(asked, { attempt, confirm, error }) {
    confirm.disabled = true;
    error.textContent = "";
    try {
      await this.#api.post(attempt.path, attempt.body, attempt.headers);
      if (this.#attempt === attempt) this.#dialog.close();
      this.#done(asked.isPlan ? `${asked.percent} % is planned for ${clock(new Date(asked.at).toISOString())}` : `The risk is ${asked.percent} % now`);
    } catch (problem) {
      error.textContent = refusal(problem);
      if (problem.code.endsWith("_conflict") && this.#attempt === attempt) this.#attempt = null;
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
  if (problem.code === "unreachable") return "No answer came. It is safe to try again: it is done once.";
  return problem.code === "try_again" ? "It cannot be done now. It is safe to try again: it is done once." : `Refused: ${problem.message}.`;
}

/** The name of the field that is wrong, and why; null where none is. */
function wrong({ isPlan, percent, at }) {
  if (!PERCENT.test(percent)) return { name: "percent", why: "The percent must be a number such as 2.5." };
  if (Number(percent) < LEAST || Number(percent) > MOST) return { name: "percent", why: `The percent must be between ${LEAST} and ${MOST}.` };
  if (isPlan && !(new Date(at) > new Date())) return { name: "at", why: "The time must lie ahead." };
  return null;
}

function point(form, { name, why }, error) {
  for (const input of form.querySelectorAll("input")) input.setAttribute("aria-invalid", String(input.name === name));
  complain(error, why);
  form.elements[name].focus();
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
