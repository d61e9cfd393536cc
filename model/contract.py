"""What a model and those who ask it agree on: contract.json beside the model.

The version of a model is a hash of everything that decides an answer: its own bytes, the features
and their order, the target and the threshold. So it changes with the model, and with nothing else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from millrace.errors import ConfigurationError

CONTRACT_FILE = "contract.json"
MODEL_FILE = "model.json"
FORMAT = 1


@dataclass(frozen=True)
class Contract:
    """The agreement of one model.

    Attributes:
        features_version: of the features that it was trained on (`millrace.features.version`).
        features: their names, in the order in which the model takes them.
        target: what a score is the probability of, in words.
        label: what an answer at or above `threshold` is called.
        model_sha256: of the model's file.
        trained_on, trained_with, metrics: for people: the history, the software, how good it is.
    """

    features_version: str
    features: tuple[str, ...]
    target: str
    label: str
    threshold: float
    model_sha256: str
    trained_on: Mapping[str, Any]
    trained_with: Mapping[str, str]
    metrics: Mapping[str, Any]

    @cached_property
    def model_version(self) -> str:
        """Twelve hexadecimal digits."""
        deciding = (
            self.features_version,
            list(self.features),
            self.target,
            self.label,
            self.threshold,
            self.model_sha256,
        )
        return sha256(json.dumps(deciding).encode()).hexdigest()[:12]

    def to_json(self) -> bytes:
        """The text of contract.json."""
        document = {
            "format": FORMAT,
            "features_version": self.features_version,
            "model_version": self.model_version,
            "target": self.target,
            "label": self.label,
            "threshold": self.threshold,
            "features": list(self.features),
            "model": {"file": MODEL_FILE, "sha256": self.model_sha256},
            "trained_on": self.trained_on,
            "trained_with": self.trained_with,
            "metrics": self.metrics,
        }
        return json.dumps(document, indent=2).encode() + b"\n"


def read_contract(text: bytes, source: str) -> Contract:
    """The contract in a contract.json; `source` is its name for errors. Raises ConfigurationError.

    A contract that was edited by hand is refused: its model_version would no longer be true.
    """
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']!r}, where {FORMAT} can be read")
        contract = Contract(
            _text(document, "features_version"),
            tuple(str(name) for name in document["features"]),
            _text(document, "target"),
            _text(document, "label"),
            _share(document["threshold"]),
            _text(document["model"], "sha256"),
            dict(document["trained_on"]),
            dict(document["trained_with"]),
            dict(document["metrics"]),
        )
        stated = _text(document, "model_version")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{source} is no contract of a model: {type(error).__name__}: {error}. scripts/train"
            " writes it."
        ) from error
    if stated != contract.model_version:
        raise ConfigurationError(
            f"{source} says model_version {stated}, but what it holds is {contract.model_version}:"
            " it was changed after training. Train anew."
        )
    return contract


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text, not {value!r}")
    return value


def _share(value: object) -> float:
    if not isinstance(value, float | int) or not math.isfinite(value):
        raise ValueError(f"threshold must be a number, not {value!r}")
    return float(value)
