"""The endpoints of a stack: started together, asked by name, ended with the local cloud."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from millrace.errors import LocalCloudError

from localcloud.functions.logs import LineSink
from localcloud.functions.watchdog import Watchdog
from localcloud.sagemaker import errors
from localcloud.sagemaker.container import Answer
from localcloud.sagemaker.spec import EndpointSpec, Program
from localcloud.sagemaker.variant import Surroundings, Variant

ACCOUNT_ID = "123456789012"
# "The timeout for the container to respond to inference requests to /invocations is 1 minute."
INVOCATION_TIMEOUT_S = 60.0
# SageMaker gives a server eight minutes; nothing is downloaded here.
STARTUP_TIMEOUT_S = 180.0


@dataclass(frozen=True, slots=True)
class Invoked:
    """The answer of a model, and the variant that gave it."""

    variant: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call, for metrics: `status` is the model's, or that of the error that the client got."""

    endpoint: str
    variant: str
    status: int
    latency_ms: float


@dataclass(frozen=True, slots=True)
class VariantHealth:
    """A variant: the process of its server (None: none is ready), and how many it has had."""

    endpoint: str
    variant: str
    pid: int | None
    started: int


@dataclass(slots=True)
class _Endpoint:
    variants: dict[str, Variant]

    @property
    def in_service(self) -> bool:
        """Whether every variant's server has been ready once."""
        return all(variant.in_service for variant in self.variants.values())


class Endpoints:
    """Model servers by endpoint and variant; an asynchronous context, which ends them all.

    `program` is the model server; `folder` takes the unpacked models. `seed` decides which variant
    a call goes to, in proportion to their weights. `observe` hears of every call that reached a
    variant.
    """

    def __init__(
        self,
        program: Program,
        *,
        folder: Path,
        log_folder: Path,
        region: str = "us-east-1",
        account_id: str = ACCOUNT_ID,
        environment: Mapping[str, str] | None = None,
        on_line: LineSink | None = None,
        observe: Callable[[Invocation], None] = lambda invocation: None,
        invocation_timeout_s: float = INVOCATION_TIMEOUT_S,
        startup_timeout_s: float = STARTUP_TIMEOUT_S,
        seed: int = 0,
    ) -> None:
        self._watchdog: Watchdog | None = None
        self._endpoints: dict[str, _Endpoint] = {}
        self._observe = observe
        self._random = random.Random(seed)  # noqa: S311  which variant is no secret
        self.account_id = account_id
        self._surroundings = partial(
            Surroundings,
            program=program,
            folder=folder,
            log_folder=log_folder,
            sink=on_line,
            account_id=account_id,
            region=region,
            environment=environment or {},
            invocation_timeout_s=invocation_timeout_s,
            startup_timeout_s=startup_timeout_s,
        )
        self._log_folder = log_folder

    async def __aenter__(self) -> Endpoints:
        """Be ready for endpoints."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every model server and wait until none is left."""
        endpoints, self._endpoints = self._endpoints, {}
        try:
            await asyncio.gather(
                *(v.stop() for endpoint in endpoints.values() for v in endpoint.variants.values())
            )
        finally:
            if self._watchdog is not None:
                self._watchdog.close()

    async def create(self, specs: Iterable[EndpointSpec]) -> None:
        """Start endpoints; return when every variant of each is in service.

        Raises ConfigurationError for a package that cannot be used, StartupError for a server that
        does not come up; until an endpoint is in service, calls do not find it.
        """
        specs = list(specs)
        if not specs:
            return  # nothing runs for a stack without endpoints
        if self._watchdog is None:
            self._watchdog = Watchdog()
        self._log_folder.mkdir(parents=True, exist_ok=True)
        surroundings = self._surroundings(watchdog=self._watchdog)
        for spec in specs:
            variants = {v.name: Variant(spec.name, v, surroundings) for v in spec.variants}
            self._endpoints[spec.name] = _Endpoint(variants)
        try:
            async with asyncio.TaskGroup() as group:
                for spec in specs:
                    for variant in self._endpoints[spec.name].variants.values():
                        group.create_task(variant.start())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None  # the first; it has ended the others

    async def invoke(
        self, name: str, headers: Mapping[str, str], body: bytes, variant: str | None = None
    ) -> Invoked:
        """Ask an endpoint's model, of this variant or of one chosen by weight.

        Raises EndpointError, as SageMaker's runtime does.
        """
        endpoint = self._endpoints.get(name)
        if endpoint is None or not endpoint.in_service:
            raise errors.not_found(name, self.account_id)
        chosen = self._choose(endpoint) if variant is None else endpoint.variants.get(variant)
        if chosen is None:
            raise errors.invalid(f"Variant {variant} not found for endpoint {name}.")
        started, status = time.perf_counter(), 200
        try:
            return Invoked(chosen.spec.name, await chosen.invoke(headers, body))
        except errors.EndpointError as error:
            # That of the model where it answered; 0 is no answer at all.
            status = error.document.get("OriginalStatusCode", error.status) or 500
            raise
        finally:
            latency_ms = (time.perf_counter() - started) * 1000
            self._observe(Invocation(name, chosen.spec.name, status, latency_ms))

    def health(self) -> list[VariantHealth]:
        """How each variant is doing."""
        return [
            VariantHealth(name, variant.spec.name, variant.pid, variant.started)
            for name, endpoint in self._endpoints.items()
            for variant in endpoint.variants.values()
        ]

    def kill(self, name: str, variant: str | None = None) -> int | None:
        """Kill a model server in mid-call; it is replaced. Its process id, None if none was ready.

        Raises LocalCloudError for an endpoint or variant that there is not.
        """
        endpoint = self._endpoints.get(name)
        if endpoint is None or (variant is not None and variant not in endpoint.variants):
            known = ", ".join(f"{h.endpoint}/{h.variant}" for h in self.health()) or "none"
            raise LocalCloudError(
                f"There is no endpoint {name}/{variant or '*'}; there is {known}."
            )
        chosen = endpoint.variants[variant] if variant else next(iter(endpoint.variants.values()))
        return chosen.kill()

    def _choose(self, endpoint: _Endpoint) -> Variant:
        variants = list(endpoint.variants.values())
        if len(variants) == 1:
            return variants[0]
        weights = [variant.spec.weight for variant in variants]
        return self._random.choices(variants, weights)[0]
