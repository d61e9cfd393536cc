"""A cloud in memory, and commands that run against it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from millrace.errors import ConfigurationError, Unavailable
from millrace.features.batch import Streams
from millrace.features.definitions import Definitions
from millrace.features.sinks import Followed, KeySink
from millrace.features.store import LedgerStore
from millrace.objects import MemoryObjects, Objects
from millrace.producer import Outgoing
from typer.testing import CliRunner

from cli.cloud import Cloud, Puts
from cli.main import app
from cli.surroundings import Surroundings
from cli.target import StackDescription, Target
from tests.cli.done import Done
from tests.features.conftest import SHIPPED
from tests.features.streaming import NOW_MS, Bench, record

OUTPUTS = {
    "StreamName": "events",
    "FeaturesTableName": "features",
    "RedriveLedgerTableName": "ledger",
    "QuarantineBucketName": "quarantine",
}


class FakeProducer:
    """Takes events, as many as a test says; then the stream is down."""

    def __init__(self) -> None:
        self.events: list[Outgoing] = []
        self.batches: list[int] = []
        self.room: int | None = None
        self.interrupt_after: int | None = None

    def put(self, events: Iterable[Outgoing]) -> int:
        taken = list(events)
        if self.interrupt_after is not None and len(self.events) >= self.interrupt_after:
            raise KeyboardInterrupt
        if self.room is not None and len(self.events) + len(taken) > self.room:
            raise Unavailable("Cannot put events on events: throttled")
        self.events += taken
        self.batches.append(len(taken))
        return len(taken)

    @property
    def documents(self) -> list[Any]:
        """What was put, as JSON."""
        return [json.loads(event.data) for event in self.events]


class FakeSink:
    """Remembers the keys that it followed."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def take(self, followed: Followed) -> None:
        self.keys.append(followed.key)


class FakeCloud:
    """A cloud around a bench: what the bench's enricher stores, commands see."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.fake_producer = FakeProducer()
        self.sink = FakeSink()
        self.archived: MemoryObjects | None = None

    def producer(self) -> Puts:
        return self.fake_producer

    def store(self, definitions: Definitions) -> LedgerStore:
        return self.bench.store

    def sinks(self) -> list[KeySink]:
        return [self.sink]

    def streams(self) -> Streams:
        return self.bench.streams

    def quarantine(self) -> Objects:
        return self.bench.objects

    def archive(self) -> Objects:
        if self.archived is None:
            raise ConfigurationError("There is no archive.")
        return self.archived

    def consume(self) -> None:
        """Let the bench's function take what was put on the stream."""
        sent = self.fake_producer.events
        self.bench.run(
            *[record(event.data, n, key=event.partition_key) for n, event in enumerate(sent, 1)]
        )


class Commands:
    """Runs commands with a cloud in memory, at a time that a test sets."""

    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud
        self.now_ms = NOW_MS
        self.slept: list[float] = []
        self.targets: list[Target] = []
        self.environment = {"MILLRACE_FEATURES": str(SHIPPED)}
        self.outputs = dict(OUTPUTS)
        self.parameters: dict[str, str] = {}
        self.attended = False

    def __call__(self, *arguments: object, stdin: str | bytes | None = None) -> Done:
        around = Surroundings(
            environment=self.environment,
            describe=lambda name: StackDescription(self.outputs, self.parameters),
            connect=self._connect,
            now_ms=lambda: self.now_ms,
            monotonic_s=lambda: sum(self.slept),
            sleep=self.slept.append,
            attended=lambda: self.attended,
        )
        words: Sequence[str] = [str(argument) for argument in arguments]
        result = CliRunner().invoke(app, words, obj=around, input=stdin)
        return Done(result.exit_code, result.stdout, result.stderr)

    def _connect(self, target: Target) -> Cloud:
        self.targets.append(target)
        return self.cloud
