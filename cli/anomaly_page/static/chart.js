// The chart of a series, drawn as SVG: line, hatched band, dashed expectation, diamonds for flagged
// points, pins for alerts, brackets for episodes. Everything has a shape, so that none needs colour.

import { h, s } from "./dom.js";
import { axes, band, clip, episodes, line, marks, patterns, scaleOf } from "./drawing.js";
import { moment, number } from "./format.js";

/** A chart in an element, which follows the element's width. */
export class Chart {
  constructor(host, zoom) {
    this.zoom = zoom; // called with two times
    this.at = null; // the point under the cursor
    this.pressed = null; // where a mouse began to choose a span
    this.data = null;
    this.readout = h("div", { class: "readout", hidden: true });
    this.canvas = h("div", {
      class: "canvas", tabindex: "0", role: "slider", "aria-label": "Points of the series",
      onkeydown: (event) => this.#key(event),
      onpointermove: (event) => this.#point(event),
      onpointerdown: (event) => this.#press(event),
      onpointerup: (event) => this.#release(event),
      onpointerleave: () => this.pressed === null && this.#show(null),
      onblur: () => this.#show(null),
      onfocus: () => this.at === null && this.data?.time_ms.length && this.canvas.matches(":focus-visible") && this.#show(this.data.time_ms.length - 1),
    });
    host.append(this.canvas, this.readout);
    this.watcher = new ResizeObserver(() => this.#draw());
    this.watcher.observe(this.canvas);
  }

  /** Draw other data, `alerts` by the ids of their points. */
  set(data, alerts) {
    const time = this.at === null ? null : this.data.time_ms[this.at];
    this.data = data;
    this.alerts = alerts;
    this.flagged = new Map(data.flagged.map((one) => [one.at, one]));
    this.late = new Set(data.late);
    this.at = time === null ? null : nearest(data.time_ms, time);
    this.#draw();
  }

  close() {
    this.watcher.disconnect();
  }

  #draw() {
    const width = Math.floor(this.canvas.clientWidth);
    if (!this.data?.time_ms.length || width < 120) return;
    const height = width < 560 ? 260 : 340;
    this.scale = scaleOf(this.data, width, height);
    const svg = s(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
      patterns(),
      axes(this.scale),
      episodes(this.data.episodes, this.scale),
      s("g", { "clip-path": "url(#inside)" }, band(this.data, this.scale), line(this.data, this.scale, this.late)),
      marks(this.data, this.scale, this.alerts, this.late),
      s("g", { class: "cursor" }),
    );
    svg.querySelector("defs").append(clip(this.scale));
    this.canvas.replaceChildren(svg);
    this.canvas.setAttribute("aria-valuemin", "0");
    this.canvas.setAttribute("aria-valuemax", String(this.data.time_ms.length - 1));
    this.#show(this.at);
  }

  #key(event) {
    const last = this.data ? this.data.time_ms.length - 1 : -1;
    if (last < 0) return;
    const here = this.at ?? last;
    const flagged = [...this.flagged.keys()];
    const to = {
      ArrowLeft: here - 1, ArrowRight: here + 1, ArrowDown: here - 1, ArrowUp: here + 1,
      PageUp: here + 20, PageDown: here - 20, Home: 0, End: last,
      n: flagged.find((one) => one > here) ?? here, p: flagged.findLast((one) => one < here) ?? here,
    }[event.key];
    if ((event.key === "+" || event.key === "-") && this.scale) return this.#zoomBy(event.key === "+" ? 0.5 : 2);
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#show(Math.max(0, Math.min(last, to)));
  }

  #point(event) {
    if (!this.scale) return;
    const { plotWidth, start, end } = this.scale;
    this.#show(nearest(this.data.time_ms, this.#time(event), this.flagged, ((end - start) / plotWidth) * 6));
    if (this.pressed !== null) this.#choosing(event);
  }

  #time(event) {
    const { left, plotWidth, start, end } = this.scale;
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    return start + ((Math.min(Math.max(x, left), left + plotWidth) - left) / plotWidth) * (end - start);
  }

  // A finger scrolls the page and reads; a mouse may choose a span to look into.
  #press(event) {
    if (this.scale && event.pointerType === "mouse" && event.button === 0) {
      this.pressed = this.#time(event);
      this.canvas.setPointerCapture(event.pointerId);
    }
    this.#point(event);
  }

  #choosing(event) {
    const { x, top, bottom } = this.scale;
    const [from, to] = [this.pressed, this.#time(event)].sort((a, b) => a - b);
    this.canvas.querySelector(".cursor").append(s("rect", { class: "chosen", x: x(from), width: x(to) - x(from), y: top, height: bottom - top }));
  }

  #release(event) {
    if (this.pressed === null) return;
    const [from, to] = [this.pressed, this.#time(event)].sort((a, b) => a - b);
    const { plotWidth, start, end } = this.scale;
    this.pressed = null;
    if (((to - from) / (end - start)) * plotWidth > 8) this.zoom(from, to);
    else this.#point(event);
  }

  /** Half or twice the span, around the point under the cursor. */
  #zoomBy(factor) {
    const middle = this.data.time_ms[this.at ?? this.data.time_ms.length - 1];
    const reach = ((this.scale.end - this.scale.start) * factor) / 2;
    this.zoom(middle - reach, middle + reach);
  }

  #show(at) {
    this.at = at;
    const cursor = this.canvas.querySelector(".cursor");
    this.readout.hidden = at === null;
    if (!cursor) return;
    if (at === null) return cursor.replaceChildren();
    const { x, y, top, bottom, width } = this.scale;
    const left = x(this.data.time_ms[at]);
    cursor.replaceChildren(
      s("line", { x1: left, x2: left, y1: top, y2: bottom }),
      s("circle", { cx: left, cy: y(this.data.value[at]), r: 5 }),
    );
    this.canvas.setAttribute("aria-valuenow", String(at));
    this.canvas.setAttribute("aria-valuetext", this.#words(at).join(", "));
    const words = this.#words(at);
    this.readout.replaceChildren(h("b", {}, words[0]), ...words.slice(1).map((word) => h("span", {}, word)));
    this.readout.classList.toggle("right", left < width / 2);
  }

  #words(at) {
    const { data } = this;
    const words = [moment(data.time_ms[at]), `${data.of_rate ? "rate" : "value"} ${number(data.value[at])}`];
    if (data.expected[at] !== null) words.push(`expected ${number(data.expected[at])}`);
    if (data.low[at] !== null) words.push(`range ${number(data.low[at])} to ${number(data.high[at])}`);
    const flag = this.flagged.get(at);
    if (flag) words.push(this.alerts.has(flag.id) ? "▼ alert" : "◆ flagged");
    if (this.late.has(at)) words.push("○ late, not judged");
    if (data.score[at] !== null) words.push(`score ${data.score[at].toFixed(2)}`);
    return words;
  }
}

function nearest(times, ms, preferred, reach = 0) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < ms) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && ms - times[low - 1] < times[low] - ms) low -= 1;
  // What is flagged is easier to hit.
  for (let step = 0; preferred && step < 8; step += 1) {
    for (const one of [low - step, low + step]) {
      if (preferred.has(one) && Math.abs(times[one] - ms) <= reach) return one;
    }
  }
  return low;
}
