"""Commands as they are typed, against an emulated cloud."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

from typer.testing import CliRunner

from cli.main import app
from cli.surroundings import Surroundings
from tests.cli.done import Done


class Cloud(Protocol):
    """What commands need to know of a cloud."""

    @property
    def environment(self) -> dict[str, str]: ...


@dataclass
class Commands:
    """Runs `millrace`, in a terminal of so many columns.

    `later_ms` moves its clock, `environment` adds to what it sees.
    """

    cloud: Cloud
    environment: dict[str, str] = field(default_factory=dict)
    later_ms: int = 0
    columns: int = 400

    def __call__(self, *arguments: object) -> Done:
        world = Surroundings(
            environment={**self.cloud.environment, **self.environment},
            now_ms=lambda: time.time_ns() // 1_000_000 + self.later_ms,
        )
        result = CliRunner().invoke(
            app, [str(one) for one in arguments], obj=world, env={"COLUMNS": str(self.columns)}
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)
