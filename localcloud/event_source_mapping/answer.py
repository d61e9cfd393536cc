"""What a function's answer says about its batch. Pure.

From the Lambda developer guide, "Configuring partial batch response with Kinesis Data Streams and
Lambda", and recorded answers of the service. With ReportBatchItemFailures:

- success: an empty answer (nothing, null, "", [], {}), and a batchItemFailures that is absent,
  null or empty;
- partial: the failure with the lowest sequence number is the checkpoint, everything from it on is
  delivered again;
- the whole batch fails: an itemIdentifier that is missing, null, empty, no text, or none of the
  batch's sequence numbers; and (ours, Lambda does not say) an answer that is not JSON, or JSON but
  neither empty nor an object, or a batchItemFailures that is not a list.

Without ReportBatchItemFailures whatever the function answers is success, and only an error fails.
"""

from __future__ import annotations

from typing import Any

import orjson

from localcloud.event_source_mapping.batch import Batch, Outcome
from localcloud.ports import Invocation


def read_answer(invocation: Invocation, batch: Batch, *, report_item_failures: bool) -> Outcome:
    """The outcome of an invocation with `batch`."""
    if invocation.error is not None:
        return Outcome(0, failed=True, error=invocation.error)
    if report_item_failures:
        done = _records_done(invocation.payload, batch)
        return Outcome(done, failed=done < len(batch.records))
    return Outcome(len(batch.records), failed=False)


def _records_done(payload: bytes, batch: Batch) -> int:
    """How many leading records succeeded; 0 when the whole batch failed."""
    try:
        answer = orjson.loads(payload) if payload.strip() else None
    except orjson.JSONDecodeError:
        return 0
    if answer in (None, "", [], {}):
        return len(batch.records)
    if not isinstance(answer, dict):
        return 0
    failures = answer.get("batchItemFailures")
    if failures in (None, []):
        return len(batch.records)
    if not isinstance(failures, list):
        return 0
    return _lowest(failures, batch)


def _lowest(failures: list[Any], batch: Batch) -> int:
    places = {record.sequence_number: place for place, record in enumerate(batch.records)}
    lowest = len(batch.records)
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        place = places.get(identifier) if isinstance(identifier, str) else None
        if place is None:
            return 0
        lowest = min(lowest, place)
    return lowest
