"""The registered consumers (enhanced fan-out) of one stream."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.kinesis.errors import LimitExceeded, ResourceInUse, ResourceNotFound
from localcloud.kinesis.limits import MAX_CONSUMERS
from localcloud.kinesis.tags import Tags


@dataclass(frozen=True, slots=True)
class Consumer:
    """A registered consumer; it may subscribe `settle_ms` after its creation."""

    name: str
    arn: str
    stream_arn: str
    created_ms: int
    settle_ms: int
    tags: Tags

    def status(self, now_ms: int) -> str:
        """CREATING or ACTIVE."""
        return "CREATING" if now_ms - self.created_ms < self.settle_ms else "ACTIVE"


class Consumers:
    """Consumers of one stream by name; names are unique within it."""

    def __init__(self, stream_arn: str) -> None:
        self._stream_arn = stream_arn
        self._by_name: dict[str, Consumer] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def register(self, name: str, now_ms: int, settle_ms: int, tags: Tags) -> Consumer:
        """Add a consumer; it is ACTIVE after `settle_ms`."""
        if name in self._by_name:
            raise ResourceInUse(
                f"Consumer {name!r} of {self._stream_arn} exists already; choose another name or "
                "deregister it first."
            )
        if len(self._by_name) == MAX_CONSUMERS:
            raise LimitExceeded(
                f"{self._stream_arn} has {MAX_CONSUMERS} consumers, as many as a stream may have; "
                "deregister one first."
            )
        arn = f"{self._stream_arn}/consumer/{name}:{now_ms // 1000}"
        consumer = Consumer(name, arn, self._stream_arn, now_ms, settle_ms, tags)
        self._by_name[name] = consumer
        return consumer

    def named(self, name: str) -> Consumer:
        """The consumer of this name; raises ResourceNotFound."""
        if (consumer := self._by_name.get(name)) is None:
            raise ResourceNotFound(
                f"Consumer {name!r} of {self._stream_arn} does not exist; ListStreamConsumers "
                "names those that do."
            )
        return consumer

    def by_arn(self, arn: str) -> Consumer:
        """The consumer of this ARN; one registered anew under an old name has another ARN."""
        consumer = self._by_name.get(arn.rpartition("/")[2].partition(":")[0])
        if consumer is None or consumer.arn != arn:
            raise ResourceNotFound(
                f"Consumer {arn} does not exist; ListStreamConsumers names those that do."
            )
        return consumer

    def deregister(self, consumer: Consumer) -> None:
        """Remove a consumer; its subscriptions end."""
        del self._by_name[consumer.name]

    def listed(self) -> list[Consumer]:
        """All consumers by name."""
        return [self._by_name[name] for name in sorted(self._by_name)]
