// Says whether what is shown is of now: the streams are up, and every question was answered lately. Says it aloud where not,
// and what it is that fails: the streams alone, some answers, or the connection.

import { byId, say } from "/page/dom.js";
import { stamp } from "/page/format.js";

/** How long an answer may take (api.js gives it up), and a little. */
const ANSWER_MS = 14_000;
const LOOK_MS = 1_000;
const NAMES = { live: "Live", connecting: "Connecting", polled: "Delayed", late: "Delayed", offline: "Offline" };

export class Freshness {
  #streams = new Map();
  #questions = new Map();
  #answered = new Map();
  #unreached = 0;
  #timer = setInterval(() => this.#look(), LOOK_MS);

  constructor() {
    document.addEventListener("visibilitychange", this.#begin);
  }

  /** A stream's state. An attempt to connect again is no news: it stays offline until it is live. */
  stream(path, state) {
    if (state === "live") this.answered(path);
    const known = this.#streams.get(path);
    if (known?.state === state || (known && state === "connecting")) return;
    // What never was live is down since it was first tried.
    this.#streams.set(path, { state, since: known?.state === "connecting" ? known.since : Date.now() });
    // That one is down is told by the next look: where all go down, they do so one after the other.
    if (state === "live") this.#look();
  }

  /** `what` is asked every so often from now on; that it was never answered counts as much as that it was long ago. */
  expect(what, every_ms) {
    if (this.#questions.get(what)?.every_ms !== every_ms) this.#questions.set(what, { every_ms, since: Date.now() });
  }

  /** `what` was answered just now. */
  answered(what) {
    this.#answered.set(what, Date.now());
  }

  /** Nobody was there to answer, just now. */
  unreachable() {
    this.#unreached = Date.now();
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
    byId("stale").dataset.state = state;
    say(byId("freshness-text"), NAMES[state]);
    say(byId("stale"), this.#sentence(state));
  }

  #state() {
    const down = [...this.#streams.values()].filter(({ state }) => state !== "live");
    if (down.every(({ state }) => state === "connecting") && down.length > 0) return "connecting";
    if (down.length === this.#streams.size && down.length > 0) {
      const since = Math.max(...down.map((stream) => stream.since));
      if (this.#newest() < since) return this.#unreached > since ? "offline" : "connecting";
      if (this.#isQuiet()) return "offline";
    }
    if (this.#late().length > 0) return "late";
    return down.length > 0 ? "polled" : "live";
  }

  // When anything at all was answered or told last.
  #newest() {
    return Math.max(0, ...this.#answered.values());
  }

  // Not even what is asked most often was answered lately.
  #isQuiet() {
    const questions = [...this.#questions.values()];
    const waited_ms = Date.now() - Math.max(this.#newest(), ...questions.map(({ since }) => since));
    return !document.hidden && waited_ms > Math.min(...questions.map(({ every_ms }) => every_ms)) + ANSWER_MS;
  }

  // What should have been answered again by now.
  #late() {
    if (document.hidden) return [];
    const waited_ms = (what, since) => Date.now() - Math.max(since, this.#answered.get(what) ?? 0);
    const late = [...this.#questions].filter(([what, { every_ms, since }]) => waited_ms(what, since) > every_ms + ANSWER_MS);
    return late.map(([what]) => what);
  }

  #sentence(state) {
    if (state === "live" || state === "connecting") return "";
    // Without a time: what is spoken is not to change with every answer.
    if (state === "polled") return "Live updates are off. What you see is asked for every few seconds instead.";
    const why = state === "late" ? "Some answers do not come." : "The connection to the service is lost.";
    const at = state === "late" ? Math.min(...this.#late().map((what) => this.#answered.get(what))) : this.#newest();
    // Of what never came at all there is no such time.
    const known = at > 0 ? ` What you see is of ${stamp(new Date(at).toISOString())}.` : "";
    return `${why}${known} Trying again.`;
  }
}
