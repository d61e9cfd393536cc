"""From event to feature in the local cloud: by the clock on the wall.

A hundred events a second through Kinesis, the mapping and the real runtime client; the age of an
event when the function has answered for its batch. The tutorial's handler gets the same traffic in
a local cloud of its own, set up as the tutorial says: two shards, polled.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import orjson
from millrace.errors import LocalCloudError
from millrace.producer import Producer

from benchmarks import tutorial_enrichment
from benchmarks.enriching import ROOT
from benchmarks.figures import Figure, at_most
from benchmarks.traffic import document, zipf_users
from localcloud.cloud import Options, running
from localcloud.demo.streaming import Streamer
from localcloud.demo.traffic import Put

_SECONDS, _FIRST_SECONDS = 12.0, 3.0
_EVENTS_PER_S, _USERS = 100.0, 400
_TARGETS_MS = {"on": 1_000.0, "off": 2_500.0}
_TUTORIAL = ROOT / "benchmarks" / "tutorial_stack"


class Lag(NamedTuple):
    """Milliseconds that half, and 99 of 100, of the events did not exceed."""

    p50_ms: float
    p99_ms: float


def traffic(start_ms: int, seconds: float, seed: int) -> Iterator[Put]:
    """An even stream of events, each due at its own time."""
    rng = random.Random(seed)  # noqa: S311  traffic, not a secret
    for index, user in enumerate(zipf_users(_USERS, 1.1, round(seconds * _EVENTS_PER_S), rng)):
        time_ms = start_ms + round(index * 1000 / _EVENTS_PER_S)
        yield Put(time_ms, time_ms, user, orjson.dumps(document(user, time_ms, rng)))


def lag(root: Path, parameters: Mapping[str, str], seconds: float = _SECONDS) -> Lag:
    """The lag in a local cloud of the template in `root`."""
    return asyncio.run(_lag(root, parameters, seconds))


async def _lag(root: Path, parameters: Mapping[str, str], seconds: float) -> Lag:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Options(root, Path(folder), parameters=parameters)) as cloud:
            producer = Producer(cloud.client("kinesis"), cloud.output("StreamName"))
            streamer = Streamer(cloud, producer)
            # The first batches wait for the functions to start, which is measured elsewhere.
            await streamer.send(traffic(cloud.clock.now_ms(), _FIRST_SECONDS, seed=1))
            await cloud.caught_up()
            cloud.lag.lags_ms.clear()
            streamer.sent = 0
            await streamer.send(traffic(cloud.clock.now_ms(), seconds, seed=2))
            await cloud.caught_up()
            p50_ms, p99_ms = cloud.lag.percentiles
            if p50_ms is None or p99_ms is None:
                raise LocalCloudError("No event came through the local cloud: see its logs.")
            return Lag(p50_ms, p99_ms)


def lag_figures(seconds: float = _SECONDS) -> list[Figure]:
    """With enhanced fan-out and without."""
    its = lag(_TUTORIAL, {}, seconds)
    figures = []
    for fan_out, target in _TARGETS_MS.items():
        ours = lag(ROOT, {"EnhancedFanOut": fan_out}, seconds)
        name = f"event to feature, enhanced fan-out {fan_out}"
        rival = tutorial_enrichment.NAME
        figures += [
            at_most(f"{name}, p50", ours.p50_ms, "ms", rival=(rival, its.p50_ms)),
            at_most(f"{name}, p99", ours.p99_ms, "ms", target, (rival, its.p99_ms)),
        ]
    return figures
