"""From event to feature in the local cloud: by the clock on the wall."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from millrace.producer import Producer

from benchmarks.enriching import ROOT, shipped
from benchmarks.figures import Figure, at_most
from localcloud.cloud import Options, running
from localcloud.demo.shop import Shop
from localcloud.demo.streaming import Streamer
from localcloud.demo.traffic import puts

_SECONDS = 12.0
_RATE = 100.0
_TARGETS_MS = {"on": 1_000.0, "off": 2_500.0}


def lag_figures() -> list[Figure]:
    """The 99th percentile with enhanced fan-out and without; nothing is late, nothing fails."""
    figures = []
    for fan_out, target in _TARGETS_MS.items():
        median_ms, high_ms = asyncio.run(_lag(fan_out))
        name = f"event to feature, enhanced fan-out {fan_out}"
        figures.append(at_most(f"{name}, p50", median_ms, "ms"))
        figures.append(at_most(f"{name}, p99", high_ms, "ms", target))
    return figures


async def _lag(fan_out: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        options = Options(
            ROOT,
            Path(folder),
            parameters={"EnhancedFanOut": fan_out, "Alarms": "off", "Dashboard": "off"},
        )
        async with running(options) as cloud:
            producer = Producer(cloud.client("kinesis"), cloud.output("StreamName"))
            streamer = Streamer(cloud, producer)
            shop = Shop(1, _RATE)
            # The first batches wait for the functions to start: cold starts are measured elsewhere.
            await streamer.send(puts(shop.live(cloud.clock.now_ms(), 3), shipped()))
            await cloud.caught_up()
            cloud.lag.lags_ms.clear()
            await streamer.send(puts(shop.live(cloud.clock.now_ms(), _SECONDS), shipped()))
            await cloud.caught_up()
            median_ms, high_ms = cloud.lag.percentile(0.5), cloud.lag.percentile(0.99)
            assert median_ms is not None
            assert high_ms is not None
            return median_ms, high_ms
