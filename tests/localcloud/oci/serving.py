"""Streaming and Notifications behind their address, without a function."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from localcloud.clock import RealClock
from localcloud.faults.injector import Injector
from localcloud.oci.admin import Admin
from localcloud.oci.application import Application
from localcloud.oci.function_api import FunctionApi
from localcloud.oci.notifications import Inbox, Notifications
from localcloud.oci.postman import Postman
from localcloud.oci.principal import Principal
from localcloud.oci.sdk.catalogue import Catalogue
from localcloud.oci.sdk.checking import Checker
from localcloud.oci.secret_api import SecretApi
from localcloud.oci.stream import Stream
from localcloud.oci.stream_api import StreamApi
from localcloud.oci.streaming import Streaming
from localcloud.oci.topic_api import TopicApi
from localcloud.oci.vault import Vault
from localcloud.serving import listener, serving

ROOT = Path(__file__).parents[3]
SDK_PYTHON = ROOT / ".venv-oci/bin/python"


@dataclass(frozen=True, slots=True)
class Served:
    """What is behind the address, and who may call."""

    url: str
    principal: Principal
    stream: Stream
    inbox: Inbox
    notifications: Notifications
    postman: Postman
    vault: Vault
    functions: FunctionApi
    injector: Injector


def checker() -> Checker:
    """Of the installed SDK."""
    return Checker(Catalogue.installed(SDK_PYTHON, ROOT / ".local"))


@contextlib.asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Served]:
    """A stream with two partitions, a topic, a vault, and functions as they are added."""
    clock, injector, sock = RealClock(), Injector(), listener()
    host, port = sock.getsockname()[:2]
    postman = Postman(clock, injector, lambda: f"http://{host}:{port}")
    streaming, notifications = Streaming(clock), Notifications(clock, postman)
    vault, functions = Vault(clock), FunctionApi()
    stream, inbox = streaming.create("s", partitions=2), notifications.create("t")
    principal = Principal.made(folder)
    handlers = {
        **StreamApi(streaming, "ocid1.streampool.oc1.local.pool", "127.0.0.1:9").handlers(),
        **TopicApi(notifications, postman).handlers(),
        **SecretApi(vault).handlers(),
        **functions.handlers(),
    }
    keys = {principal.key_id: principal.public_key}
    admin = Admin(injector, notifications)
    app = Application(handlers, keys, checker(), injector, admin)
    async with postman.running(), serving(app, sock=sock) as address:
        yield Served(
            address.url,
            principal,
            stream,
            inbox,
            notifications,
            postman,
            vault,
            functions,
            injector,
        )
