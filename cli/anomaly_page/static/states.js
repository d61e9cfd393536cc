// What stands where there is nothing to show, and the way in.

import { post } from "./api.js";
import { h, plain } from "./dom.js";

const BLANKS = {
  "no-database": ["No database yet", "The page looks again by itself, and goes on when there is one. To make one, score a file:", "millrace anomalies backfill FILE.csv"],
  "no-series": ["No series yet", "The database is there and holds no events. They appear here as soon as the first ones are judged. To fill it from a file:", "millrace anomalies backfill FILE.csv"],
  "no-such-series": ["There is no such series", "It may have been spelt otherwise; the list has the names.", null],
  "database-unusable": ["The database cannot be used", "Mend what it says, and the page goes on by itself.", null],
  "database-busy": ["The database does not answer", "The page tries again by itself.", null],
};

/** A panel that says what is the matter and what to do. */
export function blankPanel(code, message) {
  const [title, hint, command] = BLANKS[code] ?? ["Something went wrong", "The page tries again by itself.", null];
  return h(
    "section",
    { class: "panel blank" },
    h("h1", {}, title),
    message && h("p", {}, h("bdi", {}, plain(message))),
    h("p", { class: "aside" }, hint),
    command && h("code", { class: "command" }, command),
    code === "no-such-series" && h("p", {}, h("a", { href: "#/" }, "All alerts")),
  );
}

/** The form that asks for the token. */
export function signIn(by, done) {
  const token = h("input", { id: "token", type: "password", autocomplete: "current-password", required: true });
  const name = h("input", { id: "name", autocomplete: "username", maxlength: "60", value: by });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await post("/api/sign-in", { token: token.value });
      done(name.value.trim());
    } catch (error) {
      wrong.textContent = error.message;
      token.select();
    }
  };
  return h(
    "section",
    { class: "panel blank" },
    h("h1", {}, "Sign in"),
    h("p", { class: "aside" }, "The server printed a token when it started."),
    h("form", { class: "sign-in", onsubmit: submit }, h("label", { for: "token" }, "Token"), token, h("label", { for: "name" }, "Your name, for what you say of alerts"), name, wrong, h("button", { class: "main" }, "Sign in")),
  );
}
