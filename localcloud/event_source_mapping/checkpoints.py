"""How far a mapping has come in each shard; the part of it that outlives a run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything up to sequence number `after` is done (None: nothing from the trim horizon on).

    `finished` says that the shard was closed and that all of it is done.
    """

    after: str | None
    finished: bool = False


@dataclass(slots=True)
class Checkpoints:
    """One mapping's checkpoints by shard id. Give the same object to the next run to go on."""

    _shards: dict[str, Checkpoint] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether the mapping has begun at all."""
        return bool(self._shards)

    def get(self, shard_id: str) -> Checkpoint | None:
        """The checkpoint of a shard; None if the mapping has not begun with it."""
        return self._shards.get(shard_id)

    def put(self, shard_id: str, checkpoint: Checkpoint) -> None:
        """Remember how far a shard has been processed."""
        self._shards[shard_id] = checkpoint

    def finished(self, shard_id: str) -> bool:
        """Whether nothing of the shard is left to do."""
        checkpoint = self._shards.get(shard_id)
        return checkpoint is not None and checkpoint.finished

    def all(self) -> dict[str, Checkpoint]:
        """A copy, by shard id."""
        return dict(self._shards)
