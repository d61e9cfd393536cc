"""Connector Hub: batches, order in a partition, retries, and repeats by a seed."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.oci.batching import Limits, cut
from localcloud.oci.connector import Connector, Repeats
from localcloud.oci.errors import InvalidParameter
from localcloud.oci.stream import Stream
from tests.localcloud.clock import START_MS, ManualClock, settle
from tests.localcloud.oci.looped import looped


class Function:
    """Keeps the batches that it gets, and answers as it is told."""

    def __init__(self, status: Callable[[int], int] = lambda _: 200) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self._status = status

    async def call(self, body: bytes) -> int:
        self.batches.append(json.loads(body))
        await asyncio.sleep(0)
        return self._status(len(self.batches))

    @property
    def offsets(self) -> list[list[int]]:
        return [[record["offset"] for record in batch] for batch in self.batches]


def stream_of(clock: ManualClock, partitions: int = 1) -> Stream:
    return Stream("ocid1.stream.oc1.local.s", "s", clock, partitions=partitions)


def put(stream: Stream, count: int, size: int = 1) -> None:
    stream.put([(f"k{i}".encode(), b"x" * size) for i in range(count)])


@looped
async def test_a_full_batch_goes_at_once_and_the_rest_when_its_time_is_up() -> None:
    clock = ManualClock()
    stream, function = stream_of(clock), Function()
    async with Connector(stream, function, Limits(messages=3, seconds=5)).running():
        put(stream, 7)
        await settle()
        assert function.offsets == [[0, 1, 2], [3, 4, 5]]
        await clock.run(4.9)
        assert len(function.batches) == 2
        await clock.run(0.2)
        assert function.offsets[2:] == [[6]]


@looped
async def test_the_time_of_a_batch_counts_from_its_first_message() -> None:
    clock = ManualClock()
    stream, function = stream_of(clock), Function()
    async with Connector(stream, function, Limits(seconds=5)).running():
        await clock.run(3)
        put(stream, 1)
        await clock.run(4)
        put(stream, 1)
        await clock.run(0.9)
        assert function.offsets == []
        await clock.run(0.2)
        assert function.offsets == [[0, 1]]


@looped
async def test_a_record_is_what_the_function_decodes() -> None:
    clock = ManualClock()
    stream, function = stream_of(clock), Function()
    async with Connector(stream, function, Limits(messages=2)).running():
        stream.put([(b"key", b"value"), (None, b"bare")])
        await settle()
    first = {
        "stream": "s",
        "partition": "0",
        "key": base64.b64encode(b"key").decode(),
        "value": base64.b64encode(b"value").decode(),
        "offset": 0,
        "timestamp": START_MS,
    }
    bare = {"key": None, "value": base64.b64encode(b"bare").decode(), "offset": 1}
    assert function.batches == [[first, first | bare]]


def test_a_batch_is_bounded_in_bytes() -> None:
    stream = stream_of(ManualClock())
    put(stream, 5, size=600)
    put(stream, 1, size=5000)
    put(stream, 1, size=600)
    messages = list(stream.partition("0").read(0))
    limits = Limits(messages=100, kb=2)
    sizes = []
    while messages:
        batch = cut(messages, limits).messages
        sizes.append(len(batch))
        messages = messages[len(batch) :]
    assert sizes == [3, 2, 1, 1]


@pytest.mark.parametrize("wrong", [{"messages": 0}, {"kb": 0}, {"seconds": -1}])
def test_limits_that_cannot_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidParameter, match="cannot be"):
        Limits(**wrong)


@looped
async def test_a_batch_comes_again_until_it_is_answered_and_nothing_goes_first() -> None:
    clock = ManualClock()
    stream = stream_of(clock)
    function = Function(lambda call: 502 if call <= 3 else 200)
    connector = Connector(stream, function, Limits(messages=2))
    async with connector.running():
        put(stream, 4)
        await settle()
        assert function.offsets == [[0, 1]]
        await clock.run(0.1)
        assert len(function.batches) == 2
        await clock.run(0.2 + 0.4)  # slower each time
        assert function.offsets == [[0, 1]] * 4 + [[2, 3]]
        await connector.caught_up()
    assert (connector.counters.failures, connector.counters.messages) == (3, 4)


@looped
async def test_a_partition_that_fails_does_not_stop_the_others() -> None:
    clock = ManualClock()
    stream = stream_of(clock, partitions=2)

    class Half(Function):
        async def call(self, body: bytes) -> int:
            await super().call(body)
            return 502 if json.loads(body)[0]["partition"] == "0" else 200

    function = Half()
    async with Connector(stream, function, Limits(messages=1)).running():
        stream.put([(None, b"")] * 6)
        await settle()
    done = [batch[0]["offset"] for batch in function.batches if batch[0]["partition"] == "1"]
    assert done == [0, 1, 2]


@looped
async def test_what_was_too_old_before_it_could_be_sent_is_counted() -> None:
    clock = ManualClock()
    stream = stream_of(clock)
    function = Function(lambda call: 502 if call == 1 else 200)
    connector = Connector(stream, function, Limits(messages=2))
    async with connector.running():
        put(stream, 4)
        await settle()
        clock.advance(25 * 3600)
        put(stream, 2)
        await settle()
    assert function.offsets[-1] == [4, 5]
    assert connector.counters.skipped == 4


async def carried(seed: int) -> tuple[Function, Connector]:
    clock = ManualClock()
    stream, function = stream_of(clock, partitions=2), Function()
    repeats = Repeats(seed, lose_answer=0.3, send_again=0.3)
    connector = Connector(stream, function, Limits(messages=4), repeats)
    async with connector.running():
        put(stream, 100)
        await clock.run(5)
        await connector.caught_up()
    return function, connector


@looped
async def test_repeats_lose_nothing_and_first_deliveries_are_in_order() -> None:
    function, connector = await carried(1)
    assert connector.counters.lost_answers > 2
    assert connector.counters.sent_again > 2
    first: dict[str, list[int]] = {"0": [], "1": []}
    for record in (record for batch in function.batches for record in batch):
        known = first[record["partition"]]
        if record["offset"] not in known:
            known.append(record["offset"])
    assert all(offsets == list(range(len(offsets))) for offsets in first.values())
    assert sum(map(len, first.values())) == 100 == connector.counters.messages


@looped
async def test_equal_seeds_repeat_equally() -> None:
    runs = [(await carried(seed))[0].batches for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@looped
async def test_an_error_in_a_lane_ends_the_block() -> None:
    class Broken:
        async def call(self, body: bytes) -> int:
            raise LookupError(body.decode())

    clock = ManualClock()
    stream = stream_of(clock)
    put(stream, 1)

    async def carry() -> None:
        connector = Connector(stream, Broken(), Limits(messages=1))
        async with connector.running():
            await connector.caught_up()

    with pytest.raises(LookupError, match='"offset":0'):
        await carry()
