// Who is signed in. The token lives in this tab's session storage: never in a URL, gone with the tab.

const KEY = "lotwise.token";

/** The session of a token; null for what is no token. Nothing is verified here, not even its end: the service does that, each time. */
export function readSession(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims.sub !== "string") return null;
    return { token, user: claims.sub, isOwner: claims.role === "owner", role: claims.role };
  } catch {
    return null;
  }
}

export function keptSession() {
  const token = sessionStorage.getItem(KEY);
  return token === null ? null : readSession(token);
}

export const keep = (session) => sessionStorage.setItem(KEY, session.token);

export const forget = () => sessionStorage.removeItem(KEY);
