// The function that tries a layer of Node.js, as probe.py does one of Python: this file alone is run.
"use strict";

exports.handler = async (event) => {
  const begun = process.cpuUsage();
  const used = () => {
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1000;
  };
  const answer = { runtime: `Node.js ${process.version}`, places: {} };
  try {
    for (const name of event.modules || []) {
      require(name);
      answer.places[name] = require.resolve(name);
    }
    answer.import_ms = answer.total_ms = used();
  } catch (error) {
    answer.error = `${error.name}: ${String(error.message).split("\n")[0]}`;
  }
  answer.peak_kb = process.resourceUsage().maxRSS;
  return answer;
};
