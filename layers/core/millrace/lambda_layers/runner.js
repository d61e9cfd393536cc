// What calls a handler of Node.js on this machine: node runner.js HANDLER RESULTS < PAYLOADS
// A line of RESULTS for each payload; Lambda's own client for Node.js is not to be had here.
"use strict";
const fs = require("fs");
const path = require("path");

const [, , named, results] = process.argv;
const dot = named.lastIndexOf(".");
const context = { functionName: "layer-under-test", getRemainingTimeInMillis: () => 1000 };

const called = (handler, event) =>
  new Promise((resolve, reject) => {
    const done = (error, answer) => (error ? reject(error) : resolve(answer));
    const answer = handler(event, context, done);
    if (handler.length < 3 || (answer && typeof answer.then === "function")) resolve(answer);
  });

(async () => {
  for (const payload of JSON.parse(fs.readFileSync(0, "utf8"))) {
    const begun = performance.now();
    const line = {};
    try {
      const loaded = require(path.join(process.cwd(), named.slice(0, dot)));
      line.answer = (await called(loaded[named.slice(dot + 1)], JSON.parse(payload))) ?? null;
    } catch (error) {
      line.error = error.name || "Error";
      line.answer = { errorType: line.error, errorMessage: String(error.message) };
    }
    line.duration_ms = performance.now() - begun;
    fs.appendFileSync(results, JSON.stringify(line) + "\n");
  }
  process.exit(0);
})();
