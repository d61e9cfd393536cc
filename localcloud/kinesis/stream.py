"""One stream: its settings, its state, and what may be done to it in which state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from localcloud.kinesis.consumers import Consumer, Consumers
from localcloud.kinesis.errors import (
    InvalidArgument,
    LimitExceeded,
    ResourceInUse,
    ResourceNotFound,
    ValidationFailed,
)
from localcloud.kinesis.limits import MAX_SHARDS, Limits
from localcloud.kinesis.shard import ShardLog
from localcloud.kinesis.tags import Tags
from localcloud.kinesis.topology import Topology
from localcloud.ports import Shard

PROVISIONED = "PROVISIONED"
ON_DEMAND = "ON_DEMAND"
METRICS = (
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
)
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What a stream is created with; the defaults are AWS's. Raises InvalidArgument."""

    shard_count: int
    mode: str = PROVISIONED
    retention_hours: int = 24
    max_record_kib: int = 1024

    def __post_init__(self) -> None:
        if not 1 <= self.shard_count <= MAX_SHARDS:
            raise InvalidArgument(
                f"ShardCount {self.shard_count} must lie between 1 and {MAX_SHARDS}."
            )
        if self.mode not in (PROVISIONED, ON_DEMAND):
            raise InvalidArgument(f"StreamMode {self.mode!r} must be {PROVISIONED} or {ON_DEMAND}.")
        _require_hours(self.retention_hours)
        _require_record_size(self.max_record_kib)


class Stream:
    """A stream. Times are arguments; `settle_ms` is how long each change leaves it not ACTIVE."""

    def __init__(
        self,
        name: str,
        arn: str,
        settings: StreamSettings,
        now_ms: int,
        *,
        settle_ms: int,
        limits: Limits | None,
        tags: Tags,
    ) -> None:
        self.name = name
        self.arn = arn
        self.created_ms = now_ms
        self.mode = settings.mode
        self.retention_hours = settings.retention_hours
        self.max_record_kib = settings.max_record_kib
        self.key_id: str | None = None
        self.tags = tags
        self.consumers = Consumers(arn)
        self.topology = Topology(name, settings.shard_count, now_ms, limits)
        self._limits = limits
        self._metrics: set[str] = set()
        self._rescaled_ms: list[int] = []
        self._settle_ms = settle_ms
        self._change = "CREATING"
        self._settled_ms = now_ms + settle_ms

    def status(self, now_ms: int) -> str:
        """CREATING, UPDATING, DELETING or ACTIVE."""
        if self._change == "DELETING":
            return "DELETING"
        return "ACTIVE" if self._settled(now_ms) else self._change

    def gone(self, now_ms: int) -> bool:
        """Whether its deletion is complete."""
        return self._change == "DELETING" and self._settled(now_ms)

    def require_usable(self, now_ms: int) -> None:
        """Raises ResourceNotFound while it is being created: records need an existing stream."""
        if self.status(now_ms) == "CREATING":
            raise ResourceNotFound(
                f"Stream {self.name!r} is still CREATING; wait until DescribeStreamSummary says "
                "ACTIVE."
            )

    def begin(self, change: str, now_ms: int) -> None:
        """Enter UPDATING or DELETING; raises ResourceInUse unless it is ACTIVE."""
        self._require_active(now_ms)
        self._change = change
        self._settled_ms = now_ms + self._settle_ms

    # Reading

    def horizon_ms(self, now_ms: int) -> int:
        """Records that arrived at this time or before are trimmed."""
        return now_ms - self.retention_hours * _HOUR_MS

    def shard(self, shard_id: str, now_ms: int) -> ShardLog:
        """The shard of this id, trimmed; an expired one too, empty. Raises ResourceNotFound."""
        shard = self.topology.find(shard_id)
        shard.trim(self.horizon_ms(now_ms))
        return shard

    def shards(self, now_ms: int) -> list[Shard]:
        """The unexpired shards, parents before children."""
        return [shard.describe() for shard in self.topology.listed(self.horizon_ms(now_ms))]

    def deregister(self, consumer: Consumer) -> None:
        """Remove a registered consumer; its subscriptions end."""
        self.consumers.deregister(consumer)
        self.topology.ring()

    # Resharding

    def split(self, shard_id: str, at: int, now_ms: int) -> None:
        """Split a shard so that its upper child starts at hash key `at`."""
        self._require_provisioned("SplitShard")
        self._require_active(now_ms)
        self.topology.split(shard_id, at, now_ms)
        self.begin("UPDATING", now_ms)

    def merge(self, shard_id: str, adjacent_id: str, now_ms: int) -> None:
        """Merge two shards whose hash ranges follow one another."""
        self._require_provisioned("MergeShards")
        self._require_active(now_ms)
        self.topology.merge(shard_id, adjacent_id, now_ms)
        self.begin("UPDATING", now_ms)

    def scale(self, count: int, now_ms: int) -> None:
        """Reach `count` equal shards; at most doubles or halves, as AWS has it by default."""
        self._require_provisioned("UpdateShardCount")
        self._require_active(now_ms)
        current = len(self.topology.open)
        if not current <= 2 * count <= 4 * current:
            raise InvalidArgument(
                f"TargetShardCount {count}: stream {self.name!r} has {current} open shards, and "
                f"one call reaches from {(current + 1) // 2} to {2 * current}. Go there in steps."
            )
        self._count_rescale(now_ms)
        self.topology.scale(count, now_ms)
        self.begin("UPDATING", now_ms)

    # Settings

    def retain(self, hours: int, now_ms: int, *, longer: bool) -> None:
        """Change the retention period, in the direction that the caller named."""
        _require_hours(hours)
        if hours == self.retention_hours or (hours > self.retention_hours) != longer:
            raise InvalidArgument(
                f"RetentionPeriodHours {hours} must be {'more' if longer else 'less'} than the "
                f"{self.retention_hours} that stream {self.name!r} has; the opposite operation "
                "goes the other way."
            )
        # What has expired stays so, even if the new period would reach back to it.
        self.topology.trim(self.horizon_ms(now_ms))
        self.begin("UPDATING", now_ms)
        self.retention_hours = hours

    def set_mode(self, mode: str, now_ms: int) -> None:
        """Record the capacity mode; the shards stay as they are."""
        self.begin("UPDATING", now_ms)
        self.mode = mode

    def set_max_record(self, kib: int, now_ms: int) -> None:
        """Change the largest record that the stream takes (data and partition key)."""
        _require_record_size(kib)
        self.begin("UPDATING", now_ms)
        self.max_record_kib = kib

    def encrypt(self, key_id: str | None, now_ms: int) -> None:
        """Record the KMS key, or its absence; the data in memory is not encrypted."""
        self.begin("UPDATING", now_ms)
        self.key_id = key_id

    def monitor(self, metrics: Iterable[str], *, on: bool) -> tuple[list[str], list[str]]:
        """Record shard-level metrics; those before and those after, in AWS's order."""
        before = self.metrics()
        named = set(metrics)
        named = set(METRICS) if "ALL" in named else named
        self._metrics = self._metrics | named if on else self._metrics - named
        return before, self.metrics()

    def metrics(self) -> list[str]:
        """The recorded shard-level metrics."""
        return [metric for metric in METRICS if metric in self._metrics]

    def _settled(self, now_ms: int) -> bool:
        # A wall clock may be set back; where changes take no time, that must not undo them.
        return self._settle_ms == 0 or now_ms >= self._settled_ms

    def _require_active(self, now_ms: int) -> None:
        if (status := self.status(now_ms)) != "ACTIVE":
            raise ResourceInUse(
                f"Stream {self.name!r} is {status}; wait until DescribeStreamSummary says ACTIVE."
            )

    def _require_provisioned(self, operation: str) -> None:
        if self.mode != PROVISIONED:
            raise ValidationFailed(
                f"{operation} is for streams in PROVISIONED mode and {self.name!r} is {self.mode}; "
                "change it with UpdateStreamMode first."
            )

    def _count_rescale(self, now_ms: int) -> None:
        if self._limits is None:
            return
        self._rescaled_ms = [at for at in self._rescaled_ms if at > now_ms - _DAY_MS]
        if len(self._rescaled_ms) >= self._limits.rescales_per_day:
            raise LimitExceeded(
                f"Stream {self.name!r} was rescaled {len(self._rescaled_ms)} times within 24 "
                "hours, as often as allowed; SplitShard and MergeShards are not counted."
            )
        self._rescaled_ms.append(now_ms)


def _require_hours(hours: int) -> None:
    if not 24 <= hours <= 8760:
        raise InvalidArgument(f"RetentionPeriodHours {hours} must lie between 24 and 8760.")


def _require_record_size(kib: int) -> None:
    if not 1024 <= kib <= 10240:
        raise InvalidArgument(f"MaxRecordSizeInKiB {kib} must lie between 1024 and 10240.")
