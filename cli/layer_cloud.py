"""Layers in /opt of temporary functions in the cloud, for `millrace layers test --cloud`."""

from __future__ import annotations

import contextlib
import secrets
import signal
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import cast

import boto3
from botocore.exceptions import BotoCoreError
from millrace.errors import ConfigurationError
from millrace.lambda_layers.cloud_runtime import CloudRuntime, Lambda, Logs
from millrace.lambda_layers.installing import Target


@contextlib.contextmanager
def in_cloud(
    layers: Sequence[Path | str], target: Target, role: str, region: str | None
) -> Iterator[CloudRuntime]:
    """A runtime of functions that are removed when it is left, be it by a signal."""
    try:
        session = boto3.Session(region_name=region)
        functions = cast(Lambda, session.client("lambda"))
        logs = cast(Logs, session.client("logs"))
    except BotoCoreError as error:
        raise ConfigurationError(f"--cloud cannot reach AWS: {error} Name a --region.") from error
    with (
        _ended_in_order(),
        CloudRuntime(
            functions,
            logs,
            layers=layers,
            target=target,
            role=role,
            token=secrets.token_hex(4),
            now=lambda: datetime.now(UTC),
            sleep=time.sleep,
        ) as runtime,
    ):
        yield runtime


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """Whoever ends us by SIGTERM gets what Ctrl-C does: everything is removed first."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
