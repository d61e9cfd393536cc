// One series: its chart, what it is set to, its episodes and alerts.

import { alertCard, muteOptions, noAlerts } from "./alerts.js";
import { Chart } from "./chart.js";
import { h, keyed, name, plain } from "./dom.js";
import { legend } from "./drawing.js";
import { DAYS, age, count, length, moment, number, quantity, time } from "./format.js";

const SPANS = [["recent", "Recent"], ["1h", "1 h"], ["6h", "6 h"], ["1d", "1 d"], ["1w", "7 d"], ["30d", "30 d"], ["all", "All"]];
const SENSITIVITIES = [[0.1, "0.1 – far fewer alerts"], [0.25, "0.25"], [0.5, "0.5 – fewer"], [1, "1 – as usual"], [2, "2 – more"], [4, "4"], [10, "10 – far more alerts"]];
const FOR_EVER = 1000 * DAYS;

export class Detail {
  constructor(host, series, tell) {
    this.tell = tell; // { go, say, mute, sensitivity, now }
    this.series = series;
    this.facts = h("dl", { class: "facts" });
    this.badges = h("div", { class: "badges" });
    this.figure = h("figure", { class: "chart" });
    this.chart = new Chart(this.figure, (from, to) => tell.zoom(series, from, to));
    this.notes = h("p", { class: "aside notes" });
    this.legend = h("div", {});
    this.alerts = h("ul", { class: "alerts" });
    this.episodes = h("tbody", {});
    this.flagged = h("tbody", {});
    this.settings = h("div", { class: "settings" });
    host.replaceChildren(
      h("a", { class: "back", href: "#/" }, "← All alerts"),
      h("div", { class: "title" }, h("h1", { id: "title" }, name(series)), this.badges),
      this.facts,
      h("section", { class: "panel", "aria-label": "Chart" }, this.#spans(), this.figure, this.legend, this.notes, this.#points()),
      h("section", { class: "panel", "aria-label": "Settings" }, h("h2", {}, "How it alerts"), this.settings),
      h("section", { "aria-label": "Alerts" }, h("h2", {}, "Alerts of this series"), this.alerts),
      h("section", { class: "panel", "aria-label": "Episodes" }, h("h2", {}, "Episodes"), this.#episodeTable()),
    );
  }

  close() {
    this.chart.close();
  }

  /** Show which span was chosen: one of those offered, or that of the address (`own`). */
  choose({ span, at, from, to }) {
    const own = Boolean(at || from || to);
    const wanted = own ? `${at} ${from} ${to}` : span;
    if (wanted === this.chosen) return;
    if (at && this.chosen !== undefined) this.figure.scrollIntoView({ block: "center" });
    this.chosen = wanted;
    this.figure.classList.add("busy");
    if (!this.drawn) this.notes.textContent = "Reading points …";
    for (const input of this.spans.querySelectorAll("input")) input.checked = input.value === (own ? "own" : span);
    const chip = this.spans.querySelector("[data-own]");
    chip.hidden = !own;
    chip.querySelector("span").textContent = at ? "Around the alert" : "Zoomed";
  }

  /** Show what the server told; what is the same as before is left alone. */
  show(view, chart, alerts) {
    const now = this.tell.now();
    if (view !== this.view || chart !== this.drawn) this.#showView(view, chart, now);
    if (alerts !== this.told) {
      keyed(
        this.alerts,
        alerts.alerts.length
          ? alerts.alerts.map((one) => [one.alert_id, one, () => alertCard(one, now, this.tell, { withSeries: false })])
          : [["none", 0, () => noAlerts(false, this.series)]],
      );
    }
    if (chart !== this.drawn || alerts !== this.told) {
      // An episode has the id of its alert, which may be too old for the list below.
      const raised = new Set([...alerts.alerts.map((one) => one.alert_id), ...chart.episodes.map((one) => one.episode_id)]);
      this.chart.set(chart, raised);
      this.#showChart(chart, raised, now);
    }
    [this.view, this.drawn, this.told] = [view, chart, alerts];
  }

  #showView(view, chart, now) {
    const muted = view.muted_until_ms !== null && view.muted_until_ms > now;
    this.badges.replaceChildren(
      ...(view.open_alerts ? [h("span", { class: "state", "data-state": "open" }, h("i", { "aria-hidden": "true" }, "◆"), `${count(view.open_alerts)} open`)] : []),
      ...(muted ? [h("span", { class: "chip" }, "muted")] : []),
    );
    const fact = (term, ...what) => h("div", {}, h("dt", {}, term), h("dd", {}, what));
    this.facts.replaceChildren(
      fact("Last value", number(view.last_value)),
      fact("Last event", age(view.newest_ms ?? chart.time_ms.at(-1), now)),
      fact("Events", count(view.events)),
      fact("Late", count(view.late)),
      fact("False alarms", count(view.false_alarms)),
    );
    if (!this.settings.contains(document.activeElement)) this.settings.replaceChildren(...this.#settings(view, muted, now));
  }

  #spans() {
    const choose = (event) => this.tell.go(this.series, event.currentTarget.value);
    const choice = ([value, text]) =>
      h("label", { "data-own": value === "own" }, h("input", { type: "radio", name: "span", value, onchange: choose }), h("span", {}, text));
    this.spans = h("fieldset", { class: "spans" }, h("legend", { class: "unseen" }, "Span of time"), [["own", ""], ...SPANS].map(choice));
    return this.spans;
  }

  #showChart(chart, raised, now) {
    this.figure.classList.remove("busy");
    this.legend.replaceChildren(legend(chart));
    this.figure.classList.toggle("blank", chart.points === 0);
    const notes = [];
    if (chart.points) notes.push(quantity(chart.points, "point"));
    if (chart.time_ms.length < chart.points) notes.push(`${count(chart.time_ms.length)} drawn: of each column the first, last, lowest and highest, and every flagged one`);
    if (!chart.complete) notes.push("older ones are left out: choose a shorter span");
    if (chart.points && !chart.low.some((one) => one !== null)) notes.push("no range yet: the first values of a series are not judged");
    if (!chart.points) notes.push("There are no points in this span.");
    if (chart.points) notes.push(`times of ${Intl.DateTimeFormat().resolvedOptions().timeZone}`);
    this.notes.textContent = notes.join(" · ");
    keyed(this.flagged, chart.flagged.slice(-200).reverse().map((one) => [one.id, [one, raised.has(one.id)], () => flaggedRow(chart, one, raised.has(one.id), now)]));
    keyed(this.episodes, chart.episodes.slice(-200).reverse().map((one) => [one.episode_id, one, () => episodeRow(one, now)]));
    this.episodes.closest("section").hidden = chart.episodes.length === 0;
  }

  #points() {
    const head = ["Time", "Value", "Expected", "Range", "Score", "Why"].map((one) => h("th", { scope: "col" }, one));
    return h(
      "details",
      {},
      h("summary", {}, "Flagged points as a table"),
      h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Flagged points" }, h("table", {}, h("thead", {}, h("tr", {}, head)), this.flagged)),
    );
  }

  #episodeTable() {
    const head = ["Began", "Lasted", "Strange points", "Peak", "Peak score"].map((one) => h("th", { scope: "col" }, one));
    return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Episodes" }, h("table", {}, h("thead", {}, h("tr", {}, head)), this.episodes));
  }

  #settings(view, muted, now) {
    return [this.#sensitivity(view), this.#mute(view, muted, now)];
  }

  #sensitivity(view) {
    const known = SENSITIVITIES.some(([value]) => value === view.sensitivity);
    const options = known ? SENSITIVITIES : [[view.sensitivity, String(view.sensitivity)], ...SENSITIVITIES];
    const select = h(
      "select",
      { id: "sensitivity", onchange: (event) => this.tell.sensitivity(this.series, Number(event.currentTarget.value)) },
      options.map(([value, text]) => h("option", { value, selected: value === view.sensitivity }, text)),
    );
    return h("div", {}, h("label", { for: "sensitivity" }, "Sensitivity"), select, h("p", { class: "aside" }, "At 2, what is twice as common alerts; at 0.5 only what is twice as rare."));
  }

  #mute(view, muted, now) {
    if (muted) {
      const until = view.muted_until_ms - now > FOR_EVER ? "until somebody ends it" : ["until ", time(view.muted_until_ms, now)];
      return h(
        "div",
        {},
        h("span", { class: "label" }, "Muted"),
        h("button", { type: "button", "data-act": "unmute", onclick: () => this.tell.mute(this.series, null) }, "End the mute"),
        h("p", { class: "aside" }, "Alerts are kept and not sent ", until, "."),
      );
    }
    const choose = (event) => event.currentTarget.value && this.tell.mute(this.series, Math.round(now + Number(event.currentTarget.value)));
    return h(
      "div",
      {},
      h("label", { for: "mute" }, "Mute"),
      h("select", { id: "mute", onchange: choose }, h("option", { value: "" }, "not muted"), muteOptions()),
      h("p", { class: "aside" }, "Alerts of a muted series are kept, and not sent."),
    );
  }
}

function flaggedRow(chart, { at, reason }, alert, now) {
  const range = chart.low[at] === null ? "–" : `${number(chart.low[at])} to ${number(chart.high[at])}`;
  const score = chart.score[at] === null ? "–" : chart.score[at].toFixed(2);
  return h("tr", {}, h("td", {}, alert ? "▼ alert, " : "◆ ", time(chart.time_ms[at], now)), h("td", {}, number(chart.value[at])), h("td", {}, number(chart.expected[at])), h("td", {}, range), h("td", {}, score), h("td", { class: "why" }, plain(reason)));
}

function episodeRow(one, now) {
  const lasted = one.end_ms > one.start_ms ? length(one.end_ms - one.start_ms) : "one point";
  return h("tr", {}, h("td", {}, time(one.start_ms, now)), h("td", {}, lasted), h("td", {}, count(one.strange_points)), h("td", {}, `${number(one.peak_value)}, ${moment(one.peak_ms, now)}`), h("td", {}, one.peak_score.toFixed(2)));
}
