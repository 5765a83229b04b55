// A simulation as a table: what happened, what would have, and by how much it differs.

import { h } from "/page/dom.js";
import { clock, counted, grouped, words } from "/page/format.js";

/** The elements that show a simulation. */
export function comparison(told) {
  if (told.decisions === 0) return [h("p", { class: "notice" }, "There were no decisions in the last 24 hours to compare with.")];
  const then = told.risk_percents.map((percent) => `${percent} %`).join(", ");
  return [
    h(
      "table",
      { class: "comparison" },
      h("caption", {}, `The ${counted(told.decisions, "request")} since ${clock(told.since)}${told.is_cut ? ", the newest" : ""}, decided again`),
      h("thead", {}, h("tr", {}, h("td", {}), ...["At ".concat(then), `At ${told.risk_percent} %`, "Change"].map((title) => h("th", { scope: "col", class: "number" }, title)))),
      h("tbody", {}, ...measures(told).map(row)),
      refusals(told),
    ),
    ...(told.unreadable ? [h("p", { class: "muted" }, `${counted(told.unreadable, "record")} could not be read and are left out.`)] : []),
  ];
}

function measures({ happened, simulated }) {
  return [
    ["Approved", happened.approved, simulated.approved],
    ["Lots", happened.lots, simulated.lots],
    ...byCurrency("At risk", happened.at_risk, simulated.at_risk),
    ...byCurrency("Margin", happened.margin, simulated.margin),
    ["Margin use, %", happened.margin_use_percent, simulated.margin_use_percent],
  ];
}

function refusals({ happened, simulated }) {
  const codes = [...new Set([...happened.refused, ...simulated.refused].map((refusal) => refusal.reason))].sort();
  if (codes.length === 0) return null;
  const times = (outcome, code) => outcome.refused.find((refusal) => refusal.reason === code)?.count ?? 0;
  const title = h("tr", {}, h("th", { scope: "rowgroup", colspan: 4, class: "muted" }, "Refused"));
  return h("tbody", {}, title, ...codes.map((code) => row([words(code), times(happened, code), times(simulated, code)])));
}

function byCurrency(name, happened, simulated) {
  const currencies = [...new Set([...happened, ...simulated].map((amount) => amount.currency))].sort();
  const of = (amounts, currency) => amounts.find((amount) => amount.currency === currency)?.amount ?? "0.00";
  return currencies.map((currency) => [`${name}, ${currency}`, of(happened, currency), of(simulated, currency)]);
}

function row([name, before, after]) {
  const figures = [grouped(before), grouped(after)].map((figure) => h("td", { class: "number" }, figure));
  return h("tr", {}, h("th", { scope: "row" }, name), ...figures, h("td", { class: "number" }, change(before, after)));
}

function change(before, after) {
  if (before === null || after === null) return "–";
  const difference = Number(after) - Number(before);
  if (difference === 0) return "=";
  const sign = difference > 0 ? "+" : "−";
  if (Number(before) === 0) return `${sign}${grouped(Math.abs(difference))}`;
  return `${sign}${Math.abs((difference / Number(before)) * 100).toFixed(1)} %`;
}
