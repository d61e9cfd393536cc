"""Events on their way: gathered into batches, put at a pace, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from millrace.producer import BATCH_RECORDS, Outgoing

from cli.checking import Checked
from cli.cloud import Puts

# At a given rate batches are so small that one goes out several times a second.
_BATCHES_A_SECOND = 5


class Pace:
    """Keeps events to a rate by waiting; without a rate nothing waits."""

    def __init__(
        self,
        rate: float | None,
        monotonic_s: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._rate = rate
        self._monotonic_s = monotonic_s
        self._sleep = sleep
        self._due_s = monotonic_s()

    @property
    def batch(self) -> int:
        """How many events should go at once."""
        if self._rate is None:
            return BATCH_RECORDS
        return max(1, min(BATCH_RECORDS, int(self._rate / _BATCHES_A_SECOND)))

    def wait(self, count: int) -> None:
        """Wait until `count` events may go."""
        if self._rate is None:
            return
        now_s = self._monotonic_s()
        if self._due_s > now_s:
            self._sleep(self._due_s - now_s)
        # What a pause has left unused is not made up for.
        self._due_s = max(self._due_s, now_s) + count / self._rate


class Sender:
    """Puts checked events on the stream, in their order.

    `sent` counts what is certainly there, and `upto` is the last line of which that is true, or
    which had nothing to send.
    """

    def __init__(self, producer: Puts, pace: Pace) -> None:
        self._producer = producer
        self._pace = pace
        self._waiting: list[Outgoing] = []
        self._read = 0
        self.sent = 0
        self.upto = 0

    def send(self, checked: Iterable[Checked]) -> None:
        """Put every event. Raises Unavailable, and whatever reading the lines raises."""
        most = self._pace.batch
        for line, event in checked:
            self._read = line
            if event is not None:
                self._waiting.append(event)
            if len(self._waiting) >= most:
                self.flush()
        self.flush()

    def flush(self) -> None:
        """Put what is waiting: a source that pauses must not hold it up."""
        if self._waiting:
            self._pace.wait(len(self._waiting))
            self.sent += self._producer.put(self._waiting)
            self._waiting = []
        self.upto = self._read
