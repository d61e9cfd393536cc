"""Predictions that are made, recorded, put on a stream and archived, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from millrace.features.history import archived
from millrace.features.replay import Record
from millrace.inference.archiver import Archived, Archiver
from millrace.inference.joined import Inference, inferences

from tests.features.streaming import NOW_MS, FakeStreams, FlakyObjects
from tests.features.streaming import Record as Delivered
from tests.features.streaming import record as delivered

ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/inferences"


def inference(number: int, **changes: Any) -> dict[str, Any]:
    """An inference record."""
    record = {
        "kind": "inference",
        "predictionId": f"p{number}",
        "userId": "u1",
        "timestamp": "2023-11-14T22:14:20.000Z",
        "features": {"count_5m": number, "metric_mean_5m": 0.1 + 0.2},
        "featuresAsOf": "2023-11-14T22:14:20.000Z",
        "featuresVersion": "0123456789ab",
        "input": {"n": number},
        "prediction": {"score": 0.5},
        "model": {"endpoint": "m", "variant": "v", "version": "1"},
    }
    return {name: value for name, value in {**record, **changes}.items() if value is not ...}


def feedback(number: int, outcome: object, second: int = 0, **changes: Any) -> dict[str, Any]:
    """A feedback record."""
    record = {
        "kind": "feedback",
        "predictionId": f"p{number}",
        "timestamp": f"2023-11-14T23:00:{second:02}.000Z",
        "outcome": outcome,
    }
    return {name: value for name, value in {**record, **changes}.items() if value is not ...}


def batch(*documents: Mapping[str, Any] | bytes, first: int = 1, **more: Any) -> list[Delivered]:
    """Records as Lambda hands them over."""
    return [
        delivered(
            one if isinstance(one, bytes) else orjson.dumps(one),
            first + number,
            key="u1",
            **{"arn": ARN, "arrival_ms": NOW_MS, **more},
        )
        for number, one in enumerate(documents)
    ]


class Bench:
    """An archiver with fakes around it."""

    def __init__(self) -> None:
        self.archive, self.quarantine = FlakyObjects(), FlakyObjects()
        self.streams = FakeStreams()
        self.archiver = Archiver(self.streams, self.archive, self.quarantine)

    def run(self, records: Iterable[Any]) -> Archived:
        return self.archiver.handle(list(records))

    def archived(self, kind: str) -> list[Record]:
        """What a reader of the archive finds."""
        return list(archived(self.archive, kind=kind))

    def inferences(self) -> list[Inference]:
        return list(inferences(self.archived("inferences")))
