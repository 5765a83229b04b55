// How figures and times are written. Decimals stay the strings that the API sent: grouped, never rounded.

import { h } from "/page/dom.js";

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;
const TODAY = { hour: "2-digit", minute: "2-digit" };
const OTHER_DAY = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
const OTHER_YEAR = { ...OTHER_DAY, year: "numeric" };

/** "12345.60" as "12,345.60"; "–" for what is not there. */
export function grouped(decimal) {
  if (decimal === null || decimal === undefined) return "–";
  const [whole, fraction] = String(decimal).split(".");
  const digits = whole.replace(/\B(?=(\d{3})+$)/g, ",").replace("-", "−");
  return fraction === undefined ? digits : `${digits}.${fraction}`;
}

/** The exact sum of decimals; null where there are none. */
export function sum(decimals) {
  if (decimals.length === 0) return null;
  const places = Math.max(...decimals.map((decimal) => decimal.split(".")[1]?.length ?? 0));
  const units = (decimal) => {
    const [whole, fraction = ""] = decimal.split(".");
    return BigInt(whole + fraction.padEnd(places, "0"));
  };
  const digits = `${decimals.map(units).reduce((one, other) => one + other)}`.padStart(places + 1, "0");
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

/** A code of ours as words: "account_stale" as "Account stale". */
export const words = (code) => code.charAt(0).toUpperCase() + code.slice(1).replaceAll("_", " ");

/** "1 decision", "2 decisions". */
export const counted = (count, one, many = `${one}s`) => `${grouped(count)} ${count === 1 ? one : many}`;

/** A time in the reader's zone, short: without the day where it is today's. */
export function clock(iso) {
  const time = new Date(iso);
  return new Intl.DateTimeFormat(undefined, clockStyle(time)).format(time);
}

/** The same to the second, where it is today's. */
export function stamp(iso) {
  const time = new Date(iso);
  return isToday(time) ? new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(time) : clock(iso);
}

/** How long ago, or in how long: "just now", "5 min ago", "in 2 h". */
export function relative(iso, now = Date.now()) {
  const ahead_s = (new Date(iso).getTime() - now) / 1000;
  const length = span(ahead_s);
  return length === null ? ago(-ahead_s) : `in ${length}`;
}

/** The same of an age in seconds, by whose clock it may be. */
export function ago(seconds) {
  const length = span(Number(seconds));
  return length === null ? "just now" : `${length} ago`;
}

/** A length of time: "45 s", "5 min", "2 h", "3 d"; null below five seconds. */
export function span(seconds) {
  if (seconds < 5) return null;
  if (seconds < MINUTE_S) return `${Math.round(seconds)} s`;
  if (seconds < HOUR_S) return `${Math.round(seconds / MINUTE_S)} min`;
  if (seconds < 2 * DAY_S) return `${Math.round(seconds / HOUR_S)} h`;
  return `${Math.round(seconds / DAY_S)} d`;
}

/** A <time> that says the moment; hovered, in UTC. */
export const timeOf = (iso, text = clock(iso)) => h("time", { datetime: iso, title: iso.replace("T", " ").replace("Z", " UTC") }, text);

const isToday = (time) => time.toDateString() === new Date().toDateString();

function clockStyle(time) {
  if (isToday(time)) return TODAY;
  return time.getFullYear() === new Date().getFullYear() ? OTHER_DAY : OTHER_YEAR;
}
