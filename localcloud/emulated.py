"""The emulated services, which are there before there is a stack."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from localcloud.cloudwatch.measuring import Measured
from localcloud.faults.injector import Injector
from localcloud.faults.plan import FaultPlan
from localcloud.feature_store.application import application as feature_store_app
from localcloud.feature_store.store import FeatureStore
from localcloud.gateway.application import Gateway
from localcloud.gateway.upstream import Upstream
from localcloud.kinesis.app import application as kinesis_app
from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.limits import Limits
from localcloud.moto import moto_server
from localcloud.serving import serving
from localcloud.stack.aws import Boto3Aws


@dataclass(frozen=True, slots=True)
class Emulated:
    """What answers AWS's calls at `url`; more `apps`, by service, may join at any time."""

    kinesis: KinesisBackend
    feature_store: FeatureStore
    gateway: Gateway
    injector: Injector
    apps: dict[str, ASGIApp]
    aws: Boto3Aws
    url: str


async def emulated(
    exits: AsyncExitStack, measured: Measured, region: str, *, log: Path, limits: Limits | None
) -> Emulated:
    """Start them; `exits` ends them. moto writes to `log`; `limits` are Kinesis's."""
    kinesis = KinesisBackend(measured.clock, region=region, limits=limits)
    features = FeatureStore(measured.clock.now_ms)
    moto = await exits.enter_async_context(moto_server(log))
    upstream = Upstream(moto.host, moto.port)
    exits.callback(upstream.close)
    injector = Injector(FaultPlan())
    apps: dict[str, ASGIApp] = {
        "kinesis": kinesis_app(kinesis),
        "sagemaker-featurestore-runtime": feature_store_app(features),
    }
    gateway = Gateway(upstream, apps, injector, observer=measured.refused)
    address = await exits.enter_async_context(serving(gateway))
    # Subscriptions last minutes: they must end before the server that carries them.
    exits.callback(kinesis.close)
    aws = Boto3Aws(address.url, region)
    exits.callback(aws.close)
    return Emulated(kinesis, features, gateway, injector, apps, aws, address.url)
