"""Kinesis in memory: streams, producers and readers, as plain functions for one event loop.

In-process callers (the demo's generator, the event source mapping, tests) call these methods;
`app.py` puts AWS's protocol in front of the same object. A record is in the stream when
`put_record` returns, and whoever waits for it wakes. Calling a put twice stores two records, as a
producer's retry does; reading twice from one position gives the same records, as a consumer's
retry does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.kinesis.consumers import Consumer
from localcloud.kinesis.errors import (
    InvalidArgument,
    LimitExceeded,
    ResourceInUse,
    ResourceNotFound,
    ThroughputExceeded,
)
from localcloud.kinesis.limits import MAX_ON_DEMAND_STREAMS, MAX_READ_BYTES, Limits
from localcloud.kinesis.producing import NewRecord, Placed, place, prepare
from localcloud.kinesis.stream import ON_DEMAND, Stream, StreamSettings
from localcloud.kinesis.tags import Tags
from localcloud.ports import Clock, Shard, ShardRead


class KinesisBackend:
    """Every stream of one account and region. Implements `ports.StreamReader`.

    Without `limits` shards take and give whatever the machine can. `settle_s` is how long a stream
    stays CREATING, UPDATING or DELETING, and a consumer CREATING; 0 means that changes are
    complete when the call returns.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        region: str = "us-east-1",
        account_id: str = "123456789012",
        limits: Limits | None = None,
        settle_s: float = 0.0,
    ) -> None:
        self.clock = clock
        self.limits = limits
        self._settle_ms = round(settle_s * 1000)
        self.closed = False
        self._arn_prefix = f"arn:aws:kinesis:{region}:{account_id}:stream/"
        self._streams: dict[str, Stream] = {}
        self._created_ms: dict[str, int] = {}

    # Streams

    def create_stream(
        self, name: str, settings: StreamSettings, tags: Mapping[str, str] | None = None
    ) -> Stream:
        """Create a stream; raises ResourceInUse when there is one of that name."""
        now_ms = self.clock.now_ms()
        self._purge(name, now_ms)
        if name in self._streams:
            raise ResourceInUse(
                f"Stream {name!r} exists already; delete it first or choose another name."
            )
        self._require_quota(settings)
        # Tokens, sequence numbers and watermarks know a stream by its name and creation time, so
        # one made anew is never as old as the one before, even within a millisecond.
        created_ms = max(now_ms, self._created_ms.get(name, now_ms - 1) + 1)
        self._created_ms[name] = created_ms
        stream = Stream(
            name,
            self._arn_prefix + name,
            settings,
            created_ms,
            settle_ms=self._settle_ms,
            limits=self.limits,
            tags=Tags(tags),
        )
        self._streams[name] = stream
        return stream

    def delete_stream(self, stream: str, *, enforce_consumer_deletion: bool = False) -> None:
        """Delete a stream with its records; registered consumers forbid it unless enforced."""
        found = self.stream(stream)
        if len(found.consumers) and not enforce_consumer_deletion:
            raise ResourceInUse(
                f"Stream {found.name!r} has {len(found.consumers)} registered consumers; "
                "deregister them, or pass EnforceConsumerDeletion."
            )
        now_ms = self.clock.now_ms()
        found.begin("DELETING", now_ms)
        self._purge(found.name, now_ms)
        found.topology.ring()

    def stream(self, stream: str) -> Stream:
        """The stream of this name or ARN; raises ResourceNotFound."""
        name = stream.removeprefix(self._arn_prefix)
        self._purge(name, self.clock.now_ms())
        if (found := self._streams.get(name)) is None:
            raise ResourceNotFound(
                f"Stream {stream!r} does not exist under {self._arn_prefix}*; ListStreams names "
                "those that do."
            )
        return found

    def streams(self) -> list[Stream]:
        """All streams by name."""
        for name in list(self._streams):
            self._purge(name, self.clock.now_ms())
        return [self._streams[name] for name in sorted(self._streams)]

    def register_consumer(
        self, stream: str, name: str, tags: Mapping[str, str] | None = None
    ) -> Consumer:
        """Register a consumer for SubscribeToShard; raises ResourceInUse if its name is taken."""
        consumers, now_ms = self.stream(stream).consumers, self.clock.now_ms()
        return consumers.register(name, now_ms, self._settle_ms, Tags(tags))

    # Producers

    def put_record(self, stream: str, record: NewRecord, *, ordering: str | None = None) -> Placed:
        """Store one record.

        `ordering` is a sequence number of this stream that the new one is to exceed; raises
        ThroughputExceeded when the shard's limits are on and used up.
        """
        now_ms = self.clock.now_ms()
        target = self._writable(stream, now_ms)
        (prepared,) = prepare(target, [record])
        if ordering is not None and not target.topology.issued(ordering):
            raise InvalidArgument(
                f"SequenceNumberForOrdering {ordering} was not issued by stream {target.name!r}; "
                "pass the number that your last put returned."
            )
        placed = place(target, prepared, now_ms)
        if isinstance(placed, ThroughputExceeded):
            raise placed
        return placed

    def put_records(
        self, stream: str, records: Sequence[NewRecord]
    ) -> list[Placed | ThroughputExceeded]:
        """Store up to 500 records of 10 MiB together; one result for each, in their order.

        Only throughput fails record by record; whatever else is wrong raises and stores nothing.
        """
        now_ms = self.clock.now_ms()
        target = self._writable(stream, now_ms)
        return [place(target, prepared, now_ms) for prepared in prepare(target, records)]

    # Readers

    def shards(self, stream: str) -> Sequence[Shard]:
        """Every shard that has not expired, parents before children."""
        return self.stream(stream).shards(self.clock.now_ms())

    def read(self, stream: str, shard_id: str, after: str | None, limit: int) -> ShardRead:
        """At most `limit` records (and 10 MiB) after `after`; None is the trim horizon.

        `behind_ms` is the age of the last record given when more follow, and 0 at the tip. This
        read has the shard's throughput for itself; `iterators.get_records` shares it.
        """
        now_ms = self.clock.now_ms()
        shard = self.stream(stream).shard(shard_id, now_ms)
        return shard.read(after, limit, MAX_READ_BYTES, now_ms)

    def position_at(
        self, stream: str, shard_id: str, start: str, timestamp_ms: int = 0
    ) -> str | None:
        """The position (for `read`'s `after`) of TRIM_HORIZON, LATEST or AT_TIMESTAMP."""
        now_ms = self.clock.now_ms()
        shard = self.stream(stream).shard(shard_id, now_ms)
        if start == "TRIM_HORIZON":
            return None
        if start == "LATEST":
            return shard.latest()
        if start != "AT_TIMESTAMP":
            raise InvalidArgument(
                f"Start position {start!r}: expected TRIM_HORIZON, LATEST or AT_TIMESTAMP."
            )
        if timestamp_ms > now_ms:
            raise InvalidArgument(
                f"Timestamp {timestamp_ms} ms is in the future (now is {now_ms} ms); choose LATEST "
                "to begin with what comes next."
            )
        return shard.position_at(timestamp_ms)

    async def wait(self, stream: str, shard_id: str, after: str | None, timeout_s: float) -> bool:
        """Wait for a record after `after`, or for the shard's end; False when time ran out.

        Raises ResourceNotFound when the stream is deleted in the meantime.
        """
        found = self.stream(stream)
        shard = found.shard(shard_id, self.clock.now_ms())
        deadline_ms = self.clock.now_ms() + timeout_s * 1000
        while not (shard.holds_after(after) or shard.closed_ms is not None):
            left_s = (deadline_ms - self.clock.now_ms()) / 1000
            if left_s <= 0 or not await shard.bell.wait(self.clock, left_s):
                return False
            self._require_same(found)
        return True

    # Resharding

    def split_shard(self, stream: str, shard_id: str, new_starting_hash_key: int) -> None:
        """Split a shard; its upper child starts at `new_starting_hash_key`."""
        self.stream(stream).split(shard_id, new_starting_hash_key, self.clock.now_ms())

    def merge_shards(self, stream: str, shard_id: str, adjacent_shard_id: str) -> None:
        """Merge two shards whose hash ranges follow one another."""
        self.stream(stream).merge(shard_id, adjacent_shard_id, self.clock.now_ms())

    def update_shard_count(self, stream: str, target: int) -> None:
        """Reach `target` shards of equal size, by splits and merges."""
        self.stream(stream).scale(target, self.clock.now_ms())

    def close(self) -> None:
        """End every subscription, so that a server in front of this can stop at once."""
        self.closed = True
        for stream in self._streams.values():
            stream.topology.ring()

    def _writable(self, stream: str, now_ms: int) -> Stream:
        found = self.stream(stream)
        found.require_usable(now_ms)
        return found

    def _purge(self, name: str, now_ms: int) -> None:
        if (stream := self._streams.get(name)) is not None and stream.gone(now_ms):
            del self._streams[name]

    def _require_same(self, stream: Stream) -> None:
        if self.stream(stream.name) is not stream:
            raise ResourceNotFound(f"Stream {stream.name!r} was deleted and made anew meanwhile.")

    def _require_quota(self, settings: StreamSettings) -> None:
        on_demand = sum(stream.mode == ON_DEMAND for stream in self._streams.values())
        if settings.mode == ON_DEMAND and on_demand >= MAX_ON_DEMAND_STREAMS:
            raise LimitExceeded(
                f"There are {on_demand} streams in ON_DEMAND mode, as many as an account may have; "
                "delete one or create this one as PROVISIONED."
            )
