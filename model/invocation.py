"""One invocation: the JSON that comes in, checked field by field, and the answer that goes out.

What comes is exactly ``{"userId", "features", "input"}``, as PredictFunction sends it. Of the
features, those that the model was trained on count: one over all event types must be there, and may
be null; one of a single type may be missing, for not everybody has done everything; any other is
left alone, such as one of a type that came up after training. `input` may hold whatever the caller
likes, or be missing: a model of events alone does not read it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from millrace.errors import InvalidRequest

from model.contract import Contract
from model.loading import Model
from model.scoring import Value

MAX_BYTES = 5 * 1024 * 1024
FIELDS = ("userId", "features", "input")
NEGATIVE = "none"
_LONGEST_ID = 256
_LONGEST_PATH = 300


def answer(body: bytes, model: Model) -> dict[str, Any]:
    """The model's answer to an invocation's body. Raises InvalidRequest."""
    document = _parsed(body)
    _check_fields(document)
    contract = model.contract
    score = model.scorer.score(_values(document["features"], contract))
    return {
        "score": score,
        "label": contract.label if score >= contract.threshold else NEGATIVE,
        "target": contract.target,
        "modelVersion": contract.model_version,
    }


def check_version(attributes: str, contract: Contract) -> None:
    """Refuse features of another version than the model's; without one stated, none is refused.

    `attributes` is the header X-Amzn-SageMaker-Custom-Attributes as it came.
    """
    for attribute in attributes.replace(";", ",").split(","):
        name, _, version = attribute.strip().partition("=")
        if name == "millrace-features" and version != contract.features_version:
            raise InvalidRequest(
                400,
                "features-mismatch",
                f"The features are of version {version}, but the model was trained on version"
                f" {contract.features_version}. Deploy the features.toml that it was trained on, or"
                " train it anew (scripts/train) and deploy that.",
                "features",
            )


def _parsed(body: bytes) -> dict[str, Any]:
    constants: list[str] = []

    def constant(name: str) -> float:
        constants.append(name)
        return math.nan

    try:
        document = json.loads(body, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(400, "not-json", f"The body is not JSON: {error}") from error
    if not isinstance(document, dict):
        kind = type(document).__name__
        raise InvalidRequest(400, "not-an-object", f"The body must be a JSON object, not a {kind}.")
    if constants:
        path = _path_of_nan(document)
        problem = f"is {constants[0]}, which is no number in JSON"
        if not path:
            raise InvalidRequest(400, "not-json", f"A field that is there twice {problem}.")
        raise _invalid(path, problem)
    return document


def _path_of_nan(document: Mapping[str, Any]) -> str:
    """Where the first NaN stands; empty where a later field of the same name has hidden it."""
    opened = [iter(document.items())]
    while opened:
        for path, value in opened[-1]:
            if isinstance(value, float) and math.isnan(value):
                return path
            if isinstance(value, dict | list):
                opened.append(_within(path, value))
                break
        else:
            opened.pop()
    return ""


def _within(path: str, value: dict[str, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    """The members of an object or a list, with their paths."""
    if isinstance(value, dict):
        return ((f"{path}.{name}", inner) for name, inner in value.items())
    return ((f"{path}[{index}]", inner) for index, inner in enumerate(value))


def _check_fields(document: Mapping[str, Any]) -> None:
    for name in document:
        if name not in FIELDS:
            raise _invalid(_shown(name), f"is unknown; allowed are {', '.join(FIELDS)}")
    user = document.get("userId")
    if not isinstance(user, str) or not 0 < len(user) <= _LONGEST_ID:
        raise _invalid("userId", _must_be(f"a text of 1 to {_LONGEST_ID} characters", user))
    if not isinstance(document.get("features"), dict):
        raise _invalid("features", _must_be("a JSON object", document.get("features")))


def _values(features: Mapping[str, Any], contract: Contract) -> list[Value]:
    values: list[Value] = []
    for name in contract.features:
        value = features.get(name)
        if value is None:
            # What a base name lacks behind it is an event type; see millrace.features.names.
            if "." not in name and name not in features:
                raise _invalid(f"features.{name}", "is missing; it may be null")
            values.append(None)
        else:
            values.append(_finite(name, value))
    return values


def _finite(name: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise _invalid(f"features.{name}", _must_be("a finite number or null", value))


def _must_be(expected: str, value: object) -> str:
    return "is missing" if value is None else f"must be {expected}, not {_shown(repr(value))}"


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"


def _invalid(field: str, problem: str) -> InvalidRequest:
    # A name may be half a pair of surrogates, which no answer can hold, or a megabyte.
    shown = field[:_LONGEST_PATH].encode(errors="backslashreplace").decode()
    return InvalidRequest(400, "invalid-field", f"{shown} {problem}.", shown)
