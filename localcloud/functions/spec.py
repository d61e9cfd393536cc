"""What a function is, as far as running it goes."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from millrace.errors import ConfigurationError

_HANDLER = re.compile(r"[\w./-]+\.\w+")
_NAME = re.compile(r"[\w-]{1,64}")

# Lambda sets these itself and refuses functions that bring their own.
RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """One function. Raises ConfigurationError for what Lambda would not accept either.

    `layers` are folders that go on the path behind `code`, as /opt/python does; `environment` are
    the function's own variables. At most `max_workers` calls run at once, further ones wait; with
    `reserved_concurrency` further ones are refused instead, as Lambda does (0 refuses all).
    `python` runs the handler; `runtime` is only what the function is told that it runs on.
    """

    name: str
    handler: str
    code: Path
    layers: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: int = 3
    memory_mb: int = 128
    max_workers: int = 4
    reserved_concurrency: int | None = None
    runtime: str = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python: Path = Path(sys.executable)

    def __post_init__(self) -> None:
        self._require("name", _NAME.fullmatch(self.name), "1 to 64 letters, digits, - or _")
        self._require("handler", _HANDLER.fullmatch(self.handler), "MODULE.FUNCTION")
        self._require("code", self.code.is_dir(), "a folder that exists")
        for layer in self.layers:
            self._require("layers", layer.is_dir(), "folders that exist")
        self._require("timeout_s", 1 <= self.timeout_s <= 900, "from 1 to 900 seconds")
        self._require("memory_mb", 128 <= self.memory_mb <= 10_240, "from 128 to 10240 MB")
        self._require("max_workers", self.max_workers >= 1, "1 or more")
        concurrency = self.reserved_concurrency
        self._require("reserved_concurrency", (concurrency or 0) >= 0, "0 or more, or None")
        reserved = RESERVED_VARIABLES.intersection(self.environment)
        self._require(
            "environment",
            not reserved,
            f"without the variables that Lambda reserves ({', '.join(sorted(reserved))})",
        )

    def _require(self, attribute: str, fine: object, expected: str) -> None:
        if not fine:
            value = getattr(self, attribute)
            raise ConfigurationError(
                f"Function {self.name}: {attribute} is {value!r}, but must be {expected}."
            )
