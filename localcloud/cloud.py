"""The local cloud, whole: started from template.yaml, stopped without a trace.

One event loop holds Kinesis, the feature store, the gateway, HTTP APIs, event source mappings and
alarms; moto, the functions' workers and the endpoints' model servers are processes of their own,
which end with this one whatever happens to it. Every server listens on a free loopback port.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from millrace.errors import LocalCloudError

from localcloud import assembly
from localcloud.clock import RealClock
from localcloud.cloudwatch.alarms import Alarm
from localcloud.cloudwatch.measuring import MappingSampler, Measured, MeasuredInvoker
from localcloud.cloudwatch.metrics import MetricStore
from localcloud.cloudwatch.monitor import Monitor
from localcloud.emulated import Emulated, emulated
from localcloud.event_source_mapping.checkpoints import Checkpoints
from localcloud.event_source_mapping.config import MappingConfig
from localcloud.event_source_mapping.faults import Faults
from localcloud.event_source_mapping.mapping import EventSourceMapping
from localcloud.faults.injector import Injector
from localcloud.faults.plan import FaultPlan
from localcloud.feature_store.store import FeatureStore
from localcloud.functions.logs import LineSink
from localcloud.functions.pool import FunctionPool, Kind
from localcloud.gateway.application import Gateway
from localcloud.http_api.application import application as http_api_app
from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.limits import Limits
from localcloud.lag import LagMeter
from localcloud.objects import S3ObjectStore
from localcloud.sagemaker.application import application as endpoints_app
from localcloud.sagemaker.endpoints import Endpoints
from localcloud.serving import serving
from localcloud.stack.aws import Boto3Aws
from localcloud.stack.place import Place
from localcloud.stack.stack import Stack, deploy

REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Options:
    """What a run may choose.

    `parameters` override the template's; `folder` takes logs, built code and unpacked models;
    `objects` are files that stand in the local S3 (by "bucket/key") before the stack is made;
    `faults` strike calls to AWS, `mapping_faults` the deliveries; `limits` are Kinesis's, off by
    default; `kind` of function workers is the best that there is, by default; `model_server` is
    the command behind every endpoint, by default the server of model/.
    """

    root: Path
    folder: Path
    stack: str = "local"
    parameters: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, Path] = field(default_factory=dict)
    faults: FaultPlan = field(default_factory=FaultPlan)
    mapping_faults: Faults | None = None
    limits: Limits | None = None
    kind: Kind | None = None
    max_workers: int = 4
    model_server: Sequence[str] | None = None
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
    endpoints: Endpoints
    measured: Measured
    lag: LagMeter
    monitor: Monitor
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
        """Return when everything that is on the streams now has been done or given up; batching
        windows end early for it."""
        for mapping in self.mappings:
            await mapping.caught_up(hurry=True)

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
    measured = Measured(MetricStore(), clock)
    options.folder.mkdir(parents=True, exist_ok=True)
    on_step("emulated services")
    services = await emulated(
        exits, measured, REGION, log=options.folder / "moto.log", limits=options.limits
    )

    on_step("resources of template.yaml")
    doors = assembly.Doors(exits)
    place = Place(options.stack, options.root.resolve(), doors.url, REGION)
    stack = await asyncio.to_thread(_deploy, options, place, services.aws)
    measured.aliases = stack.aliases
    for group in stack.feature_groups:
        services.feature_store.add(assembly.feature_group(group))
    endpoints = await _serve_endpoints(options, exits, services, stack, measured, on_line, on_step)

    on_step("functions")
    pool = await _pool(options, exits, stack, services.url, measured.lines(on_line))
    mappings: list[EventSourceMapping] = []
    cloud = LocalCloud(
        options=options,
        url=services.url,
        clock=clock,
        kinesis=services.kinesis,
        feature_store=services.feature_store,
        gateway=services.gateway,
        injector=services.injector,
        aws=services.aws,
        stack=stack,
        pool=pool,
        endpoints=endpoints,
        measured=measured,
        lag=LagMeter(MeasuredInvoker(pool, measured), clock),
        monitor=_monitor(stack, measured, mappings, services.aws),
        mappings=mappings,
    )
    await _serve_http_apis(cloud, exits, doors)
    services.injector.use(options.faults)
    _start_mappings(cloud)
    exits.push_async_callback(_stop_mappings, cloud)
    cloud.monitor.start()
    exits.push_async_callback(cloud.monitor.stop)
    return cloud


def _deploy(options: Options, place: Place, aws: Boto3Aws) -> Stack:
    assembly.put_objects(options.objects, aws)
    return deploy(place.root / "template.yaml", place, aws, dict(options.parameters))


async def _serve_endpoints(
    options: Options,
    exits: contextlib.AsyncExitStack,
    services: Emulated,
    stack: Stack,
    measured: Measured,
    on_line: LineSink | None,
    on_step: Callable[[str], None],
) -> Endpoints:
    root = options.root.resolve()
    endpoints = Endpoints(
        assembly.model_server(root, options.model_server, services.url, REGION),
        folder=options.folder / "models",
        log_folder=options.folder / "logs",
        region=REGION,
        on_line=on_line,
        observe=measured.endpoint,
        seed=options.seed,
    )
    services.apps["sagemaker-runtime"] = endpoints_app(endpoints)
    await exits.enter_async_context(endpoints)
    if stack.endpoints:
        on_step("model endpoints")
        await endpoints.create(
            await asyncio.to_thread(assembly.endpoint_specs, stack.endpoints, services.aws)
        )
    return endpoints


async def _pool(
    options: Options,
    exits: contextlib.AsyncExitStack,
    stack: Stack,
    url: str,
    on_line: LineSink,
) -> FunctionPool:
    specs = await asyncio.to_thread(
        assembly.function_specs,
        stack.functions.values(),
        options.folder / "build",
        {"AWS_ENDPOINT_URL": url, **options.environment},
        options.max_workers,
    )
    pool = FunctionPool(
        specs,
        log_folder=options.folder / "logs",
        region=REGION,
        kind=options.kind,
        on_line=on_line,
        seed=options.seed,
    )
    return await exits.enter_async_context(pool)


def _monitor(
    stack: Stack, measured: Measured, mappings: Sequence[EventSourceMapping], aws: Boto3Aws
) -> Monitor:
    return Monitor(
        measured.store,
        [Alarm.from_request(alarm.arn, alarm.request) for alarm in stack.alarms],
        aws,
        measured.clock,
        region=REGION,
        sample=MappingSampler(mappings, measured),
    )


async def _serve_http_apis(
    cloud: LocalCloud, exits: contextlib.AsyncExitStack, doors: assembly.Doors
) -> None:
    stages = {stage.api_id: stage for stage in cloud.stack.stages}
    apis = assembly.Apis(cloud.clock, REGION, cloud.stack.place.account_id)
    invoker = MeasuredInvoker(cloud.pool, cloud.measured)
    for api in cloud.stack.http_apis:
        stage = stages.get(api.api_id)
        app = http_api_app(
            apis.routes(api, stage),
            invoker,
            cloud.clock,
            api=apis.api(api, stage),
            cors=assembly.cors(api.cors),
            rate=assembly.rate(stage.throttling if stage is not None else None),
            observe=cloud.measured.http_api(api.api_id),
        )
        await exits.enter_async_context(serving(app, sock=doors.sockets[api.logical_id]))


def _start_mappings(cloud: LocalCloud) -> None:
    objects = S3ObjectStore(cloud.aws)
    events = cloud.stack.outputs.get("StreamArn", "")
    for resource in cloud.stack.mappings:
        # The lag that counts is that of features, so of the stream of events alone.
        invoker = cloud.lag if resource.event_source_arn.startswith(events) else cloud.lag.invoker
        mapping = EventSourceMapping(
            MappingConfig.from_properties(resource.properties, identity=resource.uuid),
            reader=cloud.kinesis,
            invoker=invoker,
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
