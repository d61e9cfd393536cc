"""What the pipeline on one machine is made of, before anything runs."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from millrace.anomaly.sqlite import SqliteDatabase
from millrace.errors import StartupError

from localcloud.clock import RealClock
from localcloud.faults.injector import Injector
from localcloud.faults.plan import FaultPlan
from localcloud.oci.admin import Admin
from localcloud.oci.application import Application
from localcloud.oci.batching import Limits
from localcloud.oci.connector import Repeats
from localcloud.oci.function import FunctionSpec, Place
from localcloud.oci.function_api import FunctionApi
from localcloud.oci.gateway import Gateway
from localcloud.oci.kafka.peer import Peer
from localcloud.oci.kafka.requests import Node
from localcloud.oci.notifications import Notifications
from localcloud.oci.past import next_offsets
from localcloud.oci.postman import Postman
from localcloud.oci.principal import Principal
from localcloud.oci.sdk.catalogue import Catalogue
from localcloud.oci.sdk.checking import Checker
from localcloud.oci.secret_api import SecretApi
from localcloud.oci.stream_api import StreamApi
from localcloud.oci.streaming import Streaming
from localcloud.oci.striking import StruckFunction
from localcloud.oci.sweeper import Sweeper
from localcloud.oci.terraform import FOLDER, batch_limits
from localcloud.oci.topic_api import TopicApi
from localcloud.oci.vault import Vault
from localcloud.serving import listener

FUNCTION = "oci-fn/extract-features"
STREAM = "anomaly-events-stream"
FUNCTION_ID = "ocid1.fnfunc.oc1.local.extract-features"
POOL_ID = "ocid1.streampool.oc1.local.pool"
# Whoever signs in by Kafka's way; the token is made for the run.
KAFKA_USER = "local/operator"


@dataclass(frozen=True, slots=True)
class Options:
    """`root` is the checkout, `folder` where database, key and log are kept (made if need be).

    A database that is there goes on, and the stream behind what it has seen. `secrets` are in the
    Vault from the start, by name; `environ` is given to the function beside what the cloud gives
    it. Batches are as large as Terraform says, unless `limits` does. `sweep_s` is how often the
    database's job runs; a `throttled` stream keeps the service's rates. `gateway` is the
    specification of an API Gateway's deployment, in which FUNCTION_ID is the function.
    """

    root: Path
    folder: Path
    partitions: int = 2
    retention_h: int = 24
    limits: Limits | None = None
    repeats: Repeats = field(default_factory=Repeats)
    faults: FaultPlan = field(default_factory=FaultPlan)
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    sweep_s: float = 120.0
    throttled: bool = False
    gateway: Mapping[str, Any] | None = None


class Parts:
    """What there is before anything runs."""

    def __init__(self, options: Options, catalogue: Catalogue) -> None:
        root, folder = options.root.absolute(), options.folder.absolute()
        self._options = options
        self._checker = Checker(catalogue)
        clock = RealClock()
        self.spec = FunctionSpec.of(root / FUNCTION)
        self.limits = options.limits or batch_limits(root / FOLDER)
        self.place = _place(root, folder)
        self.injector = Injector(options.faults)
        self.principal = Principal.made(folder)
        self.database = folder / "millrace.db"
        if not self.database.exists():  # as in the cloud, it is there before there are events
            SqliteDatabase(self.database).close()
        self.streaming = Streaming(clock)
        self.stream = self.streaming.create(
            STREAM,
            partitions=options.partitions,
            retention_h=options.retention_h,
            throttled=options.throttled,
            firsts=next_offsets(self.database, STREAM),
        )
        self.postman = Postman(clock, self.injector, self._base)
        self.notifications = Notifications(clock, self.postman)
        self.inbox = self.notifications.create("anomalies")
        self.vault = Vault(clock)
        for name, content in options.secrets.items():
            self.vault.create(name, content)
        self.functions = FunctionApi()
        self.crash: Callable[[], None] = lambda: None  # kills the function, once it runs
        self.kafka_token = secrets.token_urlsafe(24)
        users = {f"{KAFKA_USER}/{POOL_ID}": self.kafka_token}
        self.peer = Peer(self.streaming, users, self.injector)
        self.sweeper = Sweeper(
            *(self.database, self.notifications, self.inbox.topic_id, clock, options.sweep_s)
        )
        self.socket = listener()  # the last, for whatever raises before leaves nothing open

    @classmethod
    async def made(cls, options: Options) -> Parts:
        """All of them. Raises StartupError."""
        root = options.root.absolute()
        _place(root, options.folder.absolute())
        python = root / ".venv-oci/bin/python"
        catalogue = await asyncio.to_thread(Catalogue.installed, python, root / ".local")
        return cls(options, catalogue)

    def _base(self) -> str:
        host, port = self.socket.getsockname()[:2]
        return f"http://{host}:{port}"

    def application(self, kafka: Node) -> Application:
        """All services behind one address."""
        handlers = {
            **StreamApi(self.streaming, POOL_ID, f"{kafka.host}:{kafka.port}").handlers(),
            **TopicApi(self.notifications, self.postman).handlers(),
            **SecretApi(self.vault).handlers(),
            **self.functions.handlers(),
        }
        keys = {self.principal.key_id: self.principal.public_key}
        admin = Admin(self.injector, self.notifications)
        return Application(
            handlers, keys, self._checker, self.injector, admin, lambda: self.crash()
        )

    def gateway(self, specification: Mapping[str, Any], function: StruckFunction) -> Gateway:
        """API Gateway before the function. Raises OciError, UnsupportedResource."""
        return Gateway.of("/", specification, {self.spec.id: function}, self._checker)

    def environ(self, url: str) -> Mapping[str, str]:
        """The function's."""
        return {
            **self.principal.environ,
            "MILLRACE_DATABASE": f"sqlite:///{self.database}",
            "MILLRACE_TOPIC_ID": self.inbox.topic_id,
            "MILLRACE_OCI_ENDPOINT": url,
            **self._options.environ,
        }


def _place(root: Path, folder: Path) -> Place:
    fdk = root / ".venv-oci/bin/fdk"
    if not fdk.exists():
        raise StartupError(f"There is no {fdk}; run scripts/setup --oci")
    folder.mkdir(parents=True, exist_ok=True)
    return Place(fdk, root / "layers/core", folder, root / ".local/pycache")
