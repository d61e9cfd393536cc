"""What commands see of the world around them; tests give them another."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from millrace.features.definitions import Definitions, load

from cli.cloud import AwsCloud, Cloud, describe_stack
from cli.target import Describe, Target, features_file, find


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment, the clouds, the clock.

    `now_ms` is the time of day, `monotonic_s` measures how long something takes, `attended` says
    whether there is a person who can be asked.
    """

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    describe: Describe = describe_stack
    connect: Callable[[Target], Cloud] = AwsCloud
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    attended: Callable[[], bool] = lambda: sys.stdin.isatty()

    def target(self, stack: str | None, local: str | None) -> Target:
        """The target that the options choose. Raises ConfigurationError."""
        return find(stack, local, self.environment, self.describe)

    def definitions(self, target: Target | None = None) -> Definitions:
        """A target's definitions, else those of the checkout. Raises ConfigurationError."""
        return load(features_file(self.environment) if target is None else target.features_toml)
