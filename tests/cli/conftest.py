"""Commands against a cloud in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.fakes import Commands, FakeCloud
from tests.cli.making import GOOD, failed_batch, give_up, lines_of
from tests.features.streaming import Bench, document, record


@pytest.fixture
def bench() -> Bench:
    """An enricher with its fakes, which gives up at once what cannot be written."""
    return Bench(give_up_after_ms=0)


@pytest.fixture
def cloud(bench: Bench) -> FakeCloud:
    """The cloud that commands see."""
    return FakeCloud(bench)


@pytest.fixture
def millrace(cloud: FakeCloud) -> Commands:
    """The command."""
    return Commands(cloud)


@pytest.fixture
def full(cloud: FakeCloud) -> FakeCloud:
    """One object of each kind, and of each status."""
    bench = cloud.bench
    bench.run(record(document(1, metric="much"), 1), record(document(2), 2))
    bench.run(
        record(document(600), 10), record(document(3, eventId=None), 11)
    )  # the latter is late
    give_up(bench, document(601), 12)
    failed_batch(
        bench,
        record(document(4), 4),  # long before what is remembered: undetermined
        record(document(590), 5),  # within it, and not among the remembered: missing
        record(document(600), 10),  # remembered: applied before
        record(b"rubbish", 6),
    )
    return cloud


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A file of nine events."""
    path = tmp_path / "events.jsonl"
    path.write_text(lines_of(*GOOD))
    return path


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A good line, three that are no event in three ways, and another good one."""
    path = tmp_path / "mixed.jsonl"
    much = document(1, metric="much")
    path.write_text(lines_of(GOOD[0], "rubbish", much, {"userId": "u9"}, GOOD[1]))
    return path
