"""Everything goes wrong at once, under a seed; and the features are exact all the same.

At least 20,000 events: duplicates by the producer and by the consumer, disorder within and beyond
the lateness, poison of every kind; 5 % of all calls to AWS fail or are throttled, answers are lost,
DynamoDB and S3 are away for a while; workers are killed in mid-batch; shards split and merge.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Iterator
from pathlib import Path

import orjson
from millrace.features.definitions import load

from localcloud.cloud import LocalCloud, Options, running
from localcloud.demo.checking import Check, check
from localcloud.demo.shop import Shop, Timed
from localcloud.demo.traffic import Put, puts
from localcloud.event_source_mapping.faults import SeededFaults
from localcloud.faults.plan import Drop, Fail, FaultPlan, Rule, When
from localcloud.faults.poison import KINDS, poison
from localcloud.faults.records import delayed_beyond, duplicated, interleaved, reordered_within
from localcloud.kinesis.producing import NewRecord

ROOT = Path(__file__).parents[2]
EVENTS = 20_000
SEED = 7

FAULTS = FaultPlan(
    SEED,
    (
        Rule("dynamodb", "PutItem", Fail("InternalServerError", 500, "chaos"), probability=0.02),
        Rule(
            "dynamodb",
            "*Item",
            Fail("ProvisionedThroughputExceededException", 400, "chaos"),
            probability=0.02,
        ),
        Rule("dynamodb", "PutItem", Drop(), When.AFTER, probability=0.01),
        Rule("dynamodb", "*", Drop(), probability=0.01),
        Rule("s3", "PutObject", Fail("SlowDown", 503, "chaos"), probability=0.05),
        Rule("kinesis", "Describe*", Fail("LimitExceededException", 400, "c"), probability=0.05),
        Rule("dynamodb", "*", latency_ms=(1, 60), probability=0.05),
    ),
)


def records() -> tuple[list[Put], set[bytes]]:
    """The stream in its order, and the data of what is poison."""
    now_ms = 1_790_000_000_000
    spoilt: list[bytes] = []

    def next_poison(number: int) -> Put:
        data = poison(KINDS[number % len(KINDS)], number, now_s=now_ms / 1000)
        spoilt.append(data)
        return Put(now_ms, now_ms, f"poison-{number}", data)

    shop = Shop(SEED, rate=200.0)
    events: Iterator[Timed] = shop.live(now_ms, seconds=EVENTS / 180)
    stream: Iterator[Put] = puts(events, load(ROOT / "features.toml"))
    stream = reordered_within(
        stream, seed=SEED, probability=0.1, bound=50_000, position=lambda put: put.event_ms
    )
    stream = delayed_beyond(
        stream, seed=SEED, probability=0.01, bound=70_000, position=lambda put: put.event_ms
    )
    stream = duplicated(stream, seed=SEED, probability=0.03, within=2_000)
    stream = interleaved(stream, next_poison, seed=SEED, probability=0.004)
    return list(stream), set(spoilt)


def test_exact_through_everything_that_goes_wrong(tmp_path: Path) -> None:
    stream, spoilt = records()
    assert len(stream) >= EVENTS
    checked, kept = asyncio.run(_storm(tmp_path, stream))
    assert checked.wrong == []
    assert checked.lost == 0
    assert checked.exact
    assert checked.events == len(stream)
    assert checked.duplicates > 100
    assert checked.late > 50
    assert kept == spoilt, "quarantine holds exactly the poison"


async def _storm(folder: Path, stream: list[Put]) -> tuple[Check, set[bytes]]:
    options = Options(
        ROOT,
        folder,
        parameters={"StreamMode": "PROVISIONED", "ShardCount": "3", "BatchSize": "400"},
        faults=FAULTS,
        mapping_faults=SeededFaults(SEED, repeat=0.1, lose_answer=0.05),
        seed=SEED,
    )
    async with running(options) as cloud:
        killer = asyncio.create_task(_kill_workers(cloud))
        try:
            await _put_all(cloud, stream)
            await cloud.caught_up()
        finally:
            killer.cancel()
        counters = cloud.mappings[0].snapshot()
        injected = sum(entry.times for entry in cloud.injector.injected())
        operations = cloud.gateway.counters.snapshot().values()
        calls = sum(operation.calls for operation in operations)
        # The storm was one: none of these may be true by accident.
        assert counters.function_errors > 0, "workers were killed"
        assert counters.redelivered > 1_000
        assert counters.resumed > 0, "partial answers"
        assert counters.given_up == 0
        # How many calls there are depends on how full the batches were, so on the machine.
        assert calls > 2_000
        assert injected >= 0.05 * calls, "errors on one call in twenty"
        cloud.injector.use(FaultPlan())
        return await check(cloud, load(ROOT / "features.toml")), await _poison_kept(cloud)


async def _put_all(cloud: LocalCloud, stream: list[Put]) -> None:
    """Put everything, with services going away and shards being split and merged meanwhile."""
    name = cloud.output("StreamName")
    chunk = 500
    for number, start in enumerate(range(0, len(stream), chunk)):
        batch = [NewRecord(put.partition_key, put.data) for put in stream[start : start + chunk]]
        cloud.kinesis.put_records(name, batch)
        if number in (8, 20):
            shard = next(s for s in cloud.kinesis.shards(name) if s.ending_sequence is None)
            middle = (shard.starting_hash_key + shard.ending_hash_key) // 2
            cloud.kinesis.split_shard(name, shard.shard_id, middle)
        if number == 28:
            left, right = _neighbours(cloud, name)
            cloud.kinesis.merge_shards(name, left, right)
        if number in (5, 17):
            service = "dynamodb" if number == 5 else "s3"
            cloud.injector.down(service)
            await cloud.clock.sleep(1.5)
            cloud.injector.up(service)
        while start + chunk - len(cloud.lag.lags_ms) > 4_000:
            await cloud.clock.sleep(0.05)


def _neighbours(cloud: LocalCloud, name: str) -> tuple[str, str]:
    shards = [s for s in cloud.kinesis.shards(name) if s.ending_sequence is None]
    shards.sort(key=lambda shard: shard.starting_hash_key)
    return shards[0].shard_id, shards[1].shard_id


async def _kill_workers(cloud: LocalCloud) -> None:
    rng = random.Random(SEED)
    while True:
        await cloud.clock.sleep(rng.uniform(0.5, 1.5))
        cloud.pool.kill_random()


async def _poison_kept(cloud: LocalCloud) -> set[bytes]:
    return await asyncio.to_thread(_poison, cloud)


def _poison(cloud: LocalCloud) -> set[bytes]:
    bucket = cloud.output("QuarantineBucketName")
    pages = cloud.client("s3").get_paginator("list_objects_v2")
    found = set()
    for page in pages.paginate(Bucket=bucket, Prefix="quarantine/"):
        for entry in page.get("Contents", ()):
            body = cloud.client("s3").get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            found.add(base64.b64decode(orjson.loads(body)["data"]))
    return found
