"""The shards of one stream: which takes a hash key, how they split and merge, which still count."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from localcloud.kinesis.errors import InvalidArgument, LimitExceeded, ResourceNotFound
from localcloud.kinesis.limits import MAX_SHARDS, Limits, ShardThroughput
from localcloud.kinesis.scaling import merges, splits, uniform_starts
from localcloud.kinesis.sequence import origin_of
from localcloud.kinesis.shard import HASH_KEYS, HashRange, ShardLog


@dataclass(frozen=True, slots=True)
class ShardFilter:
    """Which shards a listing wants, by AWS's names; AT_ and FROM_TIMESTAMP need the time.

    AT_… are the shards that were open then, FROM_… these and all that came later.
    """

    kind: str = "FROM_TRIM_HORIZON"
    timestamp_ms: int | None = None


EVERY_SHARD = ShardFilter()


class Topology:
    """Every shard that a stream has had, and the open ones by hash range."""

    def __init__(self, stream: str, count: int, now_ms: int, limits: Limits | None) -> None:
        self._stream = stream
        self._limits = limits
        # In order of birth, so parents always stand before their children.
        self._shards: list[ShardLog] = []
        self._open: list[ShardLog] = []
        self._starts: list[int] = []
        starts = [*uniform_starts(count), HASH_KEYS]
        for start, following in pairwise(starts):
            self._open.append(self._born(HashRange(start, following - 1), now_ms))
        self._index_open()

    @property
    def open(self) -> list[ShardLog]:
        """The open shards, by hash range."""
        return self._open

    @property
    def every(self) -> list[ShardLog]:
        """All shards since the stream was made, the expired ones too, in order of birth."""
        return self._shards

    def find(self, shard_id: str) -> ShardLog:
        """The shard of this id, even if it has expired; raises ResourceNotFound."""
        digits = shard_id.removeprefix("shardId-")
        index = int(digits) if digits.isascii() and digits.isdecimal() else len(self._shards)
        if index < len(self._shards) and self._shards[index].shard_id == shard_id:
            return self._shards[index]
        raise ResourceNotFound(
            f"Shard {shard_id!r} does not exist in stream {self._stream!r}; ListShards names those "
            "that do."
        )

    def route(self, hash_key: int) -> ShardLog:
        """The open shard whose range holds `hash_key` (0 to 2^128 - 1)."""
        return self._open[bisect_right(self._starts, hash_key) - 1]

    def issued(self, number: str) -> bool:
        """Whether any shard of this stream has given out the sequence number."""
        origin = origin_of(number)
        if origin is None or origin.shard_index >= len(self._shards):
            return False
        return self._shards[origin.shard_index].issued(number)

    def split(self, shard_id: str, at: int, now_ms: int) -> None:
        """Close a shard; its upper child starts at hash key `at`."""
        shard = self._open_shard(shard_id)
        keys = shard.hash_range
        if not keys.start + 1 < at < keys.end:
            raise InvalidArgument(
                f"NewStartingHashKey {at} does not split {shard_id}: choose one above "
                f"{keys.start + 1} and below {keys.end}."
            )
        self._require_room(len(self._open) + 1)
        self._divide(shard, at, now_ms)

    def merge(self, shard_id: str, adjacent_id: str, now_ms: int) -> None:
        """Close two neighbours; one child takes both ranges."""
        first, second = self._open_shard(shard_id), self._open_shard(adjacent_id)
        lower, upper = sorted((first, second), key=lambda shard: shard.hash_range.start)
        if lower.hash_range.end + 1 != upper.hash_range.start:
            raise InvalidArgument(
                f"Shards {shard_id} and {adjacent_id} of stream {self._stream!r} are not adjacent: "
                "merge two whose hash ranges follow one another."
            )
        keys = HashRange(lower.hash_range.start, upper.hash_range.end)
        child = self._born(keys, now_ms, (first, second))
        first.close(now_ms, (child,))
        second.close(now_ms, (child,))
        position = self._open.index(lower)
        self._open[position : position + 2] = [child]
        self._index_open()

    def scale(self, count: int, now_ms: int) -> None:
        """Reach `count` shards of equal size by splits and merges."""
        self._require_room(count)
        target = uniform_starts(count)
        for start, at in splits(self._starts, target):
            # Not by `split`, which forbids the outermost keys of a range.
            self._divide(self.route(start), at, now_ms)
        for lower, upper in merges(self._starts, target):
            self.merge(self.route(lower).shard_id, self.route(upper).shard_id, now_ms)

    def listed(self, horizon_ms: int) -> list[ShardLog]:
        """The shards that have not expired, trimmed, parents before children."""
        self.trim(horizon_ms)
        return [shard for shard in self._shards if not shard.expired(horizon_ms)]

    def select(self, wanted: ShardFilter, horizon_ms: int) -> list[ShardLog]:
        """The unexpired shards that a filter asks for, in order of birth."""
        listed = self.listed(horizon_ms)
        if wanted.kind == "AT_LATEST":
            return [shard for shard in listed if shard.closed_ms is None]
        if wanted.kind == "AT_TRIM_HORIZON":
            ids = {shard.shard_id for shard in listed}
            return [shard for shard in listed if ids.isdisjoint(shard.parents)]
        since_ms = max(wanted.timestamp_ms or 0, horizon_ms, self._shards[0].created_ms)
        lasting = [s for s in listed if s.closed_ms is None or s.closed_ms >= since_ms]
        if wanted.kind == "AT_TIMESTAMP":
            return [shard for shard in lasting if shard.created_ms <= since_ms]
        return lasting

    def trim(self, horizon_ms: int) -> None:
        """Forget, in every shard, what arrived at `horizon_ms` or before."""
        for shard in self._shards:
            shard.trim(horizon_ms)

    def ring(self) -> None:
        """Wake every reader, because the stream itself has changed."""
        for shard in self._shards:
            shard.bell.ring()

    def _divide(self, shard: ShardLog, at: int, now_ms: int) -> None:
        keys = shard.hash_range
        lower = self._born(HashRange(keys.start, at - 1), now_ms, (shard,))
        upper = self._born(HashRange(at, keys.end), now_ms, (shard,))
        shard.close(now_ms, (lower, upper))
        position = self._open.index(shard)
        self._open[position : position + 1] = [lower, upper]
        self._index_open()

    def _born(self, keys: HashRange, now_ms: int, parents: tuple[ShardLog, ...] = ()) -> ShardLog:
        throughput = ShardThroughput(self._limits) if self._limits else None
        shard = ShardLog(len(self._shards), keys, now_ms, parents, throughput)
        self._shards.append(shard)
        return shard

    def _open_shard(self, shard_id: str) -> ShardLog:
        shard = self.find(shard_id)
        if shard.closed_ms is not None:
            raise InvalidArgument(
                f"Shard {shard_id} of stream {self._stream!r} is closed already; only open shards "
                "can be split or merged (ListShards with AT_LATEST names them)."
            )
        return shard

    def _require_room(self, count: int) -> None:
        if count > MAX_SHARDS:
            raise LimitExceeded(
                f"Stream {self._stream!r} would have {count} open shards; at most {MAX_SHARDS} "
                "are allowed."
            )

    def _index_open(self) -> None:
        self._starts = [shard.hash_range.start for shard in self._open]
