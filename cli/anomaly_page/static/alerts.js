// Alerts: what they say, how far off the value was, and what one can say to them.

import { h, s, name, plain } from "./dom.js";
import { DAYS, HOUR, age, count, moment, number, time } from "./format.js";

const BY = { function: "the detector", sweep: "the sweep", hand: "somebody, by hand" };

/** What was said of an alert: a shape and a word. */
export function stateOf(alert) {
  if (alert.false_alarm) return { state: "false", shape: "✕", word: "False alarm" };
  if (alert.acknowledged_ms !== null) return { state: "seen", shape: "✓", word: "Acknowledged" };
  return { state: "open", shape: "◆", word: "Open" };
}

/** The address of a series on this page. */
export function seriesLink(series, atMs) {
  const at = atMs === undefined || atMs === null ? "" : `&at=${atMs}`;
  return `#/series?name=${encodeURIComponent(series)}${at}`;
}

/** An alert as a card. `tell.say(what, alert)` and `tell.mute(series, until)` tell the server. */
export function alertCard(alert, now, tell, { withSeries = true } = {}) {
  const { state, shape, word } = stateOf(alert);
  const link = seriesLink(alert.series, alert.time_ms);
  const title = withSeries
    ? h("a", { href: link, "data-act": "open" }, name(alert.series))
    : h("a", { href: link, "data-act": "open", title: "Show it in the chart" }, time(alert.time_ms, now));
  return h(
    "li",
    { class: "alert", "data-state": state },
    h(
      "header",
      {},
      h("span", { class: "state", "data-state": state }, h("i", { "aria-hidden": "true" }, shape), word),
      alert.muted && h("span", { class: "chip", title: "It was not sent" }, "muted"),
      h("h3", {}, title),
      h("span", { class: "when" }, withSeries && [time(alert.time_ms, now), " · "], age(alert.time_ms, now)),
    ),
    h("div", { class: "told" }, h("p", {}, sentence(alert.reason)), bullet(alert)),
    h("footer", {}, said(alert, now), actions(alert, state, tell, withSeries)),
  );
}

function sentence(reason) {
  const text = plain(reason);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function said(alert, now) {
  const score = alert.score === null ? "no score" : `score ${alert.score.toFixed(1)}`;
  const raised = `raised by ${BY[alert.by] ?? plain(alert.by)}`;
  if (alert.acknowledged_ms === null) return h("p", { class: "aside" }, `${score} · ${raised}`);
  const who = h("bdi", {}, plain(alert.acknowledged_by ?? "somebody"));
  const what = alert.false_alarm ? "called false by " : "acknowledged by ";
  return h("p", { class: "aside" }, `${score} · ${what}`, who, `, ${moment(alert.acknowledged_ms, now)}`);
}

function actions(alert, state, { say, mute, now }, withMute) {
  const chosen = ({ currentTarget: select }) => {
    mute(alert.series, Math.round(now() + Number(select.value)));
    select.value = "";
  };
  const about = ` the alert of ${plain(alert.series)}`;
  return h(
    "div",
    { class: "actions" },
    state === "open" &&
      h(
        "button",
        { type: "button", class: "main", "data-act": "acknowledge", "aria-label": `Acknowledge${about}`, onclick: (event) => say("acknowledge", alert, event.currentTarget) },
        "Acknowledge",
      ),
    state !== "false" &&
      h(
        "button",
        {
          type: "button", "data-act": "false-alarm", "aria-label": `False alarm: ${about.trim()}`,
          title: "The series' next alerts must be rarer", onclick: (event) => say("false-alarm", alert, event.currentTarget),
        },
        "False alarm",
      ),
    withMute &&
      h(
        "select",
        { "aria-label": `Mute${about.replace("the alert of ", "")}`, "data-act": "mute", onchange: chosen },
        h("option", { value: "" }, "Mute…"),
        muteOptions(),
      ),
  );
}

const MUTES = [[HOUR, "for 1 hour"], [8 * HOUR, "for 8 hours"], [DAYS, "for 1 day"], [7 * DAYS, "for 1 week"], [3650 * DAYS, "until I end it"]];

/** For how long a series may be muted. */
export const muteOptions = () => MUTES.map(([ms, text]) => h("option", { value: ms }, text));

/** The value against its band: a hatched bar for the band, a tick for the expectation, a diamond. */
function bullet(alert) {
  const { value, expected, low, high } = alert;
  if ([value, expected, low, high].some((one) => one === null)) return null;
  const least = Math.min(value, low);
  const most = Math.max(value, high);
  if (!(most > least) || !Number.isFinite(most - least)) return null;
  const at = (one) => 8 + (184 * (one - least)) / (most - least);
  const label = `value ${number(value)}, expected ${number(expected)}, between ${number(low)} and ${number(high)}`;
  return s(
    "svg",
    { class: "bullet", viewBox: "0 0 200 22", role: "img", "aria-label": label },
    s("line", { class: "axis", x1: 4, x2: 196, y1: 11, y2: 11 }),
    s("rect", { class: "band", x: at(low), width: Math.max(2, at(high) - at(low)), y: 4, height: 14, rx: 2 }),
    s("path", { class: "hatch", d: hatch(at(low), at(high)) }),
    s("line", { class: "expected", x1: at(expected), x2: at(expected), y1: 2, y2: 20 }),
    s("path", { class: "strange", d: `M${at(value)} 4l7 7-7 7-7-7z` }),
  );
}

/** Slanted lines from one place to another. */
function hatch(from, to) {
  let path = "";
  for (let x = from + 4; x + 10 <= to; x += 6) path += `M${x.toFixed(1)} 18l7-14`;
  return path;
}

/** What the little drawings show. */
export const bulletKey = () => h("p", { class: "aside", "aria-hidden": "true" }, "◆ value · ▨ expected range · ❘ expected");

/** What stands where there are none. */
export function noAlerts(onlyOpen, series) {
  const what = onlyOpen ? "Nothing is open" : "No alerts";
  const more = series ? "in this series." : "in any series. New ones appear here by themselves.";
  return h("li", { class: "empty" }, h("b", { "aria-hidden": "true" }, "✓"), h("p", {}, `${what} ${more}`));
}

/** "3 open alerts". */
export const openAlerts = (many, more) => `${count(many)}${more ? "+" : ""}`;
