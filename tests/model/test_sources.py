"""Histories: files, archives below any prefix, the shop."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import ConfigurationError
from millrace.features.definitions import load
from millrace.features.history import archived
from millrace.objects import MemoryObjects

from model.sources import Below, opened
from tests.features.conftest import SHIPPED
from tests.features.test_history import delivery, kept

DEFINITIONS = load(SHIPPED)


def test_a_file_is_read_by_its_mapping_and_tells_how_far(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    path.write_text("Who,When,Item\nann,1700000000,7\nbob,1700000001,8\n\x00,,\n")
    with opened(str(path), DEFINITIONS, "userId=Who,timestamp=When") as history:
        records = list(history.records)
        assert history.total == path.stat().st_size
        assert history.position is not None
        assert history.position() == history.total
    assert history.source == "clicks.csv"
    assert records[0].document == {"userId": "ann", "timestamp": 1_700_000_000, "Item": "7"}


def test_a_file_that_is_not_there_says_what_is_taken(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match=r"--from .*none\.jsonl: No such file.*s3://"),
        opened(str(tmp_path / "none.jsonl"), DEFINITIONS),
    ):
        pass


def test_a_folder_without_an_archive_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match="No archived events"),
        opened(str(tmp_path), DEFINITIONS) as history,
    ):
        next(history.records)


@pytest.mark.parametrize("where", ["s3://", "s3:///prefix"])
def test_a_bucket_needs_a_name(where: str) -> None:
    with pytest.raises(ConfigurationError, match="s3://BUCKET"), opened(where, DEFINITIONS):
        pass


def test_an_archive_may_stand_below_a_prefix() -> None:
    objects = kept([delivery(1), delivery(2)])
    moved = MemoryObjects()
    moved.bodies = {f"copies/of/it/{key}": body for key, body in objects.bodies.items()}
    moved.bodies["events/stream=other/date=2024-01-01/shardId-0/1-1-1.jsonl"] = b"{}\n"
    found = list(archived(Below(moved, "copies/of/it/")))
    assert found == list(archived(objects))


def test_the_shop_is_the_same_every_time_and_a_week_long() -> None:
    found = []
    for _ in range(2):
        with opened(None, DEFINITIONS) as history:
            found.append([record.document for record in history.records])
    assert found[0] == found[1]
    assert len(found[0]) > 15_000
    ids = [event["eventId"] for event in found[0]]
    assert len(set(ids)) == len(ids)
    times = [event["timestamp"] for event in found[0]]
    assert times == sorted(times)
    assert (times[0][:10], times[-1][:10]) == ("2026-01-01", "2026-01-07")
