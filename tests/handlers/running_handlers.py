"""The handlers as they are deployed, under the Lambda runtime, with real services behind them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck
from millrace.features.dynamodb import DynamoDBStore
from millrace.features.entry import Entry
from millrace.features.plan import Plan
from millrace.features.store import Key

from localcloud.functions.logs import LogLine
from localcloud.functions.pool import FunctionPool
from localcloud.functions.spec import FunctionSpec
from tests.features.services import REGION, Services
from tests.features.services import services as offered

ROOT = Path(__file__).parents[2]
SAMPLES = {name: sorted((ROOT / "events" / name).glob("*.json")) for name in ("enrich", "ingest")}
# The handlers are the same for all examples of a property: starting them takes seconds.
SHARED = [HealthCheck.function_scoped_fixture]
STREAM = "events"
ARN = f"arn:aws:kinesis:{REGION}:123456789012:stream/{STREAM}"


@dataclass(slots=True)
class Tables:
    """What a function writes to."""

    features: str
    quarantine: str


@dataclass(slots=True)
class Handlers:
    """The functions enrich and ingest, and what they leave behind."""

    services: Services
    pool: FunctionPool
    tables: Tables
    loop: asyncio.AbstractEventLoop
    lines: list[LogLine]
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(10**55))

    def call(self, function: str, event: object) -> tuple[str | None, Any]:
        """The type of an unhandled error, if any, and the answer."""
        payload = json.dumps(_finite(event)).encode()
        work = self.pool.invoke(function, payload)
        done = asyncio.run_coroutine_threadsafe(work, self.loop).result(60)
        return done.error, json.loads(done.payload)

    def enrich(self, records: Sequence[object]) -> list[str]:
        """The sequence numbers that the answer to a batch names."""
        error, answer = self.call("enrich", {"Records": records})
        assert error is None, answer
        assert set(answer) == {"batchItemFailures"}
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def entries(self, plan: Plan, *users: str) -> dict[str, Entry | None]:
        """What is stored for users."""
        store = DynamoDBStore(self.services.client("dynamodb"), self.tables.features, 0)
        found = store.read([Key(user, plan) for user in users])
        assert not [entry for entry in found.values() if isinstance(entry, Exception)]
        return {user: entry for user, entry in found.items() if not isinstance(entry, Exception)}

    def accepted(self, plan: Plan, *users: str) -> dict[str, int]:
        """How many events were applied for each user."""
        return {
            user: 0 if entry is None else entry.profile.accepted
            for user, entry in self.entries(plan, *users).items()
        }

    def kept(self) -> set[str]:
        """The keys of the objects in the quarantine bucket."""
        s3 = self.services.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.tables.quarantine)
        return {one["Key"] for page in pages for one in page.get("Contents", ())}

    def object(self, key: str) -> Any:
        """An object in the quarantine bucket."""
        s3 = self.services.client("s3")
        return json.loads(s3.get_object(Bucket=self.tables.quarantine, Key=key)["Body"].read())


def _finite(value: Any) -> Any:
    """The value without NaN and infinities, which are no JSON: no event of Lambda's has them."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list) else value


def _spec(name: str, url: str, **environment: str) -> FunctionSpec:
    common = {
        "AWS_ENDPOINT_URL": url,
        "MILLRACE_FEATURES": str(ROOT / "features.toml"),
        "POWERTOOLS_METRICS_NAMESPACE": "Millrace",
        "POWERTOOLS_SERVICE_NAME": name,
    }
    return FunctionSpec(
        name=name,
        handler="app.handler",
        code=ROOT / "lambdas" / name,
        layers=(ROOT / "layers/core",),
        environment={**common, **environment},
        timeout_s=60,
        memory_mb=1024,
        max_workers=1,
    )


@contextlib.asynccontextmanager
async def handlers(folder: Path) -> AsyncIterator[Handlers]:
    """Both functions for as long as the block runs."""
    async with offered(folder / "moto.log") as services:
        loop = asyncio.get_running_loop()
        tables = await loop.run_in_executor(None, _made, services)
        lines: list[LogLine] = []
        specs = [
            _spec(
                "enrich",
                services.url,
                FEATURES_TABLE=tables.features,
                QUARANTINE_BUCKET=tables.quarantine,
            ),
            _spec("ingest", services.url, STREAM_NAME=STREAM),
        ]
        pool = FunctionPool(specs, log_folder=folder, region=REGION, on_line=lines.append)
        async with pool:
            yield Handlers(services, pool, tables, loop, lines)


def _made(services: Services) -> Tables:
    services.client("kinesis").create_stream(StreamName=STREAM, ShardCount=1)
    return Tables(services.table(), services.bucket())
