"""What a mapping has done so far, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from localcloud.event_source_mapping.batch import Batch, Decision, Outcome, Step


@dataclass(slots=True)
class Counters:
    """Counts since the mapping was made; take one with `EventSourceMapping.snapshot`.

    Records: `delivered` counts each delivery, `redelivered` those of records that had been
    delivered before, `done` and `given_up` how records ended. Batches: `retries`, `bisects` and
    `resumed` (partial answers that made progress), `duplicates` and `lost_answers` (faults).
    `throttled` are invocations that did not run. `iterator_age_ms` is Lambda's metric: how old the
    last record of the latest batch was when the batch left; `max_iterator_age_ms` its maximum.
    """

    invocations: int = 0
    function_errors: int = 0
    throttled: int = 0
    delivered: int = 0
    redelivered: int = 0
    done: int = 0
    resumed: int = 0
    bisects: int = 0
    retries: int = 0
    given_up: int = 0
    given_up_batches: int = 0
    destination_failures: int = 0
    read_failures: int = 0
    duplicates: int = 0
    lost_answers: int = 0
    iterator_age_ms: int = 0
    max_iterator_age_ms: int = 0

    def copy(self) -> Counters:
        """These numbers as they are now."""
        return replace(self)

    def leaving(self, batch: Batch, now_ms: int) -> None:
        """A batch goes to the function."""
        self.iterator_age_ms = max(0, now_ms - batch.records[-1].arrival_ms)
        self.max_iterator_age_ms = max(self.max_iterator_age_ms, self.iterator_age_ms)

    def returned(self, batch: Batch, outcome: Outcome) -> None:
        """The function's answer, or its refusal, is there."""
        if not outcome.invoked:
            self.throttled += 1
            return
        self.invocations += 1
        self.function_errors += outcome.error is not None
        self.delivered += len(batch.records)
        self.redelivered += len(batch.records) if batch.again else 0

    def decided(self, decision: Decision) -> None:
        """What followed from the answer."""
        self.done += decision.done
        self.resumed += decision.step is Step.RESUME
        self.bisects += decision.step is Step.SPLIT
        self.retries += decision.step is Step.RETRY

    def discarded(self, records: int) -> None:
        """A batch, or the old part of one, is given up."""
        self.given_up += records
        self.given_up_batches += 1
