// The list of series: searched and paged by the server, so that ten thousand are no more than fifty.

import { seriesLink } from "./alerts.js";
import { h, keyed, name } from "./dom.js";
import { age, count, number, quantity } from "./format.js";

const byId = (id) => document.getElementById(id);
const SEARCH_AFTER_MS = 150;

export class SeriesList {
  /** `changed` is called when other series are wanted. */
  constructor(changed) {
    this.query = { search: "", sort: "attention", page: 1 };
    let waiting = 0;
    byId("search").addEventListener("input", (event) => {
      this.query = { ...this.query, search: event.target.value.trim(), page: 1 };
      clearTimeout(waiting);
      waiting = setTimeout(changed, SEARCH_AFTER_MS);
    });
    byId("finder").addEventListener("submit", (event) => event.preventDefault());
    byId("sort").addEventListener("change", (event) => this.#want({ sort: event.target.value, page: 1 }, changed));
    byId("page-back").addEventListener("click", () => this.#want({ page: this.query.page - 1 }, changed));
    byId("page-on").addEventListener("click", () => this.#want({ page: this.query.page + 1 }, changed));
  }

  #want(change, changed) {
    this.query = { ...this.query, ...change };
    changed();
  }

  show(found, chosen, now) {
    this.query.page = found.page;
    byId("series-count").textContent = this.query.search
      ? `${count(found.found)} of ${quantity(found.all, "series", "series")}`
      : quantity(found.all, "series", "series");
    keyed(
      byId("series-list"),
      found.series.map((one) => [one.series, [one, one.series === chosen], () => item(one, one.series === chosen, now)]),
    );
    byId("pager").hidden = found.pages === 1;
    byId("page-at").textContent = `${count(found.page)} of ${count(found.pages)}`;
    byId("page-back").disabled = found.page === 1;
    byId("page-on").disabled = found.page === found.pages;
    byId("tab-series").textContent = count(found.all);
  }
}

function item(one, chosen, now) {
  const muted = one.muted_until_ms !== null && one.muted_until_ms > now;
  return h(
    "li",
    {},
    h(
      "a",
      { href: seriesLink(one.series), "aria-current": chosen ? "page" : null, "data-act": "open" },
      name(one.series),
      h("span", { class: "aside" }, number(one.last_value), " · ", age(one.newest_ms, now)),
      h(
        "span",
        { class: "marks" },
        one.open_alerts > 0 && h("span", { class: "state", "data-state": "open" }, h("i", { "aria-hidden": "true" }, "◆"), `${count(one.open_alerts)} open`),
        muted && h("span", { class: "chip" }, "muted"),
      ),
    ),
  );
}
