"""Fault plans from TOML or JSON, and back.

In TOML (or JSON of the same shape):

    seed = 7

    [[rule]]
    service = "dynamodb"
    operation = "PutItem"           # "*", the default, is every operation
    probability = 0.05              # 1 by default
    error = "ProvisionedThroughputExceededException"

    [[rule]]
    service = "dynamodb"
    operation = "PutItem"
    calls = [100, 200]              # exactly these calls, counted from 1
    drop = true                     # no answer at all …
    when = "after"                  # … although the call was executed ("before": it was not)

    [[rule]]
    service = "s3"
    latency_ms = [10, 200]          # alone, or beside error, drop or crash

    [[rule]]
    service = "dynamodb"
    operation = "PutItem"
    calls = [50]
    crash = true                    # call the gateway's crash hook, then drop the connection
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from millrace.errors import ConfigurationError

from localcloud.faults.codes import KNOWN_ERRORS
from localcloud.faults.plan import Crash, Drop, Effect, Fail, FaultPlan, Rule, When, wrong

_RULE_KEYS = (
    "service", "operation", "probability", "calls", "when", "latency_ms",
    "error", "status", "message", "drop", "crash",
)  # fmt: skip


def load(path: Path) -> FaultPlan:
    """The plan in a .toml or .json file. Raises ConfigurationError, naming file and key."""
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The fault plan {path} cannot be read: {error}") from error
    try:
        return parse(data)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def parse(data: object) -> FaultPlan:
    """The plan in parsed TOML or JSON. Raises ConfigurationError, naming the key."""
    if not isinstance(data, Mapping):
        raise wrong("the top level", data, "a table with seed and [[rule]]")
    _only(data, ("seed", "rule"), "a fault plan")
    seed, rules = data.get("seed", 0), data.get("rule", [])
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise wrong("seed", seed, "a whole number")
    if not isinstance(rules, list) or not all(isinstance(rule, Mapping) for rule in rules):
        raise wrong("rule", rules, "a list of tables, each headed [[rule]]")
    return FaultPlan(seed, tuple(map(_rule, rules)))


def dump(plan: FaultPlan) -> dict[str, Any]:
    """The plan as `parse` takes it."""
    return {"seed": plan.seed, "rule": [_rule_mapping(rule) for rule in plan.rules]}


def _rule(data: Mapping[str, Any]) -> Rule:
    _only(data, _RULE_KEYS, "a fault rule")
    service = data.get("service")
    if not isinstance(service, str):
        raise wrong("service", service, "the name of a service, such as 'dynamodb'")
    try:
        when = When(data.get("when", "before"))
    except ValueError:
        raise wrong("when", data["when"], "'before' or 'after'") from None
    return Rule(
        service,
        str(data.get("operation", "*")),
        _effect(data),
        when,
        _number(data, "probability", 1.0),
        _calls(data),
        _latency(data),
    )


def _effect(data: Mapping[str, Any]) -> Effect | None:
    named = [key for key in ("error", "drop", "crash") if data.get(key)]
    if len(named) > 1:
        raise ConfigurationError(f"A fault rule can do only one of {' and '.join(named)}")
    if named == ["drop"]:
        return Drop()
    if named == ["crash"]:
        return Crash()
    return _fail(data) if named else None


def _fail(data: Mapping[str, Any]) -> Fail:
    code = str(data["error"])
    status, message = KNOWN_ERRORS.get(code, (None, "Injected by the fault plan"))
    status = data.get("status", status)
    if not isinstance(status, int) or not 400 <= status <= 599:
        raise wrong("status", status, f"an HTTP status from 400 to 599 for error {code!r}")
    return Fail(code, status, str(data.get("message", message)))


def _calls(data: Mapping[str, Any]) -> tuple[int, ...]:
    calls = data.get("calls", [])
    if not isinstance(calls, list) or not all(isinstance(call, int) for call in calls):
        raise wrong("calls", calls, "a list of whole numbers, counted from 1")
    return tuple(calls)


def _latency(data: Mapping[str, Any]) -> tuple[float, float]:
    latency = data.get("latency_ms", 0)
    pair = latency if isinstance(latency, list) else [latency, latency]
    if len(pair) != 2 or not all(isinstance(each, int | float) for each in pair):
        raise wrong("latency_ms", latency, "a number or a range like [10, 200]")
    return float(pair[0]), float(pair[1])


def _number(data: Mapping[str, Any], key: str, default: float) -> float:
    value = data.get(key, default)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong(key, value, "a number")
    return float(value)


def _only(data: Mapping[str, Any], allowed: tuple[str, ...], what: str) -> None:
    for key in data:
        if key not in allowed:
            raise ConfigurationError(
                f"Key {key!r} is unknown in {what}; allowed are {', '.join(allowed)}"
            )


def _rule_mapping(rule: Rule) -> dict[str, Any]:
    data: dict[str, Any] = {"service": rule.service, "operation": rule.operation}
    data |= {"probability": rule.probability, "when": rule.when.value}
    if rule.calls:
        data["calls"] = list(rule.calls)
    if rule.latency_ms[1]:
        data["latency_ms"] = list(rule.latency_ms)
    match rule.effect:
        case Fail(code, status, message):
            data |= {"error": code, "status": status, "message": message}
        case Drop():
            data["drop"] = True
        case Crash():
            data["crash"] = True
    return data
