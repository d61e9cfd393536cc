// The JSON API: what was read once is only sent again when it changed.

/** What the server said is wrong. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const known = new Map(); // path -> { tag, document }
const MOST_KNOWN = 40;
let skew = 0;

/** The server's clock, near enough for "3 s ago". */
export const now = () => Date.now() + skew;

/** A document; the very same object as before where nothing changed. */
export async function get(path, signal) {
  const before = known.get(path);
  const headers = before ? { "If-None-Match": before.tag } : {};
  const response = await fetch(path, { headers, signal, cache: "no-store" });
  const date = Date.parse(response.headers.get("Date") ?? "");
  // The header has whole seconds: what is less than two is no skew.
  if (!Number.isNaN(date)) skew = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
  if (response.status === 304 && before) return before.document;
  const document = await documentOf(response);
  known.delete(path);
  known.set(path, { tag: response.headers.get("ETag") ?? "", document });
  if (known.size > MOST_KNOWN) known.delete(known.keys().next().value);
  return document;
}

/** Say something; what came of it. */
export async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  return documentOf(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

/** A path with a query; what is empty is left out. */
export function asked(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

async function documentOf(response) {
  let document = null;
  try {
    document = await response.json();
  } catch {
    throw new Refused(response.status, "no-answer", `The server answered ${response.status}`);
  }
  if (response.ok) return document;
  const { code, message } = document.error ?? {};
  throw new Refused(response.status, code ?? "unknown", message ?? `The server answered ${response.status}`);
}
