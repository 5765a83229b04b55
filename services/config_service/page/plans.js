// Planned changes, and taking one back.

import { arrange, byId, h, replace, say } from "/page/dom.js";
import { clock, timeOf } from "/page/format.js";

/** Show the plans; `cancel(plan)` takes one back, and comes to what is to be complained of, or to nothing. */
export function showPlans(plans, cancel) {
  const isFocused = byId("plans").contains(document.activeElement);
  // A plan never changes: where it is shown, its item stays, with the focus and the first of two presses.
  const shown = new Map([...byId("plans").children].map((item) => [item.dataset.schedule, item]));
  arrange(byId("plans"), plans.map((plan) => shown.get(plan.schedule_id) ?? item(plan, cancel)));
  replace(byId("plans-unknown"));
  byId("plans-card").hidden = plans.length === 0 && byId("plans-error").textContent === "";
  if (isFocused && !byId("plans").contains(document.activeElement)) byId("plan").focus();
  for (const time of byId("plans").querySelectorAll("time")) say(time, clock(time.dateTime));
}

function item(plan, cancel) {
  const button = h("button", { type: "button", class: "quiet", on: { click: () => press(button, plan, cancel), blur: () => word(button, plan, false) } });
  word(button, plan, false);
  return h(
    "li",
    { "data-schedule": plan.schedule_id },
    h("strong", { class: "figure-small" }, `${plan.new_risk_percent} %`),
    h(
      "span",
      { class: "grow" },
      timeOf(plan.effective_at),
      h("span", { class: "muted" }, ` · ${plan.planned_by}${plan.reason ? ` · ${plan.reason}` : ""}`),
    ),
    button,
  );
}

// One more press, on the same button, rather than a dialog for so little: what is cancelled can be planned again.
async function press(button, plan, cancel) {
  if (button.hasAttribute("aria-disabled")) return;
  if (!button.hasAttribute("data-sure")) {
    say(byId("plans-error"), "");
    word(button, plan, true);
    return;
  }
  button.setAttribute("aria-disabled", "true"); // unlike `disabled`, it leaves the focus where it is
  say(byId("plans-error"), await cancel(plan));
  button.removeAttribute("aria-disabled");
  word(button, plan, false);
}

function word(button, plan, isSure) {
  button.toggleAttribute("data-sure", isSure);
  say(button, isSure ? "Really cancel?" : "Cancel");
  button.setAttribute("aria-label", isSure ? `Really cancel the change to ${plan.new_risk_percent} %?` : `Cancel the change to ${plan.new_risk_percent} %`);
}
