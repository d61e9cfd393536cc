"""`millrace events`: every line is sent, or named; sending again counts nothing twice."""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
from pathlib import Path

import pytest
from millrace.features.definitions import load
from millrace.producer import BATCH_RECORDS

from cli.checking import Checked, Checker, id_of_line
from cli.inputs import Layout, opened
from cli.sending import Pace, Sender
from tests.cli.fakes import Commands, FakeCloud, FakeProducer
from tests.cli.making import GOOD, lines_of
from tests.features.conftest import SHIPPED
from tests.features.streaming import NOW_MS, document

# Sending.


def test_what_is_sent_becomes_features(millrace: Commands, cloud: FakeCloud, good: Path) -> None:
    done = millrace("events", "send", good)
    assert (done.status, done.err) == (0, "")
    assert "9 events" in done.out
    assert {event.partition_key for event in cloud.fake_producer.events} == {"u0", "u1", "u2"}
    cloud.consume()
    found = millrace("features", "get", "u1", "--json").document
    assert found["keys"][0]["features"]["metric_sum_24h"] == 1 + 4 + 7


def test_sending_again_counts_nothing_twice(
    millrace: Commands, cloud: FakeCloud, good: Path
) -> None:
    for _ in range(2):
        assert millrace("events", "send", good).status == 0
    ids = [one["eventId"] for one in cloud.fake_producer.documents]
    assert (len(ids), ids[:9]) == (18, ids[9:])
    cloud.consume()
    assert cloud.bench.count("u0") == 3


def test_two_equal_lines_are_two_events(
    millrace: Commands, cloud: FakeCloud, tmp_path: Path
) -> None:
    path = tmp_path / "twice.jsonl"
    path.write_text(lines_of(GOOD[0], GOOD[0]))
    assert millrace("events", "send", path).status == 0
    assert len({one["eventId"] for one in cloud.fake_producer.documents}) == 2


def test_what_comes_through_a_pipe_is_new_each_time(millrace: Commands, cloud: FakeCloud) -> None:
    for _ in range(2):
        assert millrace("events", "send", "-", stdin=lines_of(*GOOD)).status == 0
    assert len({one["eventId"] for one in cloud.fake_producer.documents}) == 18


def test_an_own_id_is_kept(millrace: Commands, cloud: FakeCloud) -> None:
    millrace("events", "send", "-", stdin=lines_of(document(1, eventId="own")))
    assert cloud.fake_producer.documents[0]["eventId"] == "own"


def test_a_table_is_mapped_and_unpacked(
    millrace: Commands, cloud: FakeCloud, tmp_path: Path
) -> None:
    path = tmp_path / "clicks.csv.gz"
    path.write_bytes(gzip.compress(b"SessionId;Time;metric\nA;1700000000;2\nB;1700000001;3,5\n"))
    done = millrace("events", "send", path, "--map", "userId=SessionId,timestamp=Time", "--json")
    assert (done.status, done.document["valid"], done.document["invalid"]) == (0, 1, 1)
    assert [event.partition_key for event in cloud.fake_producer.events] == ["A", "B"]


def test_what_is_invalid_goes_to_the_stream_and_so_to_quarantine(
    millrace: Commands, cloud: FakeCloud, mixed: Path
) -> None:
    done = millrace("events", "send", mixed)
    assert done.status == 0
    assert "3 invalid lines, for quarantine" in done.out
    assert len(cloud.fake_producer.events) == 5
    cloud.consume()
    reasons = [kept["reason"] for kept in cloud.bench.objects.records()]
    assert sorted(reasons) == ["invalid-metric", "invalid-timestamp", "not-json"]


def test_poison_that_is_sent_twice_is_redriven_once(
    millrace: Commands, cloud: FakeCloud, tmp_path: Path
) -> None:
    path = tmp_path / "poison.jsonl"
    path.write_text(lines_of(document(1, metric="much", eventId=None)))
    for _ in range(2):
        millrace("events", "send", path)
    cloud.consume()
    done = millrace("quarantine", "redrive", "--all", "--kind", "poison", "--set", "metric=5")
    assert (done.status, cloud.bench.count()) == (0, 1)


def test_refusing_sends_nothing_where_anything_is_invalid(
    millrace: Commands, cloud: FakeCloud, mixed: Path, good: Path
) -> None:
    done = millrace("events", "send", mixed, "--invalid", "refuse")
    assert (done.status, cloud.fake_producer.events) == (1, [])
    assert "Nothing was sent: 3 lines are invalid" in done.out
    assert millrace("events", "send", good, "--invalid", "refuse").status == 0
    stdin = lines_of(*GOOD)
    assert millrace("events", "send", "-", "--invalid", "refuse", stdin=stdin).status == 0
    assert len(cloud.fake_producer.events) == 18


def test_skipping_leaves_out_and_reports_every_line(
    millrace: Commands, cloud: FakeCloud, mixed: Path, tmp_path: Path
) -> None:
    report = tmp_path / "problems.jsonl"
    done = millrace("events", "send", mixed, "--invalid", "skip", "--report", report)
    assert (done.status, len(cloud.fake_producer.events)) == (1, 2)
    problems = [json.loads(line) for line in report.read_text().splitlines()]
    assert [(one["line"], one["reason"], one["left_out"]) for one in problems] == [
        (2, "unreadable", True),
        (3, "invalid-metric", True),
        (4, "invalid-timestamp", True),
    ]
    assert problems[0]["text"] == "rubbish"
    assert problems[1]["event"]["metric"] == "much"


@pytest.mark.parametrize("invalid", ["quarantine", "skip", "refuse"])
def test_what_no_stream_takes_is_named_and_not_sent(
    millrace: Commands, cloud: FakeCloud, tmp_path: Path, invalid: str
) -> None:
    path = tmp_path / "large.jsonl"
    path.write_text(lines_of(document(1, note="x" * (1 << 20)), document(2)))
    done = millrace("events", "send", path, "--invalid", invalid)
    assert done.status == 1
    assert "too-large" in done.out
    assert len(cloud.fake_producer.events) == (0 if invalid == "refuse" else 1)


def test_an_event_from_the_future_is_invalid(millrace: Commands, cloud: FakeCloud) -> None:
    line = lines_of(document(1, at_ms=NOW_MS + 60_000))
    done = millrace("events", "send", "-", "--json", stdin=line)
    assert done.document["reasons"] == {"from-the-future": 1}
    assert len(cloud.fake_producer.events) == 1


def test_a_dry_run_checks_and_sends_nothing(
    millrace: Commands, cloud: FakeCloud, mixed: Path
) -> None:
    done = millrace("events", "send", mixed, "--dry-run")
    assert (done.status, cloud.fake_producer.events) == (0, [])
    assert "Nothing was sent: 5 events would go to stack millrace, 3 of them for" in done.out
    done = millrace("events", "send", mixed, "--dry-run", "--invalid", "skip")
    assert done.status == 1


def test_where_the_stream_goes_on_refusing_the_message_says_where_to_go_on(
    millrace: Commands, cloud: FakeCloud, tmp_path: Path
) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text(lines_of(*(document(n, eventId=None) for n in range(1200))))
    cloud.fake_producer.room = 1000
    done = millrace("events", "send", path, "--json")
    assert done.status == 1
    found = done.document
    assert (found["sent"], found["complete"], found["next_line"]) == (1000, False, 1001)
    assert "go on with --from-line 1001" in done.err
    assert "throttled" in done.err
    cloud.fake_producer.room = None
    assert millrace("events", "send", path, "--from-line", 1001).status == 0
    numbers = [one["metric"] for one in cloud.fake_producer.documents]
    assert numbers == list(range(1200))


def test_what_stops_before_anything_was_sent_is_an_error_and_no_result(
    millrace: Commands, cloud: FakeCloud, good: Path
) -> None:
    cloud.fake_producer.room = 0
    done = millrace("events", "send", good)
    assert (done.status, done.out) == (1, "")
    assert done.err == "millrace: Cannot put events on events: throttled\n"


def test_a_file_that_is_cut_short_is_not_said_to_have_done_nothing(
    millrace: Commands, cloud: FakeCloud, tmp_path: Path
) -> None:
    documents = [document(n, note=os.urandom(40).hex()) for n in range(3000)]
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(lines_of(*documents).encode())[:-60_000])
    done = millrace("events", "send", path)
    sent = len(cloud.fake_producer.events)
    assert done.status == 1
    assert 0 < sent < 3000
    assert f"go on with --from-line {sent + 1}" in done.err
    assert "damaged or cut short" in done.err


def test_ctrl_c_says_how_far_it_got(millrace: Commands, cloud: FakeCloud, good: Path) -> None:
    cloud.fake_producer.interrupt_after = 4
    done = millrace("events", "send", good, "--rate", 10)
    assert done.status == 130
    assert "4 events" in done.out
    assert "up to line 4 are on the stream; go on with --from-line 5" in done.err


def test_a_rate_is_kept(millrace: Commands, cloud: FakeCloud, good: Path) -> None:
    assert millrace("events", "send", good, "--rate", 10).status == 0
    assert cloud.fake_producer.batches == [2, 2, 2, 2, 1]
    assert sum(millrace.slept) == pytest.approx(0.8)


def test_a_pause_is_not_made_up_for() -> None:
    now = [0.0]
    slept: list[float] = []
    pace = Pace(100, lambda: now[0], slept.append)
    pace.wait(20)
    now[0] = 60.0
    pace.wait(20)
    pace.wait(20)
    assert slept == [pytest.approx(0.2)]
    assert Pace(None, lambda: 0.0, slept.append).batch == BATCH_RECORDS
    assert Pace(1e6, lambda: 0.0, slept.append).batch == BATCH_RECORDS
    assert Pace(0.5, lambda: 0.0, slept.append).batch == 1


# Pipes.


def test_a_pipe_that_pauses_holds_nothing_up(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    producer = FakeProducer()
    sender = Sender(producer, Pace(None, time.monotonic, time.sleep))
    seen: list[int] = []

    def write() -> None:
        with pipe.open("w") as stream:
            stream.write(lines_of(*GOOD[:2]))
            stream.flush()
            for _ in range(200):
                if producer.events:
                    break
                time.sleep(0.05)
            seen.append(len(producer.events))
            stream.write(lines_of(GOOD[2]))

    writer = threading.Thread(target=write)
    writer.start()
    definitions = load(SHIPPED)
    with opened(str(pipe), on_pause=sender.flush) as source:
        checker = Checker(definitions, lambda: NOW_MS, lambda line: id_of_line("p", line))
        sender.send(checker.checked(source.lines(definitions, Layout.of(None, None))))
    writer.join()
    assert seen == [2]
    assert producer.batches == [2, 1]


def test_a_line_with_nothing_to_send_counts_as_done() -> None:
    sender = Sender(FakeProducer(), Pace(None, lambda: 0.0, lambda seconds: None))
    sender.send([Checked(1, None), Checked(7, None)])
    assert (sender.sent, sender.upto) == (0, 7)
