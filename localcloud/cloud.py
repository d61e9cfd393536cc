"""The local cloud, whole: started from template.yaml, stopped without a trace.

One event loop holds Kinesis, the feature store, the gateway, HTTP APIs and event source mappings;
moto and the functions' workers are processes of their own, which end with this one whatever
happens to it. Every server listens on a free loopback port.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from millrace.errors import LocalCloudError

from localcloud.clock import RealClock
from localcloud.event_source_mapping.checkpoints import Checkpoints
from localcloud.event_source_mapping.config import MappingConfig
from localcloud.event_source_mapping.faults import Faults
from localcloud.event_source_mapping.mapping import EventSourceMapping
from localcloud.faults.injector import Injector
from localcloud.faults.plan import FaultPlan
from localcloud.feature_store.application import application as feature_store_app
from localcloud.feature_store.definitions import Feature, FeatureGroup, FeatureType
from localcloud.feature_store.store import FeatureStore
from localcloud.functions.logs import LineSink
from localcloud.functions.pool import FunctionPool, Kind
from localcloud.functions.spec import FunctionSpec
from localcloud.gateway.application import Gateway
from localcloud.gateway.upstream import Upstream
from localcloud.http_api.application import application as http_api_app
from localcloud.http_api.routes import Route
from localcloud.http_api.throttling import Rate
from localcloud.kinesis.app import application as kinesis_app
from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.limits import Limits
from localcloud.lag import LagMeter
from localcloud.moto import moto_server
from localcloud.objects import S3ObjectStore
from localcloud.serving import listener, serving
from localcloud.stack.aws import Boto3Aws
from localcloud.stack.building import build
from localcloud.stack.model import FeatureGroupResource, FunctionResource
from localcloud.stack.place import Place
from localcloud.stack.stack import Stack, deploy

REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Options:
    """What a run may choose.

    `parameters` override the template's; `folder` takes logs and built code; `faults` strike calls
    to AWS, `mapping_faults` the deliveries; `limits` are Kinesis's, off by default; `kind` of
    function workers is the best that there is, by default.
    """

    root: Path
    folder: Path
    stack: str = "local"
    parameters: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    faults: FaultPlan = field(default_factory=FaultPlan)
    mapping_faults: Faults | None = None
    limits: Limits | None = None
    kind: Kind | None = None
    max_workers: int = 4
    seed: int = 0


@dataclass(slots=True)
class LocalCloud:
    """A running local cloud: what it consists of, for those who drive and watch it."""

    options: Options
    url: str
    clock: RealClock
    kinesis: KinesisBackend
    feature_store: FeatureStore
    gateway: Gateway
    injector: Injector
    aws: Boto3Aws
    stack: Stack
    pool: FunctionPool
    lag: LagMeter
    mappings: list[EventSourceMapping] = field(default_factory=list)

    def output(self, name: str) -> str:
        """An output of the stack. Raises LocalCloudError, naming those that there are."""
        if name not in self.stack.outputs:
            known = ", ".join(sorted(self.stack.outputs))
            raise LocalCloudError(f"The stack has no output {name!r}; it has: {known}.")
        return self.stack.outputs[name]

    def client(self, service: Any) -> Any:  # noqa: ANN401  boto3 makes its clients at run time
        """A boto3 client of this cloud."""
        return self.aws.client(service)

    async def caught_up(self) -> None:
        """Return when everything that is on the streams now has been done or given up."""
        for mapping in self.mappings:
            await mapping.caught_up()

    async def restart_mappings(self, *, abandon: bool) -> None:
        """Stop the mappings and start them again from their checkpoints."""
        for mapping in self.mappings:
            await mapping.stop(abandon=abandon)
            mapping.start()


@contextlib.asynccontextmanager
async def running(
    options: Options,
    *,
    on_line: LineSink | None = None,
    on_step: Callable[[str], None] = lambda step: None,
) -> AsyncIterator[LocalCloud]:
    """A local cloud for as long as the block runs; `on_step` hears of each step of the start."""
    async with contextlib.AsyncExitStack() as stack:
        yield await _start(options, stack, on_line, on_step)


async def _start(
    options: Options,
    exits: contextlib.AsyncExitStack,
    on_line: LineSink | None,
    on_step: Callable[[str], None],
) -> LocalCloud:
    clock = RealClock()
    options.folder.mkdir(parents=True, exist_ok=True)
    on_step("emulated services")
    kinesis = KinesisBackend(clock, region=REGION, limits=options.limits)
    features = FeatureStore(clock.now_ms)
    moto = await exits.enter_async_context(moto_server(options.folder / "moto.log"))
    upstream = Upstream(moto.host, moto.port)
    exits.callback(upstream.close)
    injector = Injector(FaultPlan())
    apps = {
        "kinesis": kinesis_app(kinesis),
        "sagemaker-featurestore-runtime": feature_store_app(features),
    }
    gateway = Gateway(upstream, apps, injector)
    address = await exits.enter_async_context(serving(gateway))
    # Subscriptions last minutes: they must end before the server that carries them.
    exits.callback(kinesis.close)

    on_step("resources of template.yaml")
    sockets: dict[str, socket.socket] = {}
    http_api_url = partial(_listening, sockets, exits)
    aws = Boto3Aws(address.url, REGION)
    exits.callback(aws.close)
    root = options.root.resolve()
    place = Place(options.stack, root, http_api_url, REGION)
    template = root / "template.yaml"
    deployed = await asyncio.to_thread(deploy, template, place, aws, dict(options.parameters))
    for group in deployed.feature_groups:
        features.add(_feature_group(group))

    on_step("functions")
    specs = [
        await asyncio.to_thread(_spec, function, options, address.url)
        for function in deployed.functions.values()
    ]
    pool = await exits.enter_async_context(_pool(specs, options, on_line))
    lag = LagMeter(pool, clock)
    cloud = LocalCloud(
        options, address.url, clock, kinesis, features, gateway, injector, aws, deployed, pool, lag
    )
    await _serve_http_apis(cloud, exits, sockets)
    injector.use(options.faults)
    _start_mappings(cloud)
    exits.push_async_callback(_stop_mappings, cloud)
    return cloud


def _listening(
    sockets: dict[str, socket.socket], exits: contextlib.AsyncExitStack, logical_id: str
) -> str:
    """The URL of an HTTP API, whose socket listens before anybody serves it."""
    if logical_id not in sockets:
        sockets[logical_id] = listener()
        exits.callback(sockets[logical_id].close)
    return f"http://127.0.0.1:{sockets[logical_id].getsockname()[1]}"


def _pool(
    specs: Sequence[FunctionSpec], options: Options, on_line: LineSink | None
) -> FunctionPool:
    return FunctionPool(
        specs,
        log_folder=options.folder / "logs",
        region=REGION,
        kind=options.kind,
        on_line=on_line,
        seed=options.seed,
    )


def _feature_group(group: FeatureGroupResource) -> FeatureGroup:
    return FeatureGroup(
        group.name,
        group.record_identifier,
        group.event_time,
        {name: Feature(name, FeatureType(kind)) for name, kind in group.definitions.items()},
        online=group.online,
        offline=group.offline_s3_uri is not None,
        ttl_s=group.ttl_s,
    )


def _spec(function: FunctionResource, options: Options, url: str) -> FunctionSpec:
    built = options.folder / "build" / function.logical_id
    code = build(function.code, function.logical_id, built)
    own = {**function.environment, "AWS_ENDPOINT_URL": url, **options.environment}
    return FunctionSpec(
        name=function.name,
        handler=function.handler,
        code=code,
        # The core library from the checkout; what it depends on is in the environment we run in.
        layers=tuple(layer.code.folder for layer in function.layers[:1]),
        environment=own,
        timeout_s=function.timeout_s,
        memory_mb=function.memory_mb,
        max_workers=options.max_workers,
        reserved_concurrency=function.reserved_concurrency,
    )


async def _serve_http_apis(
    cloud: LocalCloud, exits: contextlib.AsyncExitStack, sockets: Mapping[str, socket.socket]
) -> None:
    throttling = {stage.api_id: stage.throttling for stage in cloud.stack.stages}
    for api in cloud.stack.http_apis:
        routes = [
            Route(
                route.path if route.path == "$default" else f"{route.method} {route.path}",
                route.function_name,
                route.payload_format,
                route.timeout_s,
            )
            for route in api.routes
        ]
        limit = throttling.get(api.api_id)
        rate = Rate(limit.rate, limit.burst) if limit is not None else None
        app = http_api_app(routes, cloud.pool, cloud.clock, rate=rate)
        port = urlsplit(api.url).port
        sock = next(s for s in sockets.values() if s.getsockname()[1] == port)
        await exits.enter_async_context(serving(app, sock=sock))


def _start_mappings(cloud: LocalCloud) -> None:
    objects = S3ObjectStore(cloud.aws)
    for resource in cloud.stack.mappings:
        mapping = EventSourceMapping(
            MappingConfig.from_properties(resource.properties, identity=resource.uuid),
            reader=cloud.kinesis,
            invoker=cloud.lag,
            clock=cloud.clock,
            objects=objects,
            checkpoints=Checkpoints(),
            faults=cloud.options.mapping_faults,
            seed=cloud.options.seed,
        )
        mapping.start()
        cloud.mappings.append(mapping)


async def _stop_mappings(cloud: LocalCloud) -> None:
    for mapping in cloud.mappings:
        await mapping.stop(abandon=True)
