"""Plans that were forged by somebody who knows how to make a hash."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from millrace.plans.plan import canonical

Change = Callable[[dict[str, Any]], object]


def forged(document: dict[str, Any], change: Change) -> str:
    """The plan with a change, and the hash of what it is then."""
    change(document)
    del document["hash"]
    return json.dumps(document | {"hash": sha256(canonical(document)).hexdigest()})


def without(*path: str | int) -> Change:
    def change(document: Any) -> None:
        *way, last = path
        for name in way:
            document = document[name]
        del document[last]

    return change


def with_(value: object, *path: str | int) -> Change:
    def change(document: Any) -> None:
        *way, last = path
        for name in way:
            document = document[name]
        document[last] = value

    return change
