"""What counts as an event of the stream, when the demo recomputes every feature."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from millrace.features.definitions_parser import parse

from localcloud.demo.checking import Check, _events
from localcloud.ports import StreamRecord
from tests.features.making import START_MS

TWO = parse("""
version = 1
[entity.user]
key = "userId"
[entity.item]
key = "itemId"
""")


class Stream:
    """A cloud whose stream has one shard of these records."""

    def __init__(self, *records: tuple[str, bytes]) -> None:
        self.kinesis: Any = self
        self._records = [
            StreamRecord(str(number), START_MS, key, data)
            for number, (key, data) in enumerate(records, 1)
        ]

    def output(self, name: str) -> str:
        return name

    def stream(self, name: str) -> Any:
        return SimpleNamespace(created_ms=START_MS)

    def shards(self, name: str) -> Any:
        return [SimpleNamespace(shard_id="shardId-000000000000")]

    def read(self, name: str, shard_id: str, after: str | None, most: int) -> Any:
        return SimpleNamespace(records=[] if after else self._records)


@pytest.mark.parametrize(
    ("key", "more", "counts"),
    [
        ("u", "", True),
        ("other", "", False),
        ("u", ', "itemId": "i"', False),
        ("u", ', "itemId": "u"', True),
        ("u", ', "itemId": "i", "eventId": "e"', True),
        ("other", ', "eventId": "e"', True),
    ],
)
def test_an_event_without_an_id_counts_where_each_of_its_keys_has_an_order(
    key: str, more: str, counts: bool
) -> None:
    data = f'{{"userId": "u", "timestamp": {START_MS}{more}}}'.encode()
    cloud: Any = Stream((key, data))
    result = Check()
    assert len([*_events(cloud, TWO, result)]) == counts
    assert result.events == 1
    assert ("eventId is missing" in result.first_invalid) is not counts
