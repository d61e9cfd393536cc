"""Faults that a mapping commits on request: the duplicates and losses of at-least-once delivery."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from localcloud.event_source_mapping.batch import Batch


class Faults(Protocol):
    """Asked once for every invocation that ran."""

    def repeats(self, shard_id: str, batch: Batch) -> bool:
        """Whether to deliver a batch again although it succeeded (a consumer duplicate)."""
        ...

    def loses_answer(self, shard_id: str, batch: Batch) -> bool:
        """Whether to treat an invocation as failed although the function ran."""
        ...


class NoFaults:
    """The default: nothing goes wrong on purpose."""

    def repeats(self, shard_id: str, batch: Batch) -> bool:
        """Never."""
        return False

    def loses_answer(self, shard_id: str, batch: Batch) -> bool:
        """Never."""
        return False


@dataclass(frozen=True, slots=True)
class SeededFaults:
    """Commits each fault with a probability from 0 to 1.

    A draw depends on the seed and on what is delivered, not on when, so that a seed means the same
    whatever runs beside it.
    """

    seed: int
    repeat: float = 0.0
    lose_answer: float = 0.0

    def repeats(self, shard_id: str, batch: Batch) -> bool:
        """Whether the draw for this batch falls below `repeat`."""
        return self._draw("repeat", shard_id, batch) < self.repeat

    def loses_answer(self, shard_id: str, batch: Batch) -> bool:
        """Whether the draw for this batch and try falls below `lose_answer`."""
        return self._draw("lose", shard_id, batch) < self.lose_answer

    def _draw(self, fault: str, shard_id: str, batch: Batch) -> float:
        first, last = batch.records[0].sequence_number, batch.records[-1].sequence_number
        what = (
            f"{self.seed} {fault} {shard_id} {first} {last} {batch.invocations} {batch.duplicate}"
        )
        return int.from_bytes(blake2b(what.encode(), digest_size=8).digest()) / 2**64
