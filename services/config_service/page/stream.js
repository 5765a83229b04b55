// A live stream: connects, shows the token, and connects again for as long as it is wanted.

const UNAUTHORIZED = 4401;
const WAIT_FIRST_MS = 500;
const WAIT_MAX_MS = 10_000;
const CONNECT_MAX_MS = 8_000;

export class Stream {
  #path;
  #token;
  #hears;
  #socket = null;
  #timer = 0;
  #failures = 0;
  #isWanted = true;

  /** `hears`: told(document), state("connecting" | "live" | "offline", retryAt), signedOut(). */
  constructor(path, token, hears) {
    this.#path = path;
    this.#token = token;
    this.#hears = hears;
    window.addEventListener("online", this.#atOnce);
    document.addEventListener("visibilitychange", this.#atOnce);
    this.#connect();
  }

  close() {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    window.removeEventListener("online", this.#atOnce);
    document.removeEventListener("visibilitychange", this.#atOnce);
    this.#socket?.close();
  }

  #connect() {
    this.#hears.state("connecting");
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${this.#path}`);
    const givingUp = setTimeout(() => socket.close(), CONNECT_MAX_MS);
    socket.addEventListener("open", () => socket.send(JSON.stringify({ token: this.#token })));
    socket.addEventListener("message", (event) => {
      clearTimeout(givingUp);
      this.#failures = 0;
      this.#hears.state("live");
      this.#hears.told(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      clearTimeout(givingUp);
      this.#lost(event.code);
    });
    this.#socket = socket;
  }

  #lost(code) {
    this.#socket = null;
    if (!this.#isWanted) return;
    if (code === UNAUTHORIZED) {
      this.#hears.signedOut();
      return;
    }
    // Half of each wait is chance, so that not every page comes back in the same moment.
    const most = Math.min(WAIT_FIRST_MS * 2 ** this.#failures, WAIT_MAX_MS);
    const wait = most / 2 + (Math.random() * most) / 2;
    this.#failures += 1;
    this.#hears.state("offline", Date.now() + wait);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #atOnce = () => {
    if (this.#socket !== null || !this.#isWanted || document.hidden) return;
    clearTimeout(this.#timer);
    this.#connect();
  };
}
