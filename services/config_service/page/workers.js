// Each process that runs a configuration, and whether it runs the one in force.

import { byId, h, show } from "/page/dom.js";
import { counted, relative, words } from "/page/format.js";

export function showWorkers({ config_version: version, workers }) {
  if (workers.length === 0) {
    show(byId("workers"), h("p", { class: "empty" }, "No process has announced itself yet. Each does so every ten seconds."));
    return;
  }
  const current = workers.filter((worker) => worker.state === "current").length;
  const runs = workers.length === 1 ? "runs" : "run";
  show(
    byId("workers"),
    h("p", { class: "muted" }, `${current} of ${counted(workers.length, "process", "processes")} ${runs} version ${version}, the one in force.`),
    h("ul", { class: "rows" }, ...workers.map(item)),
  );
}

function item({ instance, service, config_version: version, announced_at: at, state }) {
  const [, host, pid] = instance.match(/^[^.]+\.(.+)\.(\d+)\.[^.]+$/) ?? [null, instance, null];
  return h(
    "li",
    { title: instance },
    h("span", { class: `state ${state}` }, words(state)),
    h("span", { class: "grow" }, service, h("span", { class: "muted" }, ` ${host}${pid ? ` · ${pid}` : ""}`)),
    h("span", { class: "muted" }, state === "missing" ? `heard ${relative(at)}` : `version ${version}`),
  );
}
