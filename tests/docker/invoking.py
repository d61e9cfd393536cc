"""`sam local invoke`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from localcloud.containers.__main__ import config_env
from tests.template.commands import run
from tests.template.reading import ROOT, folder_of, of_type

FUNCTIONS = sorted(of_type("AWS::Lambda::Function"))


class Invoked(NamedTuple):
    """A function's answer, and what it and sam have said."""

    answer: Any
    log: str


def events_of(function: str) -> list[Path]:
    """The sample events of a function."""
    return sorted((ROOT / "events" / folder_of(function)).glob("*.json"))


def invoke(template: Path, function: str, event: Path) -> Invoked:
    """Invoke a function in its container."""
    environment = config_env()
    result = run(
        *("sam", "local", "invoke", function, "--config-env", environment, "--skip-pull-image"),
        *("--config-file", str(ROOT / "samconfig.toml")),
        *("--template", str(template), "--event", str(event)),
    )
    assert result.returncode == 0, result.stderr
    return Invoked(json.loads(result.stdout), result.stderr)
