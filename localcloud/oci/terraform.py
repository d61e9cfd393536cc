"""What Terraform says of the connector's batches, so that they are as large here as in the cloud.

Read from the variable `batch` of variables.tf, and from terraform.tfvars where that sets it. How
long a batch waits is not taken over: a minute at least in the cloud, it is nothing to wait for at a
desk.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import hcl2
from lark.exceptions import LarkError
from millrace.errors import StartupError

from localcloud.oci.batching import Limits
from localcloud.oci.errors import InvalidParameter

FOLDER = "oci-fn/terraform"
# As hcl2 shows an attribute of an object's type; without a default it is null.
_OPTIONAL = re.compile(r'"(\w+)": "\$\{optional\(number(?:, (\d+))?\)\}"')
SECONDS = 1.0


def batch_limits(folder: Path, seconds: float = SECONDS) -> Limits:
    """The connector's limits, by Terraform's rule: messages where they are given, else KB.

    Raises StartupError; InvalidParameter for such seconds.
    """
    try:
        given = _batch(folder)
        messages = given.get("messages")
        limits = Limits(messages, given["kb"] if messages is None else None)
    except (OSError, ValueError, KeyError, TypeError, LarkError, InvalidParameter) as error:
        raise StartupError(
            f"{folder} must say by its variable batch how large a batch is, in kb or messages:"
            f" {type(error).__name__}: {error!s:.300}"
        ) from None
    return replace(limits, seconds=seconds)


def _batch(folder: Path) -> dict[str, Any]:
    """The variable: its fields' defaults, its own, and what is set."""
    declared = _read(folder / "variables.tf")["variable"]
    (batch,) = (one["batch"] for one in declared if "batch" in one)
    fields = {name: int(number) for name, number in _OPTIONAL.findall(batch["type"]) if number}
    values = folder / "terraform.tfvars"
    told: dict[str, Any] = _read(values).get("batch", {}) if values.exists() else {}
    # As Terraform has it: a field that is null takes its default.
    given = {**batch["default"], **told}.items()
    return fields | {name: number for name, number in given if number is not None}


def _read(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as file:
        document: dict[str, Any] = hcl2.load(file)  # type: ignore[attr-defined]
    return document
