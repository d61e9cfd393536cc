// Numbers and times for people. Times are shown in the browser's zone, and in full as a title.

import { h } from "./dom.js";

const NUMBER = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 });
const LARGE = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const WHOLE = new Intl.NumberFormat("en");
const TINY = new Intl.NumberFormat("en", { notation: "scientific", maximumSignificantDigits: 7 });
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };
const DAY = { day: "numeric", month: "short" };
const STEPS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAYS = 24 * HOUR;

/** A value of a series. */
export function number(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0"; // and never -0
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e12) return TINY.format(value).replace("E", "e");
  return (size < 1000 ? NUMBER : LARGE).format(value);
}

/** Labels of an axis, with as many digits as tell its ticks apart. */
export function labels(ticks, step) {
  const largest = Math.max(...ticks.map(Math.abs));
  if (largest < 1e12 && step >= 1e-6) {
    const format = new Intl.NumberFormat("en", { maximumFractionDigits: Math.max(0, 1 - Math.floor(Math.log10(step))) });
    return ticks.map((tick) => (tick === 0 ? "0" : format.format(tick)));
  }
  const digits = Math.min(15, Math.max(1, 2 + Math.ceil(Math.log10(largest / step))));
  const format = new Intl.NumberFormat("en", { notation: "scientific", maximumSignificantDigits: digits });
  return ticks.map((tick) => (tick === 0 ? "0" : format.format(tick).replace("E", "e")));
}

/** A count. */
export const count = (value) => WHOLE.format(value);

/** A count with its unit. */
export const quantity = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** A length of time in its largest unit, or two. */
export function length(ms) {
  let left = Math.round(Math.abs(ms) / 1000);
  if (left === 0) return "0 s";
  const parts = [];
  for (const [size, unit] of STEPS) {
    if (left >= size && parts.length < 2) parts.push(`${Math.floor(left / size)} ${unit}`);
    left %= size;
  }
  return parts.slice(0, left >= 10 * 86400 ? 1 : 2).join(" ");
}

/** How long ago, in one unit. */
export function ago(ms, now) {
  const passed = now - ms;
  if (Math.abs(passed) < 1500) return "now";
  const seconds = Math.abs(passed) / 1000;
  const [size, unit] = STEPS.find(([step]) => seconds >= step) ?? [1, "s"];
  const text = `${Math.floor(seconds / size)} ${unit}`;
  return passed > 0 ? `${text} ago` : `in ${text}`;
}

const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();

/** A moment: with its day where that is not today's, with its year where that is not this one. */
export function moment(ms, now = Date.now()) {
  const at = new Date(ms);
  const year = at.getFullYear() === new Date(now).getFullYear() ? {} : { year: "numeric" };
  const day = sameDay(ms, now) ? {} : { ...DAY, ...year };
  return at.toLocaleString("en-GB", { ...day, ...CLOCK });
}

/** A moment in UTC, exactly. */
export const exact = (ms) => (Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : String(ms));

/** A time element. */
export function time(ms, now) {
  if (ms === null || ms === undefined) return h("span", {}, "no time");
  return h("time", { datetime: exact(ms), title: exact(ms) }, moment(ms, now));
}

/** "3 min ago", kept true by `refreshAges`. */
export function age(ms, now) {
  if (ms === null || ms === undefined) return h("span", {}, "–");
  return h("time", { datetime: exact(ms), title: exact(ms), "data-age": ms }, ago(ms, now));
}

/** Bring every age on the page to the present. */
export function refreshAges(now) {
  for (const element of document.querySelectorAll("[data-age]")) {
    const text = ago(Number(element.dataset.age), now);
    if (element.textContent !== text) element.textContent = text;
  }
}

/** A label of the time axis, fit for the distance of its ticks. */
export function tick(ms, step) {
  const at = new Date(ms);
  if (step >= 300 * DAYS) return String(at.getFullYear());
  if (step >= DAYS || (at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0)) {
    return at.toLocaleDateString("en-GB", step >= 27 * DAYS ? { month: "short", year: "2-digit" } : DAY);
  }
  const { second, ...short } = CLOCK;
  return at.toLocaleTimeString("en-GB", step < MINUTE ? { ...short, second } : short);
}
