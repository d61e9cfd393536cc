// What a chart is drawn of: scale, axes, band, line, marks, episodes, and the legend of all that.

import { h, s } from "./dom.js";
import { DAYS, HOUR, MINUTE, exact, labels, tick } from "./format.js";

const EDGE = { right: 14, top: 26, bottom: 46 };
const DIGIT = 7.4; // the width of one, at the size of the axis
const STEPS = [
  1000, 5000, 15_000, 30_000, MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR,
  12 * HOUR, DAYS, 2 * DAYS, 7 * DAYS, 14 * DAYS, 30 * DAYS, 91 * DAYS, 365 * DAYS,
];

/** Where a time and a value are drawn. */
export function scaleOf(data, width, height) {
  const { right, top } = EDGE;
  const bottom = height - EDGE.bottom;
  let [start, end] = [data.time_ms[0], data.time_ms.at(-1)];
  if (start === end) [start, end] = [start - 1000, end + 1000];
  const [least, most] = reachOf(data);
  const values = niceTicks(least, most, 5);
  const texts = labels(values, values.length > 1 ? values[1] - values[0] : most - least);
  const left = 16 + DIGIT * Math.max(3, ...texts.map((text) => text.length));
  const plotWidth = width - left - right;
  return {
    width, height, left, top, bottom, plotWidth, start, end, values, texts,
    x: (ms) => left + (plotWidth * (ms - start)) / (end - start),
    y: (value) => bottom - ((bottom - top) * (value - least)) / (most - least),
  };
}

/** From the lowest to the highest of what is drawn; a band that is far wider than all values is cut. */
function reachOf(data) {
  const extreme = (list, least, most) => {
    for (const value of list) {
      if (value === null) continue;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    return [least, most];
  };
  const [lowest, highest] = extreme(data.value, Infinity, -Infinity);
  const slack = highest - lowest || Math.abs(highest) || 1;
  const [bandLow] = extreme(data.low, lowest, highest);
  const [, bandHigh] = extreme(data.high, lowest, highest);
  const least = Math.max(bandLow, lowest - slack);
  const most = Math.min(bandHigh, highest + slack);
  const edge = (most - least || slack) * 0.07;
  return [least - edge, most + edge];
}

function niceTicks(least, most, wanted) {
  const raw = (most - least) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= raw) ?? raw;
  const ticks = [];
  for (let i = Math.ceil(least / step); i * step <= most && ticks.length < 20; i += 1) ticks.push(i * step);
  return ticks;
}

function timeTicks(start, end, wanted) {
  const step = STEPS.find((one) => (end - start) / one <= wanted) ?? (end - start) / wanted;
  // Steps begin at midnight of the zone in which they are shown.
  const zone = new Date(start).getTimezoneOffset() * MINUTE;
  const ticks = [];
  for (let at = Math.ceil((start - zone) / step) * step + zone; at <= end && ticks.length < 40; at += step) ticks.push(at);
  return [ticks, step];
}

/** Lines and labels: values at the left, times below. */
export function axes({ x, y, left, bottom, width, plotWidth, start, end, values, texts }) {
  const [times, step] = timeTicks(start, end, Math.max(2, plotWidth / 90));
  const right = left + plotWidth;
  return s(
    "g",
    { class: "axes" },
    values.map((value, i) =>
      s("g", {}, s("line", { x1: left, x2: right, y1: y(value), y2: y(value) }), s("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, texts[i])),
    ),
    times.map((at) =>
      s("g", {}, s("line", { class: "tick", x1: x(at), x2: x(at), y1: bottom, y2: bottom + 5 }), s("text", { x: Math.min(Math.max(x(at), left + 14), width - 26), y: bottom + 38, "text-anchor": "middle" }, tick(at, step))),
    ),
    s("line", { class: "base", x1: left, x2: right, y1: bottom, y2: bottom }),
  );
}

/** Hatches: they tell a band and an episode apart without colour. */
export function patterns() {
  const hatch = (id, size, path) =>
    s("pattern", { id, width: size, height: size, patternUnits: "userSpaceOnUse" }, s("path", { d: path, class: id }));
  return s("defs", {}, hatch("hatch-band", 6, "M-1 7L7 -1M-1 1L1 -1M5 7L7 5"), hatch("hatch-episode", 5, "M0 0V5M2.500 0V5"));
}

/** Nothing of line and band is drawn outside of the axes. */
export const clip = ({ left, top, plotWidth, bottom }) =>
  s("clipPath", { id: "inside" }, s("rect", { x: left, y: top, width: plotWidth, height: bottom - top }));

/** Runs of points without a gap and with what `has` asks for. */
function runs(data, has) {
  const gaps = new Set(data.gaps);
  const found = [];
  let run = [];
  for (let i = 0; i < data.time_ms.length; i += 1) {
    if (gaps.has(i) || !has(i)) {
      if (run.length) found.push(run);
      run = [];
    }
    if (has(i)) run.push(i);
  }
  if (run.length) found.push(run);
  return found;
}

const path = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

/** The expected range of each point, hatched, with the expectation in it. */
export function band(data, { x, y }) {
  const place = (list) => (i) => [x(data.time_ms[i]), y(list[i])];
  const bands = runs(data, (i) => data.low[i] !== null && data.high[i] !== null);
  const edge = (list) => bands.map((run) => s("path", { class: "band-edge", d: path(run.map(place(list))) }));
  return s(
    "g",
    { class: "band" },
    bands.map((run) => {
      const outline = `${path([...run.map(place(data.high)), ...run.map(place(data.low)).reverse()])}Z`;
      return [s("path", { class: "band-tint", d: outline }), s("path", { class: "band-hatch", d: outline })];
    }),
    edge(data.low),
    edge(data.high),
    runs(data, (i) => data.expected[i] !== null).map((run) => s("path", { class: "expected", d: path(run.map(place(data.expected))) })),
  );
}

/** The values; broken at gaps, and without late ones. */
export function line(data, { x, y }, late) {
  return runs(data, (i) => !late.has(i)).map((run) =>
    run.length === 1
      ? s("circle", { class: "alone", cx: x(data.time_ms[run[0]]), cy: y(data.value[run[0]]), r: 2 })
      : s("path", { class: "line", d: path(run.map((i) => [x(data.time_ms[i]), y(data.value[i])])) }),
  );
}

/** Diamonds, pins with their stems, and rings. */
export function marks(data, { x, y, top, bottom, plotWidth }, alerts, late) {
  const size = data.flagged.length > plotWidth / 12 ? 4 : 6;
  const group = s("g", { class: "marks" });
  for (const i of late) group.append(s("circle", { class: "late", cx: x(data.time_ms[i]), cy: y(data.value[i]), r: 3.5 }));
  for (const { at, id } of data.flagged) {
    const [px, py] = [x(data.time_ms[at]), y(data.value[at])];
    if (alerts.has(id)) {
      group.append(
        s("line", { class: "stem", x1: px, x2: px, y1: top - 4, y2: bottom }),
        s("path", { class: "pin", d: `M${px} ${top - 2}l-8 -13h16z` }, s("title", {}, `alert, ${exact(data.time_ms[at])}`)),
      );
    }
    group.append(s("path", { class: "flag", d: `M${px} ${py - size}l${size} ${size}-${size} ${size}-${size}-${size}z` }));
  }
  return group;
}

/** Brackets under the axis, from the first to the last strange point. */
export function episodes(list, { x, left, plotWidth, top, bottom }) {
  const [least, most] = [left, left + plotWidth];
  return s(
    "g",
    { class: "episodes" },
    list.map((one) => {
      if (x(one.end_ms) < least || x(one.start_ms) > most) return null;
      const from = Math.max(least, x(one.start_ms));
      const to = Math.min(most, Math.max(x(one.end_ms), from + 5));
      return s(
        "g",
        {},
        s("rect", { class: "span", x: from, width: to - from, y: top, height: bottom - top }),
        s("rect", { class: "bar", x: from, width: to - from, y: bottom + 9, height: 8 }),
        s("path", { class: "bracket", d: `M${from} ${bottom + 7}v12M${to} ${bottom + 7}v12` }),
      );
    }),
  );
}

/** What each shape means. */
export function legend(data) {
  const sign = (...shapes) => s("svg", { viewBox: "0 0 26 16", width: 26, height: 16, "aria-hidden": "true" }, shapes);
  const item = (shape, text) => h("li", {}, shape, text);
  return h(
    "ul",
    { class: "legend", "aria-label": "What is drawn" },
    item(sign(s("path", { class: "line", d: "M1 11l7-6 7 7 10-8" })), data.of_rate ? "rate per second (it is a counter)" : "value"),
    item(sign(s("path", { class: "expected", d: "M1 8h24" })), "expected"),
    item(sign(s("rect", { class: "swatch", x: 1, y: 2, width: 24, height: 12 }), s("path", { class: "swatch-lines", d: "M3 14L15 2M9 14L21 2M15 14L25 4" })), "expected range"),
    item(sign(s("path", { class: "flag", d: "M13 2l6 6-6 6-6-6z" })), "flagged point"),
    item(sign(s("path", { class: "pin", d: "M13 14l-7-11h14z" })), "alert"),
    item(sign(s("rect", { class: "bar", x: 3, y: 4, width: 20, height: 8 }), s("path", { class: "bracket", d: "M3 1v14M23 1v14" })), "episode"),
    data.late.length > 0 && item(sign(s("circle", { class: "late", cx: 13, cy: 8, r: 4 })), "late, not judged"),
  );
}
