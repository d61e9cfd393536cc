// The page: which view is shown, and keeping it true while the database changes.

import { alertCard, bulletKey, noAlerts, openAlerts } from "./alerts.js";
import { asked, get, now, post } from "./api.js";
import { Detail } from "./detail.js";
import { h, keyed, name, plain } from "./dom.js";
import { age, count, refreshAges } from "./format.js";
import { SeriesList } from "./series.js";
import { blankPanel, signIn } from "./states.js";

const EVERY_MS = 1000;
const SLOWEST_MS = 30_000;
const FEW_ALERTS = 50;
const MOST_ALERTS = 500;
const byId = (id) => document.getElementById(id);
const main = byId("main");
const list = new SeriesList(() => refresh());
const state = { paused: false, failures: 0, shown: null, detail: null, missing: null, moved: false, known: null, onlyOpen: true, limit: FEW_ALERTS, by: "" };
let timer = 0;
let flight = null;
let toastTimer = 0;

function routeOf() {
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  const wanted = new URLSearchParams(query ?? "");
  if (path === "/series" && wanted.has("name")) {
    const [at, from, to] = ["at", "from", "to"].map((key) => wanted.get(key) ?? "");
    const span = at || from || to ? "" : (wanted.get("span") ?? "recent");
    return { view: "series", series: wanted.get("name"), span, at, from, to };
  }
  return { view: path === "/list" ? "list" : "alerts" };
}

/** Ask for all that is shown, once; a newer wish cancels an older one. */
async function refresh() {
  clearTimeout(timer);
  flight?.abort();
  const mine = new AbortController();
  flight = mine;
  const route = routeOf();
  const began = performance.now();
  document.body.dataset.route = route.view;
  try {
    const [status, series] = await Promise.all([get("/api/status", mine.signal), get(asked("/api/series", list.query), mine.signal)]);
    if (mine !== flight) return;
    showStatus(status);
    list.show(series, route.series, now());
    if (route.view === "series" && status.series > 0) openSeries(route);
    const parts = await (route.view === "series" ? seriesParts(route, mine.signal) : alertParts(mine.signal));
    if (mine !== flight) return;
    if (status.series === 0) showBlank("no-series", "");
    else if (route.view === "series") showSeries(route, parts);
    else showAlerts(status, parts);
    state.failures = 0;
    showLive("live");
  } catch (error) {
    if (error.name === "AbortError" || mine !== flight) return;
    failed(error, route);
  }
  refreshAges(now());
  schedule(performance.now() - began);
}

/** Ask again soon; what took long to answer is asked for more seldom. */
function schedule(took = 0) {
  clearTimeout(timer);
  if (state.paused || document.hidden || state.shown === "sign-in") return;
  timer = setTimeout(refresh, Math.min(Math.max(EVERY_MS, 4 * took) * 2 ** Math.min(state.failures, 4), SLOWEST_MS));
}

const alertParts = (signal) => get(asked("/api/alerts", { open: state.onlyOpen ? 1 : 0, limit: state.limit }), signal);

async function seriesParts({ series, span, at, from, to }, signal) {
  return Promise.all([
    get(asked("/api/series/one", { name: series }), signal),
    get(asked("/api/chart", { series, span, at, from, to }), signal),
    get(asked("/api/alerts", { series, limit: 200 }), signal),
  ]);
}

function showStatus(status) {
  byId("database").textContent = plain(status.database);
  const open = openAlerts(status.open_alerts, status.open_alerts_are_more);
  byId("tab-open").textContent = open;
  document.title = status.open_alerts ? `(${open}) Millrace anomalies` : "Millrace anomalies";
  if (!state.by) {
    state.by = stored("millrace-by") ?? status.by;
    byId("by").value = state.by;
  }
}

function view(kind, make) {
  if (state.shown === kind) return;
  state.detail?.close();
  state.detail = null;
  make();
  state.shown = kind;
  if (state.moved) main.focus({ preventScroll: true }); // who followed a link reads on here
  state.moved = false;
}

function showBlank(code, message) {
  view(`${code} ${message}`, () => main.replaceChildren(blankPanel(code, message)));
}

function showAlerts(status, { alerts, more }) {
  view("alerts", () => main.replaceChildren(...alertsView()));
  const at = now();
  byId("tile-open").textContent = openAlerts(status.open_alerts, status.open_alerts_are_more);
  byId("tile-open").closest(".tile").dataset.state = status.open_alerts ? "open" : "seen";
  byId("tile-series").textContent = count(status.series);
  keyed(byId("tile-newest"), [["newest", status.newest_ms, () => h("span", {}, age(status.newest_ms || null, at))]]);
  keyed(
    byId("alerts"),
    alerts.length ? alerts.map((one) => [one.alert_id, one, () => alertCard(one, at, { say, mute, now })]) : [["none", state.onlyOpen, () => noAlerts(state.onlyOpen)]],
  );
  byId("more").hidden = !more || state.limit === MOST_ALERTS;
  byId("most").hidden = !more || state.limit < MOST_ALERTS;
  announce(alerts);
}

function alertsView() {
  const tile = (id, text) => h("div", { class: "tile" }, h("b", { id }, "–"), h("span", {}, text));
  const choice = (value, text) =>
    h("label", {}, h("input", { type: "radio", name: "which", value, checked: (value === "open") === state.onlyOpen, onchange: () => { state.onlyOpen = value === "open"; refresh(); } }), h("span", {}, text));
  return [
    h("h1", { class: "unseen" }, "Anomalies"),
    h("div", { class: "tiles" }, tile("tile-open", "open alerts"), tile("tile-series", "series"), tile("tile-newest", "last event")),
    h("div", { class: "heading" }, h("h2", {}, "Alerts"), bulletKey(), h("fieldset", { class: "spans" }, h("legend", { class: "unseen" }, "Which alerts"), choice("open", "Open"), choice("all", "All"))),
    h("ul", { class: "alerts", id: "alerts" }),
    h("button", { type: "button", id: "more", hidden: true, onclick: () => { state.limit = MOST_ALERTS; refresh(); } }, "Show older ones"),
    h("p", { class: "aside", id: "most", hidden: true }, `These are the newest ${MOST_ALERTS}. `, h("code", {}, "millrace anomalies list"), " has all."),
  ];
}

/** The frame of a series stands at once; its points may take a moment. */
function openSeries(route) {
  const { series } = route;
  if (state.missing === series) return;
  view(`series ${series}`, () => {
    state.detail = new Detail(main, series, { go, zoom, say, mute, sensitivity, now });
    scrollTo(0, 0);
  });
  state.detail.choose(route);
}

function showSeries(route, parts) {
  state.missing = null;
  openSeries(route);
  state.detail.show(...parts);
}

function go(series, span) {
  location.hash = `#/series?${new URLSearchParams({ name: series, span })}`;
}

/** Look into a span of time; never into less than a second. */
function zoom(series, from, to) {
  const wider = Math.max(0, 1000 - (to - from)) / 2;
  location.hash = `#/series?${new URLSearchParams({ name: series, from: Math.floor(from - wider), to: Math.ceil(to + wider) })}`;
}

/** Read new alerts out to those who do not see them come. */
function announce(alerts) {
  const open = new Map(alerts.filter((one) => one.acknowledged_ms === null).map((one) => [one.alert_id, one]));
  const fresh = state.known ? [...open.values()].filter((one) => !state.known.has(one.alert_id)) : [];
  if (fresh.length) byId("said").textContent = `New alert: ${plain(fresh[0].series)}, ${plain(fresh[0].reason)}${fresh.length > 1 ? `, and ${fresh.length - 1} more` : ""}`;
  state.known = new Set([...(state.known ?? []), ...open.keys()]);
}

function failed(error, route) {
  // A server that answers is asked as often as ever; one that does not, less and less.
  state.failures = error.code ? 0 : state.failures + 1;
  if (error.code === "sign-in") {
    showLive("closed", "Sign in");
    view("sign-in", () => main.replaceChildren(signIn(state.by, signedIn)));
  } else if (error.code === "no-such-series") {
    showLive("live");
    state.missing = route.series;
    showBlank(error.code, route.series);
  } else if (error.code === "database-busy" && state.shown) {
    showLive("waiting", "The database does not answer; trying again");
  } else if (error.code) {
    showLive("waiting", "Waiting for the database");
    showBlank(error.code, error.message);
  } else {
    showLive("lost", "No answer from the server; trying again");
  }
}

function signedIn(by) {
  if (by) remember(by);
  state.shown = null;
  refresh();
}

function showLive(kind, text) {
  const words = { live: "Live", paused: "Paused" };
  byId("live").dataset.state = state.paused && kind === "live" ? "paused" : kind;
  const line = text ?? (state.paused ? words.paused : words.live);
  if (byId("live-text").textContent !== line) byId("live-text").textContent = line;
}

/** Tell the server something, show what came of it, and say what went wrong. */
async function told(work, done) {
  try {
    await work();
    tell(done);
  } catch (error) {
    tell(error.code ? error.message : "The server does not answer: nothing was changed");
  }
  refresh();
}

/** Show a line for a while, and read it out. */
function tell(line) {
  const toast = byId("toast");
  byId("said").textContent = line;
  toast.textContent = line;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.hidden = true; }, 5000);
}

function say(what, alert, button) {
  for (const one of button.parentElement.children) one.disabled = true;
  const words = what === "acknowledge" ? "Acknowledged" : "Noted as a false alarm";
  return told(() => post(`/api/alerts/${what}`, { alert_id: alert.alert_id, by: state.by }), words)
    .finally(() => { for (const one of button.parentElement?.children ?? []) one.disabled = false; });
}

const mute = (series, until_ms) => settle("mute", { series, until_ms }, until_ms === null ? "The mute ended" : `Muted: ${plain(series)}`);
const sensitivity = (series, value) => settle("sensitivity", { series, sensitivity: value }, `Sensitivity ${value}`);

function settle(what, body, done) {
  document.activeElement?.blur();
  return told(() => post(`/api/series/${what}`, body), done);
}

function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage may be closed to pages
  }
}

function store(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // as above: it holds for this visit
  }
}

function remember(by) {
  state.by = by;
  byId("by").value = by;
  store("millrace-by", by);
}

byId("by").addEventListener("change", (event) => event.target.value.trim() && remember(event.target.value.trim()));
byId("pause").addEventListener("click", () => {
  state.paused = !state.paused;
  byId("pause").setAttribute("aria-pressed", String(state.paused));
  byId("pause").textContent = state.paused ? "Go on" : "Pause";
  showLive("live");
  if (!state.paused) refresh();
});
byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  store("millrace-theme", root.dataset.theme);
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names what is shown, not where
  main.focus();
});
addEventListener("hashchange", () => {
  state.moved = true;
  refresh();
});
document.addEventListener("visibilitychange", () => !document.hidden && !state.paused && refresh());
setInterval(() => refreshAges(now()), 1000);
refresh();
