// Says whether what is shown is of now: the streams are up, and every question was answered lately. Says it aloud where not.

import { byId, say } from "/page/dom.js";
import { precise } from "/page/format.js";

/** How long an answer may take (api.js gives it up), and a little. */
const ANSWER_MS = 14_000;
const LOOK_MS = 1_000;
const NAMES = { live: "Live", connecting: "Connecting", offline: "Offline", late: "Delayed" };

export class Freshness {
  #streams = new Map();
  #questions = new Map();
  #answered = new Map();
  #timer = setInterval(() => this.#look(), LOOK_MS);

  constructor() {
    document.addEventListener("visibilitychange", this.#begin);
  }

  /** A stream's state. An attempt to connect again is no news: it stays offline until it is live. */
  stream(path, state) {
    if (state === "live") this.answered(path);
    if (state !== "connecting" || !this.#streams.has(path)) this.#streams.set(path, state);
    this.#look();
  }

  /** `what` is asked every so often from now on; that it was never answered counts as much as that it was long ago. */
  expect(what, every_ms) {
    if (this.#questions.get(what)?.every_ms !== every_ms) this.#questions.set(what, { every_ms, since: Date.now() });
  }

  /** `what` was answered just now. */
  answered(what) {
    this.#answered.set(what, Date.now());
  }

  stop() {
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#begin);
    say(byId("stale"), "");
  }

  // Nobody asks while the page is hidden: for whoever comes back to it, the wait for an answer begins now. When each was
  // answered does not change by that.
  #begin = () => {
    for (const question of this.#questions.values()) question.since = Date.now();
  };

  #look() {
    const state = this.#state();
    byId("freshness").dataset.state = state;
    say(byId("freshness-text"), NAMES[state]);
    say(byId("stale"), this.#sentence(state));
  }

  #state() {
    const streams = [...this.#streams.values()];
    const down = streams.find((state) => state === "offline") ?? streams.find((state) => state === "connecting");
    if (down) return down;
    return !document.hidden && this.#late().length > 0 ? "late" : "live";
  }

  // What should have been answered again by now.
  #late() {
    const waited_ms = (what, since) => Date.now() - Math.max(since, this.#answered.get(what) ?? 0);
    const late = [...this.#questions].filter(([what, { every_ms, since }]) => waited_ms(what, since) > every_ms + ANSWER_MS);
    return late.map(([what]) => what);
  }

  #sentence(state) {
    if (state === "live" || state === "connecting") return "";
    const why = state === "late" ? "Some answers do not come." : "The connection to the service is lost.";
    const at = state === "late" ? Math.min(...this.#late().map((what) => this.#answered.get(what))) : Math.max(...this.#answered.values());
    // Of what never came at all there is no such time.
    const known = Number.isFinite(at) ? ` What you see is of ${precise(new Date(at).toISOString())}.` : "";
    return `${why}${known} Trying again.`;
  }
}
