"""Streaming and Notifications behind their address, without a function."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from localcloud.clock import RealClock
from localcloud.oci.application import application
from localcloud.oci.notifications import Inbox, Notifications
from localcloud.oci.principal import Principal
from localcloud.oci.stream import Stream
from localcloud.oci.streaming import Streaming
from localcloud.serving import serving

ROOT = Path(__file__).parents[3]
SDK_PYTHON = ROOT / ".venv-oci/bin/python"


@dataclass(frozen=True, slots=True)
class Served:
    """What is behind the address, and who may call."""

    url: str
    principal: Principal
    stream: Stream
    inbox: Inbox


@contextlib.asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Served]:
    """A stream with two partitions and a topic."""
    clock = RealClock()
    streaming, notifications = Streaming(clock), Notifications(clock)
    stream, inbox = streaming.create("s", partitions=2), notifications.create("t")
    principal = Principal.made(folder)
    app = application(streaming, notifications, {principal.key_id: principal.public_key})
    async with serving(app) as address:
        yield Served(address.url, principal, stream, inbox)
