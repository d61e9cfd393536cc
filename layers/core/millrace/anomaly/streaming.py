"""Metrics onto OCI Streaming by its own API.

A stream's messages go to the endpoint that it shows (`messagesEndpoint`): MILLRACE_STREAM_ENDPOINT,
by default that of the region's first cell.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from millrace import oci
from millrace.anomaly.outgoing import MAX_BYTES, Outgoing, parts
from millrace.errors import ConfigurationError, Unavailable

_CELL = "https://cell-1.streaming.{region}.oci.oraclecloud.com"
_TRIES = 6
_MOST = 500


class StreamingProducer:
    """Puts metrics on one stream, by its OCID."""

    def __init__(
        self,
        stream_id: str,
        client: Any = None,  # noqa: ANN401  an SDK's client
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stream_id = stream_id
        self._client = client
        self._sleep = sleep

    def put(self, events: Iterable[Outgoing]) -> int:
        """Put every event; how many there were.

        What the stream refuses for now is tried again, and may then stand behind later events of
        its series, and twice where an answer was lost: ids and times of events are made for that.
        Raises Unavailable when it goes on refusing, ConfigurationError where trying is no use.
        """
        count = 0
        for batch in batches(events):
            self._put(batch, count)
            count += len(batch)
        return count

    def _put(self, batch: Sequence[Outgoing], before: int) -> None:
        waiting = list(batch)
        problem: Unavailable | None = None
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(min(5.0, 0.1 * 2**attempt))
            try:
                waiting = self._try(waiting)
            except Unavailable as error:
                problem = error
            if not waiting:
                return
        raise Unavailable(
            f"The stream {self._stream_id} did not take {len(waiting)} events in {_TRIES} tries;"
            f" {before} were taken before: {problem or 'it refused them one by one'}"
        )

    def _try(self, events: Sequence[Outgoing]) -> list[Outgoing]:
        """What the stream refused."""
        client = self._client or oci.client("streaming", _endpoint())
        # The SDK takes plain data for its models.
        messages = [{"key": _coded(e.series.encode()), "value": _coded(e.data)} for e in events]
        try:
            answer = client.put_messages(self._stream_id, {"messages": messages}).data
        except Exception as error:  # the SDK's errors have no common base
            raise oci.problem(f"put on the stream {self._stream_id}", error) from None
        return [event for event, entry in zip(events, answer.entries, strict=True) if entry.error]


def _endpoint() -> str:
    return os.environ.get("MILLRACE_STREAM_ENDPOINT") or _CELL


def batches(events: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    """Events in batches that one put takes. Raises ConfigurationError for one that is too large."""
    for batch in parts(events, _MOST, MAX_BYTES):
        for event in batch:
            if event.size > MAX_BYTES:
                raise ConfigurationError(
                    f"An event of {event.series!r:.80} has {event.size} bytes; Streaming takes 1 MB"
                )
        yield batch


def _coded(content: bytes) -> str:
    return base64.b64encode(content).decode()
