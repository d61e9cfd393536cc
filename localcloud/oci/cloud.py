"""The anomaly pipeline on one machine: stream → connector → function → database → inbox."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from millrace.errors import StartupError

from localcloud.clock import RealClock
from localcloud.oci.application import application
from localcloud.oci.batching import Limits
from localcloud.oci.connector import Connector, Repeats
from localcloud.oci.function import FdkFunction, FunctionSpec, Place, function
from localcloud.oci.notifications import Inbox, Notifications
from localcloud.oci.principal import Principal
from localcloud.oci.stream import Stream
from localcloud.oci.streaming import Streaming
from localcloud.serving import serving

FUNCTION = "oci-fn/extract-features"
STREAM = "anomaly-events-stream"


@dataclass(frozen=True, slots=True)
class Options:
    """`root` is the checkout, `folder` where database, key and log are kept (made if need be)."""

    root: Path
    folder: Path
    partitions: int = 2
    retention_h: int = 24
    limits: Limits = field(default_factory=Limits)
    repeats: Repeats = field(default_factory=Repeats)


@dataclass(frozen=True, slots=True)
class OciCloud:
    """What runs. A client with `principal`'s environment is pointed at `url`."""

    url: str
    principal: Principal
    stream: Stream
    connector: Connector
    function: FdkFunction
    inbox: Inbox
    database: Path


@contextlib.asynccontextmanager
async def running(options: Options) -> AsyncIterator[OciCloud]:
    """The pipeline for as long as the block runs; then all that was started is stopped."""
    folder = options.folder.absolute()  # the function has a working folder of its own
    place = _place(options.root.absolute(), folder)
    clock = RealClock()
    streaming, notifications = Streaming(clock), Notifications(clock)
    stream = streaming.create(
        STREAM, partitions=options.partitions, retention_h=options.retention_h
    )
    inbox = notifications.create("anomalies")
    principal = Principal.made(folder)
    database = folder / "millrace.db"
    app = application(streaming, notifications, {principal.key_id: principal.public_key})
    spec = FunctionSpec.of(options.root.absolute() / FUNCTION)
    async with contextlib.AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(app))
        environ = {
            **principal.environ,
            "MILLRACE_DATABASE": f"sqlite:///{database}",
            "MILLRACE_TOPIC_ID": inbox.topic_id,
            "MILLRACE_OCI_ENDPOINT": address.url,
        }
        started = await stack.enter_async_context(function(spec, place, environ))
        connector = Connector(stream, started, options.limits, options.repeats)
        await stack.enter_async_context(connector.running())
        yield OciCloud(address.url, principal, stream, connector, started, inbox, database)


def _place(root: Path, folder: Path) -> Place:
    fdk = root / ".venv-oci/bin/fdk"
    if not fdk.exists():
        raise StartupError(f"There is no {fdk}; run scripts/setup --oci")
    folder.mkdir(parents=True, exist_ok=True)
    return Place(fdk, root / "layers/core", folder, root / ".local/pycache")
