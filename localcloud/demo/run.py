"""One run: events onto the stream, predictions asked for meanwhile, and what came of both."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from millrace.features.definitions import Definitions
from millrace.producer import Producer

from localcloud.cloud import LocalCloud
from localcloud.demo.arguments import SECONDS, Arguments
from localcloud.demo.asking import Asker, Done
from localcloud.demo.board import FeaturesBoard
from localcloud.demo.checking import check
from localcloud.demo.display import Lane
from localcloud.demo.files import EventsFile
from localcloud.demo.patience import patiently
from localcloud.demo.shop import Shop
from localcloud.demo.streaming import Streamer
from localcloud.demo.summary import Summary
from localcloud.demo.traffic import spoiled
from localcloud.demo.watching import Watch
from localcloud.gateway.counters import OperationCount

_HISTORY = 1_500
_PREDICTIONS_PER_S = 10.0
_COUNTED = ("PutItem", "GetItem", "BatchGetItem")


class Run:
    """A run on a local cloud that is up."""

    def __init__(
        self,
        arguments: Arguments,
        cloud: LocalCloud,
        definitions: Definitions,
        lane: Lane,
        watch: Watch,
    ) -> None:
        self._arguments = arguments
        self._cloud = cloud
        self._definitions = definitions
        self._lane = lane
        self._watch = watch
        producer = Producer(cloud.client("kinesis"), cloud.output("StreamName"))
        self._streamer = Streamer(cloud, producer)
        self._done = Done()
        cloud.lag.on_done = self._done.see
        self._asker = Asker(
            cloud.stack.outputs.get("PredictUrl", ""),
            _PREDICTIONS_PER_S,
            arguments.seed,
            self._done,
            cloud.clock.now_ms,
            signed=arguments.parameters.get("ApiAuth") == "IAM",
        )

    async def summary(self, started_s: float) -> Summary:
        """Stream everything, wait for the last feature, compare; what came of it."""
        cloud = self._cloud
        self._lane.follow(FeaturesBoard(cloud, self._streamer, self._asker, self._watch))
        if self._arguments.events is None:
            refused = await self._shop(self._arguments.seconds or SECONDS)
        else:
            refused = await self._file(self._arguments.events.name)
        self._lane.phase("comparing with a recomputation")
        asked = self._asker.asked
        checked = await check(cloud, self._definitions, self._streamer.put, asked)
        counters = cloud.gateway.counters.snapshot()
        counted = {name: counters.get(("dynamodb", name), OperationCount()) for name in _COUNTED}
        puts = counted["PutItem"]
        return Summary(
            checked,
            refused,
            puts.calls - sum(puts.errors.values()) - puts.unanswered,
            {name: count.calls for name, count in counted.items()},
            time.monotonic() - started_s,
            cloud.lag.percentiles,
            self._asker.lag,
            cloud.pool.kind.value,
        )

    async def _shop(self, seconds: float) -> list[str]:
        cloud, lane, seed = self._cloud, self._lane, self._arguments.seed
        shop = Shop(seed, self._arguments.rate)
        lane.phase("yesterday in the shop")
        history = shop.history(cloud.clock.now_ms(), _HISTORY)
        await self._streamer.send(spoiled(history, self._definitions, seed))
        await self._caught_up()
        if self._has_model:
            await self._asker.warm()
        cloud.lag.lags_ms.clear()
        self._streamer.sent = 0
        lane.phase("live", seconds)
        live = shop.live(cloud.clock.now_ms(), seconds)
        async with self._asking():
            await self._streamer.send(spoiled(live, self._definitions, seed + 1))
            await self._catch_up()
        return []

    async def _file(self, name: str) -> list[str]:
        arguments, clock = self._arguments, self._cloud.clock
        assert arguments.events is not None
        file = EventsFile(arguments.events, arguments.mapping, self._definitions, clock.now_ms)
        until_ms = None
        if arguments.seconds is not None:
            until_ms = clock.now_ms() + int(arguments.seconds * 1000)
        self._lane.phase(name, arguments.seconds)
        async with self._asking():
            await self._streamer.send(file.records(), until_ms)
            await self._catch_up()
        return file.refused

    async def _catch_up(self) -> None:
        self._lane.phase("waiting for the last features")
        await self._caught_up()

    async def _caught_up(self) -> None:
        cloud = self._cloud
        await patiently(
            cloud.caught_up(),
            lambda: [mapping.snapshot() for mapping in cloud.mappings],
            lambda: self._watch.latest_problem,
            self._lane.note,
        )

    @property
    def _has_model(self) -> bool:
        return "EndpointName" in self._cloud.stack.outputs

    @contextlib.asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """Ask for predictions while the block runs, where there is a model to ask."""
        if not self._has_model:
            yield
            return
        asking = asyncio.create_task(self._asker.run())
        try:
            yield
        finally:
            self._asker.stop()
            await asking
