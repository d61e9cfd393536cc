"""What became of a batch, for the answer, logs and metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from millrace.kinesis import partial_batch_answer

_PROBLEMS_KEPT = 20


@dataclass(slots=True)
class Report:
    """Counts of one batch.

    Attributes:
        records: Kinesis user records, those in KPL aggregates counted singly.
        applied, duplicates, late, seen_before: what became of events, counted once an entity;
            `seen_before` are consumer retries, which change nothing and are counted nowhere else.
        quarantined: poison that was put away; reasons: how much of it for which reason.
        keys: keys with events; reads, writes, conflicts: what the store was asked.
        gave_up: events of which a hole was recorded.
        oldest_ms: arrival of the oldest event that was applied.
        problems: key → why it failed, a few of them.
        failed: sequence numbers from which Lambda must deliver again.
    """

    records: int = 0
    applied: int = 0
    duplicates: int = 0
    late: int = 0
    seen_before: int = 0
    quarantined: int = 0
    keys: int = 0
    reads: int = 0
    writes: int = 0
    conflicts: int = 0
    gave_up: int = 0
    oldest_ms: int | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    @property
    def answer(self) -> dict[str, list[dict[str, str]]]:
        """What the function answers."""
        return partial_batch_answer(self.failed)

    @property
    def summary(self) -> dict[str, object]:
        """What a log line should show: every count that is not 0, and the problems.

        Of what failed how many, and the answer: thousands of numbers would be a line of their own.
        """
        counts = {**asdict(self), "failed": len(self.failed), **self.answer}
        return {name: value for name, value in counts.items() if value}

    def quarantine(self, reason: str) -> None:
        """Note that a record was put away for this reason."""
        self.quarantined += 1
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def failure(self, sequence_number: str, where: str, error: Exception) -> None:
        """Note that everything from this record on must come again."""
        self.failed.append(sequence_number)
        if len(self.problems) < _PROBLEMS_KEPT:
            self.problems[where] = f"{type(error).__name__}: {error}"
