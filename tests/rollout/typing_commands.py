"""Commands as they are typed, with a clock of their own: what sleeps loses no time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from typer.testing import CliRunner

from cli.main import app
from cli.surroundings import Surroundings
from localcloud.lambda_control.running import LambdaCloud
from tests.cli.done import Done


@dataclass
class Commands:
    """Runs `millrace`; `sleeping` is called whenever it sleeps, with the time of day after it."""

    cloud: LambdaCloud
    environment: dict[str, str] = field(default_factory=dict)
    now_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    sleeping: Callable[[int], object] = lambda now_ms: None

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.now_ms += round(seconds * 1000)
        self.sleeping(self.now_ms)

    def __call__(self, *arguments: object) -> Done:
        world = Surroundings(
            environment={**self.cloud.environment, **self.environment},
            now_ms=lambda: self.now_ms,
            sleep=self.sleep,
        )
        result = CliRunner().invoke(
            app, [str(one) for one in arguments], obj=world, env={"COLUMNS": "400"}
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)
