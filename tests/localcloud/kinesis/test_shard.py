"""A shard's log against a list: whatever is appended, trimmed and read."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from localcloud.kinesis.shard import HASH_KEYS, HashRange, ShardLog


@dataclass(frozen=True, slots=True)
class Expected:
    """A record as the model remembers it."""

    number: str
    arrival_ms: int
    size: int


class Log(RuleBasedStateMachine):
    """A shard, and a plain list that does the same slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_000
        self.shard = ShardLog(0, HashRange(0, HASH_KEYS - 1), self.now_ms)
        self.kept: list[Expected] = []
        self.issued = [self.shard.describe().starting_sequence]

    @rule(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6))
    def append(self, sizes: list[int]) -> None:
        for size in sizes:
            number = self.shard.append("k", b"", self.now_ms, size)
            self.kept.append(Expected(number, self.now_ms, size))
            self.issued.append(number)

    @rule(milliseconds=st.integers(1, 5))
    def pass_time(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    @rule(age_ms=st.integers(0, 10))
    def trim(self, age_ms: int) -> None:
        horizon_ms = self.now_ms - age_ms
        self.shard.trim(horizon_ms)
        self.kept = [record for record in self.kept if record.arrival_ms > horizon_ms]

    @rule(data=st.data(), limit=st.integers(1, 8), max_bytes=st.integers(1, 200))
    def read(self, data: st.DataObject, limit: int, max_bytes: int) -> None:
        after = data.draw(st.none() | st.sampled_from(self.issued))
        following = [each for each in self.kept if after is None or each.number > after]
        expected: list[Expected] = []
        for record in following[:limit]:
            if expected and sum(each.size for each in expected) + record.size > max_bytes:
                break
            expected.append(record)
        read = self.shard.read(after, limit, max_bytes, self.now_ms)
        numbers = [record.sequence_number for record in read.records]
        assert numbers == [record.number for record in expected]
        assert self.shard.size_of(read) == sum(record.size for record in expected)
        more = len(expected) < len(following)
        assert read.behind_ms == (max(1, self.now_ms - expected[-1].arrival_ms) if more else 0)
        assert self.shard.holds_after(after) == bool(following)

    @rule(timestamp_ms=st.integers(990, 1_060))
    def read_from_a_time(self, timestamp_ms: int) -> None:
        after = self.shard.position_at(timestamp_ms)
        read = self.shard.read(after, 1_000, 1 << 30, self.now_ms)
        assert [record.sequence_number for record in read.records] == [
            record.number for record in self.kept if record.arrival_ms >= timestamp_ms
        ]

    @invariant()
    def it_holds_what_was_not_trimmed(self) -> None:
        assert self.shard.held == len(self.kept)


Log.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestLog = Log.TestCase
