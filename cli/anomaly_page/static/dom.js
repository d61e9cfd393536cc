// Elements out of data. What comes from the database becomes text or an attribute, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes, listeners (`onclick`) and children: texts, elements, or nothing. */
export function h(name, attributes, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function s(name, attributes, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Signs that show as nothing, or turn the order of others round: a name must show them.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text with escapes for what would not be seen. */
export function plain(text) {
  return String(text).replace(UNSEEN, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A name of a series, whatever its writing direction. */
export function name(text) {
  return h("bdi", { class: "name", title: plain(text) }, plain(text));
}

/**
 * Bring a container to the given items; what did not change stays as it is, with its focus.
 * An item is [key, data, make]: `make` is called only where the data of its key changed.
 */
export function keyed(container, items) {
  const before = new Map([...container.children].map((child) => [child.dataset.key, child]));
  const focus = focused(container);
  const after = items.map(([key, data, make]) => {
    const print = JSON.stringify(data);
    const known = before.get(key);
    if (known && known.dataset.print === print) return known;
    const made = make();
    made.dataset.key = key;
    made.dataset.print = print;
    return made;
  });
  if (after.length !== container.children.length || after.some((one, i) => container.children[i] !== one)) {
    container.replaceChildren(...after);
    refocus(container, focus);
  }
}

function focused(container) {
  const active = document.activeElement;
  if (!active || !container.contains(active)) return null;
  const item = active.closest("[data-key]");
  return item && { key: item.dataset.key, act: active.dataset.act };
}

function refocus(container, focus) {
  if (!focus || container.contains(document.activeElement)) return;
  const item = [...container.children].find((child) => child.dataset.key === focus.key);
  const again = focus.act && item?.querySelector(`[data-act="${CSS.escape(focus.act)}"]:not(:disabled)`);
  (again || item?.querySelector("a, button"))?.focus({ preventScroll: true });
}
