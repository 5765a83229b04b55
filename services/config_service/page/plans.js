// Planned changes, and taking one back.

import { byId, h, show } from "/page/dom.js";
import { timeOf } from "/page/format.js";

/** Show the plans; `cancel(plan)` takes one back. */
export function showPlans(plans, cancel) {
  byId("plans-card").hidden = plans.length === 0;
  show(byId("plans"), ...plans.map(item));
  for (const [index, button] of byId("plans").querySelectorAll("button").entries()) button.onclick = () => ask(button, plans[index], cancel);
}

function item(plan) {
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
    h("button", { type: "button", class: "quiet", "aria-label": `Cancel the change to ${plan.new_risk_percent} %` }, "Cancel"),
  );
}

// One more press, on the same button, rather than a dialog for so little: what is cancelled can be planned again.
function ask(button, plan, cancel) {
  if (button.dataset.sure) {
    button.disabled = true;
    cancel(plan);
    return;
  }
  button.dataset.sure = "yes";
  button.textContent = "Really cancel?";
  button.setAttribute("aria-label", `Really cancel the change to ${plan.new_risk_percent} %?`);
  button.addEventListener("blur", () => {
    delete button.dataset.sure;
    button.textContent = "Cancel";
    button.setAttribute("aria-label", `Cancel the change to ${plan.new_risk_percent} %`);
  }, { once: true });
}
