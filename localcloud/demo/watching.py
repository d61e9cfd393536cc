"""What the functions say while they run: their metrics, added up from their log lines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import orjson

from localcloud.functions.logs import LogLine


@dataclass(slots=True)
class Watch:
    """Sums of the functions' metrics (EMF lines), and their latest problems."""

    totals: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def latest_problem(self) -> str:
        """The latest problem in words: those of the keys that a line names."""
        if not self.problems:
            return ""
        content = orjson.loads(self.problems[-1])
        report = content.get("report")
        named = report.get("problems") if isinstance(report, dict) else None
        return "; ".join(f"{key}: {why}" for key, why in (named or {}).items()) or str(
            content.get("message", "")
        )

    def see(self, line: LogLine) -> None:
        """Take a line of a function's output."""
        if not line.text.startswith("{"):
            return
        try:
            content = orjson.loads(line.text)
        except orjson.JSONDecodeError:
            return
        for directive in content.get("_aws", {}).get("CloudWatchMetrics", ()):
            for metric in directive["Metrics"]:
                values = content[metric["Name"]]
                self.totals[metric["Name"]] += sum(values if isinstance(values, list) else [values])
        if content.get("level") in ("WARNING", "ERROR"):
            self.problems.append(line.text)
