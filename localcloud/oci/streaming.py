"""Streaming's data plane: put, cursors, group cursors, get, commit, heartbeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from localcloud.oci.cursors import Cursor
from localcloud.oci.errors import InvalidParameter, MissingParameter, NotFound, WrongState
from localcloud.oci.groups import Group
from localcloud.oci.partition import Message
from localcloud.oci.stream import Stream
from localcloud.ports import Clock

MAX_GET = 10_000
MAX_GET_BYTES = 1 << 20
_TIMEOUT_MS = 30_000


class Streaming:
    """The streams of one tenancy, in memory; for one event loop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.made_ms = clock.now_ms()
        self._streams: dict[str, Stream] = {}
        self._groups: dict[tuple[str, str], Group] = {}

    def create(
        self,
        name: str,
        *,
        partitions: int = 1,
        retention_h: int = 24,
        throttled: bool = False,
        firsts: Mapping[str, int] | None = None,
    ) -> Stream:
        """A new stream; its id is made of its name."""
        stream_id = f"ocid1.stream.oc1.local.{name}"
        if stream_id in self._streams:
            raise WrongState(f"There is a stream {name} already")
        stream = Stream(
            *(stream_id, name, self.clock),
            partitions=partitions,
            retention_h=retention_h,
            throttled=throttled,
            firsts=firsts,
        )
        self._streams[stream_id] = stream
        return stream

    def streams(self) -> Sequence[Stream]:
        """All of them, in the order in which they were made."""
        return tuple(self._streams.values())

    def stream(self, stream_id: str) -> Stream:
        """A stream by its id."""
        if stream_id not in self._streams:
            raise NotFound(f"There is no stream {stream_id:.200}")
        return self._streams[stream_id]

    def cursor(
        self, stream_id: str, partition: str, kind: str, offset: int | None, time_ms: int | None
    ) -> str:
        """A cursor on one partition."""
        start = self.stream(stream_id).start(partition, kind, offset=offset, time_ms=time_ms)
        return Cursor(stream_id, self.clock.now_ms(), {partition: start}).token()

    def group_cursor(
        self,
        stream_id: str,
        group: str,
        kind: str,
        *,
        instance: str,
        time_ms: int | None = None,
        timeout_ms: int | None = None,
        commit_on_get: bool | None = None,
    ) -> str:
        """A cursor of a group's instance; a group that is known goes on where it was."""
        stream = self.stream(stream_id)
        if kind not in ("TRIM_HORIZON", "LATEST", "AT_TIME"):
            raise InvalidParameter(f"A group cannot start by type {kind!r:.40}")
        if (stream_id, group) not in self._groups:
            self._groups[stream_id, group] = Group.starting(stream, group, kind, time_ms)
        timeout_ms = _TIMEOUT_MS if timeout_ms is None else timeout_ms
        self._groups[stream_id, group].heard(instance, timeout_ms)
        commits = commit_on_get is not False
        now_ms = self.clock.now_ms()
        return Cursor(stream_id, now_ms, {}, group, instance, timeout_ms, commits).token()

    def get(self, stream_id: str, token: str, limit: int | None) -> tuple[list[Message], str]:
        """Messages and the cursor for those after them."""
        limit = MAX_GET if limit is None else limit
        if not 1 <= limit <= MAX_GET:
            raise InvalidParameter(f"limit must be 1 to {MAX_GET} but is {limit}")
        cursor = self._cursor(stream_id, token)
        if cursor.group is None:
            (name, offset), *_ = cursor.places.items()
            self.stream(stream_id).read_by("", name)
            found = _take(self.stream(stream_id), name, offset, limit)
            places = {name: found[-1].offset + 1 if found else offset}
        else:
            group = self.group(stream_id, cursor.group)
            for name in group.held(cursor.instance):
                group.stream.read_by(cursor.group, name)
            if cursor.commit_on_get:
                group.commit(cursor.instance, dict(cursor.places))
            group.heard(cursor.instance, cursor.timeout_ms)
            found, places = group.read(cursor.instance, dict(cursor.places), limit, MAX_GET_BYTES)
        return found, replace(cursor, made_ms=self.clock.now_ms(), places=places).token()

    def commit(self, stream_id: str, token: str) -> str:
        """Note that what was read by a group's cursor is done."""
        return self._keep_up(stream_id, token, commits=True)

    def heartbeat(self, stream_id: str, token: str) -> str:
        """Keep a group's partitions without reading."""
        return self._keep_up(stream_id, token, commits=False)

    def group(self, stream_id: str, name: str) -> Group:
        """A group by its name."""
        self.stream(stream_id)
        if (stream_id, name) not in self._groups:
            raise NotFound(f"There is no group {name!r:.80}; its first cursor makes it")
        return self._groups[stream_id, name]

    def _keep_up(self, stream_id: str, token: str, *, commits: bool) -> str:
        cursor = self._cursor(stream_id, token)
        if cursor.group is None:
            raise InvalidParameter("The cursor is no group's")
        group = self.group(stream_id, cursor.group)
        if commits:
            group.commit(cursor.instance, dict(cursor.places))
        group.heard(cursor.instance, cursor.timeout_ms)
        return replace(cursor, made_ms=self.clock.now_ms()).token()

    def _cursor(self, stream_id: str, token: str) -> Cursor:
        self.stream(stream_id)
        if not token:
            raise MissingParameter("cursor")
        return Cursor.of(token, stream_id, self.clock.now_ms())


def _take(stream: Stream, name: str, offset: int, limit: int) -> list[Message]:
    found: list[Message] = []
    left = MAX_GET_BYTES
    for message in stream.partition(name).read(offset):
        if len(found) >= limit or (found and message.size > left):
            break
        left -= message.size
        found.append(message)
    return found
