"""Loading a model from the folder that holds an unpacked model.tar.gz."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from millrace.errors import ConfigurationError

from model.contract import CONTRACT_FILE, MODEL_FILE, Contract, read_contract
from model.scoring import Scorer, scorer


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be asked."""

    contract: Contract
    scorer: Scorer


def load_model(folder: Path) -> Model:
    """The model in a folder. Raises ConfigurationError where it is not exactly what was trained."""
    contract = read_contract(_read(folder / CONTRACT_FILE), str(folder / CONTRACT_FILE))
    path = folder / MODEL_FILE
    body = _read(path)
    found = sha256(body).hexdigest()
    if found != contract.model_sha256:
        raise ConfigurationError(
            f"{path} is not the model of {CONTRACT_FILE}: its SHA-256 is {found[:12]}…, not"
            f" {contract.model_sha256[:12]}…. The two belong to one model.tar.gz; unpack it whole."
        )
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} must hold a JSON object.")
    return Model(contract, scorer(document, len(contract.features)))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read {path}: {error.strerror}. MODEL_DIR must name the folder with the"
            " unpacked model.tar.gz that scripts/train writes."
        ) from error
