"""From a metric's arrival on the stream to the message about its alert: by the clock on the wall.

In the local cloud: ten steady series, and a jump of each that no other one shares a message with.
The topic takes ten messages a minute, so ten alerts are all that one cloud can show in a minute;
several are started, one after the other. The tutorial's job looks every two minutes, and a row
waits evenly long for it; what it then does is print.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
from millrace.errors import LocalCloudError

from benchmarks.cold_start import ROOT
from benchmarks.figures import Figure, at_most
from benchmarks.metric_stream import event
from localcloud.demo.anomalies.checking import latencies_ms
from localcloud.lag import Lag
from localcloud.oci.batching import Limits
from localcloud.oci.cloud import OciCloud, Options, running

BATCH_S = 1.0
_TARGET_MS = 1_000.0  # on top of the batch's time
_SERIES = 10
_PAST = 150
_JUMP, _USUAL = 90.0, 50.0
_TICK_S, _TICKS = 0.25, 6  # between two jumps each series goes on, every quarter of a second
_TUTORIAL_WAIT_MS = 120_000.0

Message = tuple[bytes | None, bytes]


def latency_ms(clouds: int, series: int = _SERIES) -> list[float]:
    """Of every alert of so many clouds."""
    found: list[float] = []
    for _ in range(clouds):
        with tempfile.TemporaryDirectory() as folder:
            found += asyncio.run(_one_cloud(Path(folder), series))
    if len(found) < clouds * series:
        raise LocalCloudError(f"Of {clouds * series} alerts {len(found)} were delivered.")
    return found


async def _one_cloud(folder: Path, series: int) -> list[float]:
    limits = Limits(messages=1_000, seconds=BATCH_S)
    async with running(Options(ROOT, folder, limits=limits)) as cloud:
        for name in range(series):
            cloud.stream.put([_message(name, point, _USUAL) for point in range(_PAST)])
        await cloud.connector.caught_up()
        await _jumps(cloud, series)
        await cloud.connector.caught_up()
        messages = (
            message
            for name in cloud.stream.partitions
            for message in cloud.stream.partition(name).read(0)
        )
        return latencies_ms(messages, cloud.inbox.notices)


async def _jumps(cloud: OciCloud, series: int) -> None:
    """Each series goes on and on; one after the other jumps, and stays where it came to."""
    for tick in range(series * _TICKS):
        cloud.stream.put(list(_tick(tick, series)))
        await asyncio.sleep(_TICK_S)


def _tick(tick: int, series: int) -> Iterator[Message]:
    for name in range(series):
        jumped = tick >= name * _TICKS + name % _TICKS
        yield _message(name, _PAST + tick, _JUMP if jumped else _USUAL)


def _message(name: int, point: int, value: float) -> Message:
    key = f"host-{name}.cpu"
    return key.encode(), orjson.dumps(event(key, point, value))


def latency_figures(clouds: int = 4, series: int = _SERIES) -> list[Figure]:
    """Half of the alerts, and 99 of 100."""
    found = Lag.of(latency_ms(clouds, series))
    assert found.p50 is not None
    assert found.p99 is not None
    name, job = f"metric to alert delivered, {BATCH_S:g} s batches", "the tutorial's job"
    target = 1000 * BATCH_S + _TARGET_MS
    return [
        at_most(f"{name}, p50", found.p50, "ms", rival=(job, 0.5 * _TUTORIAL_WAIT_MS)),
        at_most(f"{name}, p99", found.p99, "ms", target, (job, 0.99 * _TUTORIAL_WAIT_MS)),
    ]
