// Calls of the HTTP API. A refusal is thrown as a Problem, with what the service said.

const TIMEOUT_MS = 12_000;

export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? "the service cannot be reached");
    this.status = status;
    this.code = document.code ?? "unreachable";
    this.version = document.config_version ?? null;
  }
}

export class Api {
  #token;
  #signedOut;

  /** `signedOut` is called once the service no longer believes the token. */
  constructor(token, signedOut) {
    this.#token = token;
    this.#signedOut = signedOut;
  }

  get(path, parameters = {}) {
    const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null));
    return this.#call("GET", query.size ? `${path}?${query}` : path);
  }

  post(path, body, headers = {}) {
    return this.#call("POST", path, JSON.stringify(body), { "Content-Type": "application/json", ...headers });
  }

  delete(path) {
    return this.#call("DELETE", path);
  }

  async #call(method, path, body, headers = {}) {
    const response = await this.#fetch(method, path, body, headers);
    const document = await response.json().catch(() => null);
    if (response.ok && document !== null) return document;
    if (response.status === 401) this.#signedOut();
    throw new Problem(response.status, document ?? {});
  }

  async #fetch(method, path, body, headers) {
    try {
      return await fetch(path, {
        method,
        body,
        headers: { Authorization: `Bearer ${this.#token}`, ...headers },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        cache: "no-store",
      });
    } catch {
      throw new Problem(0, {});
    }
  }
}
