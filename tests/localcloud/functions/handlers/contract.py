"""The function that the contract tests run: it does what its event says."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def handler(event: Any, context: Any) -> Any:
    if not (isinstance(event, dict) and "do" in event):
        return event
    actions: dict[str, Any] = {
        "pid": lambda: os.getpid(),
        "environment": lambda: dict(os.environ),
        "context": lambda: describe(context),
        "path": lambda: [str(Path.cwd()), *sys.path],
        "raise": lambda: fail(event["message"]),
        "return": lambda: event["value"],
        "decimal": lambda: {"value": Decimal("1.5"), "text": "é"},
        "unserialisable": lambda: {"value": object()},
        "exit": lambda: os._exit(7),
        "sys_exit": lambda: sys.exit(1),
        "length": lambda: len(event["data"]),
        "long": lambda: "x" * event["length"],
        "print": lambda: write(event["text"]),
        "layer": read_layer,
        "wait": lambda: wait_for(Path(event["file"])),
        "hang": hang,
    }
    return actions[event["do"]]()


def describe(context: Any) -> dict[str, Any]:
    return {
        "request_id": context.aws_request_id,
        "name": context.function_name,
        "version": context.function_version,
        "memory": context.memory_limit_in_mb,
        "group": context.log_group_name,
        "stream": context.log_stream_name,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
    }


def fail(message: str) -> None:
    raise ValueError(message)


def write(text: str) -> None:
    print(text)
    print(text.upper(), file=sys.stderr)
    print(json.dumps({"_aws": {"metric": text}}))
    logger.info("logged %s", text)


def read_layer() -> str:
    import from_layer  # type: ignore[import-not-found]

    return str(from_layer.WHAT)


def hang() -> None:
    print("hanging", flush=True)
    time.sleep(3600)


def wait_for(file: Path) -> int:
    """Return this process's id once the file is there."""
    while not file.exists():
        time.sleep(0.005)
    return os.getpid()
