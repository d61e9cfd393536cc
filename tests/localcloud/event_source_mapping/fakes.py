"""What a mapping talks to, in memory: a stream, a function, a bucket, a queue."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from millrace.errors import Unavailable

from localcloud.event_source_mapping.checkpoints import Checkpoints
from localcloud.event_source_mapping.config import MappingConfig
from localcloud.event_source_mapping.faults import Faults
from localcloud.event_source_mapping.mapping import EventSourceMapping
from localcloud.ports import Clock, Invocation, Shard, ShardRead, StreamRecord

from .virtual import VirtualClock

STREAM_ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/events"
CONSUMER_ARN = f"{STREAM_ARN}/consumer/enrich:1704153600"
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:enrich"
SHARD = "shardId-000000000000"
# As long as Kinesis's own: numbers that only work as integers show.
_FIRST_NUMBER = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_800


@dataclass
class _FakeShard:
    parents: tuple[str, ...] = ()
    records: list[StreamRecord] = field(default_factory=list)
    closed: bool = False
    trimmed: int = 0


class FakeStream:
    """A `StreamReader` that tests fill by hand."""

    def __init__(self, clock: Clock, shards: int = 1) -> None:
        self._clock = clock
        self._number = _FIRST_NUMBER
        self.shard_states: dict[str, _FakeShard] = {}
        self._arrived = asyncio.Event()
        self.reads: list[tuple[str, int]] = []
        self.failing_reads = 0
        for _ in range(shards):
            self._add_shard()

    def put(self, key: str, data: str = "", shard: str = SHARD) -> str:
        """Append a record; its sequence number. The data is the key unless given."""
        self._number += 7
        record = StreamRecord(str(self._number), self._clock.now_ms(), key, (data or key).encode())
        self.shard_states[shard].records.append(record)
        self._ring()
        return record.sequence_number

    def put_many(self, *keys: str, shard: str = SHARD) -> list[str]:
        return [self.put(key, shard=shard) for key in keys]

    def split(self, shard: str = SHARD) -> tuple[str, str]:
        """Close a shard; its two children."""
        self.shard_states[shard].closed = True
        children = self._add_shard(shard), self._add_shard(shard)
        self._ring()
        return children

    def merge(self, first: str, second: str) -> str:
        self.shard_states[first].closed = self.shard_states[second].closed = True
        child = self._add_shard(first, second)
        self._ring()
        return child

    def trim(self, count: int, shard: str = SHARD) -> None:
        """Let the oldest records expire."""
        self.shard_states[shard].trimmed += count

    def forget(self, shard: str) -> None:
        """Let a closed shard expire altogether."""
        del self.shard_states[shard]

    def shards(self, stream: str) -> Sequence[Shard]:
        assert stream == STREAM_ARN
        return [
            Shard(
                shard_id=name,
                starting_hash_key=0,
                ending_hash_key=2**128 - 1,
                starting_sequence="0",
                ending_sequence="1" if state.closed else None,
                parent_id=state.parents[0] if state.parents else None,
                adjacent_parent_id=state.parents[1] if len(state.parents) > 1 else None,
            )
            for name, state in self.shard_states.items()
        ]

    def read(self, stream: str, shard_id: str, after: str | None, limit: int) -> ShardRead:
        self.reads.append((shard_id, self._clock.now_ms()))
        if self.failing_reads:
            self.failing_reads -= 1
            raise Unavailable("the stream throttles, as the test wants it")
        state = self.shard_states[shard_id]
        kept = state.records[state.trimmed :]
        rest = [r for r in kept if after is None or int(r.sequence_number) > int(after)]
        taken = rest[:limit]
        more = len(taken) < len(rest)
        return ShardRead(taken, 1 if more else 0, state.closed and not more)

    def position_at(
        self, stream: str, shard_id: str, start: str, timestamp_ms: int = 0
    ) -> str | None:
        records = self.shard_states[shard_id].records
        if start == "TRIM_HORIZON":
            return None
        if start == "AT_TIMESTAMP":
            records = [record for record in records if record.arrival_ms < timestamp_ms]
        return records[-1].sequence_number if records else str(_FIRST_NUMBER)

    async def wait(self, stream: str, shard_id: str, after: str | None, timeout_s: float) -> bool:
        def found() -> bool:
            read = self.read(stream, shard_id, after, 1)
            return bool(read.records) or read.drained

        try:
            async with asyncio.timeout(timeout_s):
                while not found():
                    await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    def _add_shard(self, *parents: str) -> str:
        name = f"shardId-{len(self.shard_states):012d}"
        self.shard_states[name] = _FakeShard(parents)
        return name

    def _ring(self) -> None:
        self._arrived.set()
        self._arrived = asyncio.Event()


@dataclass
class Call:
    """One invocation as the function saw it."""

    at_s: float
    event: dict[str, Any]

    @property
    def keys(self) -> list[str]:
        return [record["kinesis"]["partitionKey"] for record in self.event["Records"]]

    @property
    def numbers(self) -> list[str]:
        return [record["kinesis"]["sequenceNumber"] for record in self.event["Records"]]

    @property
    def data(self) -> list[str]:
        return [
            base64.b64decode(record["kinesis"]["data"]).decode() for record in self.event["Records"]
        ]

    @property
    def shard(self) -> str:
        return str(self.event["Records"][0]["eventID"].split(":")[0])


def item_failures(*numbers: object) -> dict[str, Any]:
    """A partial batch answer."""
    return {"batchItemFailures": [{"itemIdentifier": number} for number in numbers]}


class Failed(Exception):
    """Raised by a test's function for an unhandled error in it."""


Answer = Callable[[Call], Awaitable[object]]


class FakeFunction:
    """An `Invoker` of one function, which `answer` plays; by default everything succeeds."""

    def __init__(self, clock: VirtualClock, answer: Answer | None = None) -> None:
        self._clock = clock
        self._answer = answer
        self.calls: list[Call] = []
        self.running = 0
        self.most_running = 0

    async def invoke(self, function: str, payload: bytes) -> Invocation:
        assert function == "enrich"
        call = Call(self._clock.elapsed_s, json.loads(payload))
        self.calls.append(call)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(0)
            answer = None if self._answer is None else await self._answer(call)
        except Failed as error:
            return Invocation(b'{"errorType": "Failed"}', str(error) or "Failed", 1.0)
        finally:
            self.running -= 1
        encoded = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Invocation(encoded, None, 1.0)

    @property
    def batches(self) -> list[list[str]]:
        """The keys of each call."""
        return [call.keys for call in self.calls]


def scripted(*answers: object) -> Answer:
    """Answer call after call with these (raise those that are exceptions), then with None."""
    left = list(answers)

    async def answer(call: Call) -> object:
        following = left.pop(0) if left else None
        if isinstance(following, Exception):
            raise following
        return following

    return answer


class Bucket:
    """An `ObjectStore`, and a `MessageSink`, that keeps what it gets."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.objects: dict[tuple[str, str], bytes] = {}
        self.messages: list[tuple[str, bytes]] = []

    async def put(self, bucket: str, key: str, body: bytes) -> None:
        self._fail()
        self.objects[bucket, key] = body

    async def send(self, target_arn: str, body: bytes) -> None:
        self._fail()
        self.messages.append((target_arn, body))

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the bucket is away, as the test wants it")

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.objects.values()]


class World:
    """A stream, a function and a mapping between them."""

    def __init__(self, answer: Answer | None = None, *, shards: int = 1) -> None:
        self.clock = VirtualClock()
        self.stream = FakeStream(self.clock, shards)
        self.function = FakeFunction(self.clock, answer)
        self.bucket = Bucket()
        self.checkpoints = Checkpoints()

    def mapping(self, faults: Faults | None = None, **config: Any) -> EventSourceMapping:
        """A mapping, pushed to unless `event_source_arn` says otherwise."""
        return EventSourceMapping(
            mapping_config(**config),
            reader=self.stream,
            invoker=self.function,
            clock=self.clock,
            objects=self.bucket,
            messages=self.bucket,
            checkpoints=self.checkpoints,
            faults=faults,
        )

    async def process(self, mapping: EventSourceMapping) -> None:
        """Run the mapping until it has caught up, and stop it."""
        mapping.start()
        try:
            await mapping.caught_up()
        finally:
            await mapping.stop()


def mapping_config(**config: Any) -> MappingConfig:
    """A configuration with defaults for tests."""
    values: dict[str, Any] = {
        "uuid": "7b7d9e9a-31a6-4f4e-9df5-1f0a3e1b2c3d",
        "function_name": "enrich",
        "function_arn": FUNCTION_ARN,
        "stream_arn": STREAM_ARN,
        "event_source_arn": CONSUMER_ARN,
    }
    return MappingConfig(**(values | config))
