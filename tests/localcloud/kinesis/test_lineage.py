"""Whatever is done to the shards: each record is read once, and each key in its order.

The reader is what every consumer is: it reads a shard to its end and only then its children.
"""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.producing import NewRecord, Placed
from localcloud.kinesis.shard import HASH_KEYS
from localcloud.kinesis.stream import StreamSettings
from localcloud.ports import Shard, StreamRecord
from tests.localcloud.clock import ManualClock

KEYS = [f"user-{number}" for number in range(12)]
STREAM = "events"


class LineageReader:
    """Follows the lineage of a stream from its first shards, a few records at a time."""

    def __init__(self, backend: KinesisBackend) -> None:
        self._backend = backend
        self._positions: dict[str, str | None] = {}
        self._drained: set[str] = set()
        self.records: list[StreamRecord] = []

    def step(self, limit: int) -> bool:
        """Read a little from every shard whose parents are drained; whether anything changed."""
        before = (len(self.records), len(self._drained))
        for shard in self._readable():
            after = self._positions.get(shard.shard_id)
            read = self._backend.read(STREAM, shard.shard_id, after, limit)
            self.records += read.records
            if read.records:
                self._positions[shard.shard_id] = read.records[-1].sequence_number
            if read.drained:
                self._drained.add(shard.shard_id)
        return before != (len(self.records), len(self._drained))

    def _readable(self) -> Iterator[Shard]:
        for shard in self._backend.shards(STREAM):
            parents = {shard.parent_id, shard.adjacent_parent_id} - {None}
            if shard.shard_id not in self._drained and parents <= self._drained:
                yield shard


class Resharding(RuleBasedStateMachine):
    """Puts, splits, merges, rescales and reads in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.backend = KinesisBackend(self.clock)
        self.backend.create_stream(STREAM, StreamSettings(2))
        self.reader = LineageReader(self.backend)
        self.put_by_key: dict[str, list[str]] = {key: [] for key in KEYS}

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=20))
    def put_many(self, keys: list[str]) -> None:
        records = [NewRecord(key, b"x") for key in keys]
        for key, placed in zip(keys, self.backend.put_records(STREAM, records), strict=True):
            assert isinstance(placed, Placed)
            self.put_by_key[key].append(placed.sequence_number)

    @rule(seconds=st.sampled_from([0.001, 1, 60]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: len(self._open()) < 20)
    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        shard = data.draw(st.sampled_from(self._open()))
        low, high = shard.starting_hash_key + 2, shard.ending_hash_key - 1
        if low <= high:
            at = data.draw(st.integers(low, high) | st.just((low + high) // 2))
            self.backend.split_shard(STREAM, shard.shard_id, at)

    @precondition(lambda self: len(self._open()) > 1)
    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(1, len(self._open()) - 1))
        pair = [shard.shard_id for shard in self._open()[index - 1 : index + 1]]
        self.backend.merge_shards(STREAM, *data.draw(st.permutations(pair)))

    @rule(data=st.data())
    def rescale(self, data: st.DataObject) -> None:
        current = len(self._open())
        target = data.draw(st.integers((current + 1) // 2, min(2 * current, 20)))
        self.backend.update_shard_count(STREAM, target)

    @rule(limit=st.integers(1, 5))
    def read_some(self, limit: int) -> None:
        self.reader.step(limit)

    @invariant()
    def open_shards_cover_all_hash_keys(self) -> None:
        expected = 0
        for shard in self._open():
            assert shard.starting_hash_key == expected
            expected = shard.ending_hash_key + 1
        assert expected == HASH_KEYS

    def teardown(self) -> None:
        while self.reader.step(3):
            pass
        read_by_key: dict[str, list[str]] = {key: [] for key in KEYS}
        for record in self.reader.records:
            read_by_key[record.partition_key].append(record.sequence_number)
        assert read_by_key == self.put_by_key
        for numbers in read_by_key.values():
            assert numbers == sorted(set(numbers))

    def _open(self) -> list[Shard]:
        listed = self.backend.shards(STREAM)
        still_open = [shard for shard in listed if shard.ending_sequence is None]
        return sorted(still_open, key=lambda shard: shard.starting_hash_key)


Resharding.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestLineage = Resharding.TestCase
