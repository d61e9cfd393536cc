"""Metrics on their way to the stream: by Streaming's API, and by `millrace metrics send`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from millrace.anomaly.outgoing import Outgoing, outgoing
from millrace.anomaly.streaming import StreamingProducer, batches
from millrace.errors import ConfigurationError, InvalidEvent, Unavailable
from typer.testing import CliRunner

from cli.main import app
from cli.surroundings import Surroundings
from localcloud.faults.plan import Drop, Fail, FaultPlan, Rule, When
from tests.localcloud.oci.looped import looped
from tests.localcloud.oci.serving import served
from tests.oci.local.running import sdk
from tests.oci.local.test_kafka import POOL, TOKEN, USER, Cluster, cluster
from tests.oci.making import NOW_MS

PROGRAM = Path(__file__).with_name("put_metrics.py")
TABLE = "time,series,metric\n" + "".join(
    f"2026-01-01T00:{i:02}:00Z,{'cpu' if i % 2 else 'memory'},{i}\n" for i in range(12)
)


@looped
async def test_the_sdk_puts_them_again_where_an_answer_was_lost(tmp_path: Path) -> None:
    async with served(tmp_path) as cloud:
        faults = (
            Rule("streaming", "put_messages", Fail("TooManyRequests", 429, "chaos"), calls=(1,)),
            Rule("streaming", "put_messages", Drop(), When.AFTER, calls=(2,)),
        )
        cloud.injector.use(FaultPlan(1, faults))
        environ = {
            **cloud.principal.environ,
            "MILLRACE_OCI_ENDPOINT": cloud.url,
            "MILLRACE_STREAM_ID": cloud.stream.id,
        }
        status, out, err = await sdk(environ, PROGRAM, "700")
    assert (status, out) == (0, "700\n"), err
    found = [m for p in cloud.stream.partitions for m in cloud.stream.partition(p).read(0)]
    ids = [json.loads(message.value)["id"] for message in found]
    assert len(ids) == 700 + 500  # the first batch came twice
    assert list(dict.fromkeys(ids)) == [str(i) for i in range(700)]


class Refusing:
    """A client of the SDK whose stream refuses some records, as long as it is told to."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.taken: list[str] = []

    def put_messages(self, stream_id: str, details: Mapping[str, Any]) -> SimpleNamespace:
        entries = []
        for number, message in enumerate(details["messages"]):
            refused = number % 2 == 1 and self.times > 0
            entries.append(SimpleNamespace(error="InternalError" if refused else None))
            if not refused:
                self.taken.append(message["key"])
        self.times -= 1
        return SimpleNamespace(data=SimpleNamespace(entries=entries))


def test_what_is_refused_one_by_one_comes_again() -> None:
    events = [Outgoing(str(i), b"x") for i in range(9)]
    client = Refusing(2)
    assert StreamingProducer("s", client, sleep=lambda _: None).put(events) == 9
    assert len(client.taken) == len(set(client.taken)) == 9
    with pytest.raises(Unavailable, match="did not take 4 events in 6 tries; 0 were taken before"):
        StreamingProducer("s", Refusing(99), sleep=lambda _: None).put(events * 32)


def test_a_put_has_at_most_500_events_and_a_megabyte() -> None:
    assert [len(one) for one in batches([Outgoing("s", b"x")] * 1001)] == [500, 500, 1]
    assert [len(one) for one in batches([Outgoing("s", b"x" * 400_000)] * 5)] == [2, 2, 1]
    with pytest.raises(ConfigurationError, match="1 MB"):
        list(batches([Outgoing("s", b"x" * (1 << 20))]))


def test_what_the_function_would_refuse_is_refused_here() -> None:
    for wrong in (("", "s", NOW_MS, 1.0), ("1", "s", NOW_MS * 2, 1.0), ("1", "s", NOW_MS, 1e130)):
        with pytest.raises(InvalidEvent):
            outgoing(*wrong, NOW_MS)


async def millrace(environ: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Status, output and errors of the command; in a thread, for the peer is in our loop."""
    around = Surroundings(environment=environ, now_ms=lambda: NOW_MS)
    done = await asyncio.to_thread(
        lambda: CliRunner().invoke(app, ["metrics", "send", *arguments], obj=around)
    )
    return done.exit_code, done.stdout, done.stderr


def environment(here: Cluster) -> dict[str, str]:
    return {
        "MILLRACE_KAFKA_BOOTSTRAP": here.bootstrap,
        "MILLRACE_STREAM_POOL_ID": POOL,
        "MILLRACE_KAFKA_USER": USER,
        "MILLRACE_KAFKA_TOKEN": TOKEN,
        "MILLRACE_STREAM_NAME": "s",
    }


@looped
async def test_a_table_is_sent_and_sent_again_with_the_same_ids(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(TABLE + "2026-01-01T00:20:00Z,cpu,\n2026-01-01T00:21:00Z,cpu,much\n")
    async with cluster() as here:
        status, out, err = await millrace(environment(here), str(path), "--kafka", "--json")
        assert status == 1, err  # a line was no metric
        told = json.loads(out)
        assert (told["sent"], told["empty"], told["left_out"]) == (12, 1, 1)
        assert told["series"] == {"memory": 6, "cpu": 6}
        assert told["problems"][0]["line"] == 15
        await millrace(environment(here), str(path), "--kafka")
        events = [json.loads(value) for _, _, value in here.values()]
    assert len(events) == 24
    assert len({event["id"] for event in events}) == 12
    assert {event["series"] for event in events} == {"cpu", "memory"}


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("time,series,metric\n", "2026-01-01T00:{:02}:00Z,cpu,{}\n"),
        ("{\n", '{{"time": "2026-01-01T00:{:02}:00Z", "series": "cpu", "metric": {}}}\n'),
    ],
)
@looped
async def test_a_source_that_pauses_holds_nothing_up(header: str, row: str, tmp_path: Path) -> None:
    """Neither the rows that the columns are told by, nor those of a batch that is not full."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    seen: list[int] = []

    async def feed(here: Cluster) -> None:
        stream = await asyncio.to_thread(pipe.open, "w")
        with stream:
            for number, text in enumerate((header, row.format(1, 10), row.format(2, 20))):
                stream.write(text)
                stream.flush()
                await asyncio.sleep(0.3)  # a pause with nothing but a header settles nothing
                for _ in range(400):
                    if len(here.values()) >= number:
                        break
                    await asyncio.sleep(0.05)
                seen.append(len(here.values()))

    async with cluster() as here:
        (status, out, err), _ = await asyncio.gather(
            millrace(environment(here), str(pipe), "--kafka", "--json"), feed(here)
        )
        values = [json.loads(value)["metric"] for _, _, value in here.values()]
    assert status == (0 if header.startswith("time") else 1), err
    assert (json.loads(out)["sent"], seen, values) == (2, [0, 1, 2], [10, 20])


@looped
async def test_a_dry_run_sends_nothing_and_needs_no_cloud(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(TABLE)
    status, out, err = await millrace({}, str(path), "--dry-run")
    assert status == 0, err
    assert "would be sent" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say how: --kafka"),
        (["--kafka", "--stream", "ocid1.stream.x"], "by its name, not its OCID"),
        (["--streaming", "--stream", "s"], "by its OCID, not its name"),
        (["--streaming"], "Say which stream"),
        (["--kafka", "--stream", "s"], "MILLRACE_KAFKA_BOOTSTRAP"),
    ],
)
@looped
async def test_what_is_not_said_is_asked_for(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(TABLE)
    status, _, err = await millrace({}, str(path), *arguments)
    assert status == 2
    assert said in " ".join(err.split())


@looped
async def test_a_token_that_is_wrong_stands_in_no_message(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(TABLE)
    async with cluster() as here:
        environ = {**environment(here), "MILLRACE_KAFKA_TOKEN": "hunter2"}
        status, out, err = await millrace(environ, str(path), "--kafka")
    assert status == 2
    assert "MILLRACE_KAFKA_USER" in err
    assert "hunter2" not in out + err
