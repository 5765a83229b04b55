// One decision, figure by figure, as one would check it by hand.

import { byId, complain, h, replace } from "/page/dom.js";
import { grouped, words } from "/page/format.js";

const DECIMAL = /^-?\d+(\.\d+)?$/;
const REQUEST = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MOMENT = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)Z$/;

export class ExplanationView {
  #api;
  #dialog = byId("explanation-dialog");
  #asked = null;

  constructor(api) {
    this.#api = api;
    byId("explain").onsubmit = (event) => {
      event.preventDefault();
      this.#find(byId("explain-id").value.trim());
    };
  }

  async open(request) {
    this.#asked = request;
    this.#frame();
    this.#fill(h("p", { class: "empty" }, "Loading …"));
    this.#dialog.showModal();
    try {
      const told = await this.#api.get(`/api/v1/decisions/${request}/explanation`);
      if (this.#asked === request) this.#tell(told);
    } catch (problem) {
      if (this.#asked === request) this.#fill(h("p", { class: "notice", role: "alert" }, `It cannot be shown: ${problem.message}.`), h("p", { class: "muted" }, `It was asked for ${request}.`));
    }
  }

  #find(request) {
    const isRequest = REQUEST.test(request);
    byId("explain-id").setAttribute("aria-invalid", String(!isRequest));
    complain(byId("explain-error"), isRequest ? "" : "That is no request id, such as 8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10.");
    if (isRequest) this.open(request);
    else byId("explain-id").focus();
  }

  #tell({ status, reasons, sections }) {
    this.#fill(
      h("p", {}, h("span", { class: `state ${status}` }, words(status))),
      ...reasons.map((reason) => h("p", { class: "notice" }, h("strong", {}, words(reason.code)), `: ${reason.message}`)),
      ...sections.filter(({ name }) => name !== "outcome" || reasons.length === 0).map(section),
    );
  }

  #frame() {
    const close = h("button", { type: "button", class: "quiet", "aria-label": "Close", on: { click: () => this.#dialog.close() } }, "✕");
    const head = h("div", { class: "drawer-head" }, h("h2", { id: "explanation-title" }, "How it was decided"), close);
    replace(this.#dialog, head, h("div", { class: "drawer-body", tabindex: "0", role: "region", "aria-labelledby": "explanation-title" }));
  }

  // The head stays, and so does the focus on its button, while what was asked for comes.
  #fill(...content) {
    replace(this.#dialog.querySelector(".drawer-body"), ...content);
  }
}

function section({ title, lines }) {
  return h("section", { class: "explained" }, h("h3", {}, title), h("dl", {}, ...lines.map(line)));
}

function line({ name, shown, unit, formula, numbers, in_reply: told, note, value }) {
  const details = [formula ? `= ${formula}` : null, numbers ? `= ${numbers}` : null, told && told !== value ? `in the reply: ${told}` : null, note];
  return h(
    "div",
    {},
    h("dt", {}, words(name)),
    h("dd", {}, h("span", { class: "value" }, figure(shown, unit), unit ? ` ${unit}` : ""), ...details.filter(Boolean).map((text) => h("span", { class: "under" }, text))),
  );
}

// A version or a login is a name, and has no unit.
const figure = (shown, unit) => (unit && DECIMAL.test(shown) ? grouped(shown) : shown.replace(MOMENT, "$1 $2 UTC"));
