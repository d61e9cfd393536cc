"""What the peer answers to each operation, over the streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from localcloud.oci.errors import NotFound, OciError, TooLarge, TooManyRequests
from localcloud.oci.kafka import codes, records
from localcloud.oci.kafka.codes import KafkaError
from localcloud.oci.kafka.wire import Malformed, Reader, Writer
from localcloud.oci.partition import Message
from localcloud.oci.stream import Stream
from localcloud.oci.streaming import Streaming

_NODE = 0
_NO_ACKNOWLEDGEMENT = 0
_LATEST, _EARLIEST = -1, -2


@dataclass(frozen=True, slots=True)
class Node:
    """Where the peer is, as it tells clients."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Requests:
    """The operations that need a sign-in. An answer of None is none at all."""

    streaming: Streaming
    node: Node

    def answer(self, api: int, version: int, reader: Reader) -> Writer | None:
        """The body of an answer. Raises Malformed."""
        made: Callable[[int, Reader], Writer | None] = {
            codes.METADATA: self._metadata,
            codes.PRODUCE: self._produce,
            codes.FETCH: self._fetch,
            codes.LIST_OFFSETS: self._offsets,
        }[api]
        return made(version, reader)

    def _metadata(self, version: int, reader: Reader) -> Writer:
        asked = reader.array(lambda: reader.text() or "")
        streams = {stream.name: stream for stream in self.streaming.streams()}
        names = streams.keys() if asked is None else asked
        told = Writer()
        if version >= 3:
            told.int32(0)
        told.array([self.node], lambda w, n: w.int32(_NODE).text(n.host).int32(n.port).text(None))
        if version >= 2:
            told.text("local")
        told.int32(_NODE)
        return told.array(names, lambda w, name: _topic(w, name, streams.get(name)))

    def _produce(self, version: int, reader: Reader) -> Writer | None:
        reader.text()  # a transaction, which nobody can have begun
        acknowledged = reader.int16() != _NO_ACKNOWLEDGEMENT
        reader.int32()
        topics = reader.array(
            lambda: (
                reader.text() or "",
                reader.array(lambda: (reader.int32(), reader.blob() or b"")) or [],
            )
        )

        def partition(writer: Writer, name: str, index: int, data: bytes) -> None:
            code, offset = self._kept(name, index, data)
            writer.int32(index).int16(code).int64(offset).int64(-1)
            if version >= 5:
                writer.int64(0)

        told = Writer().array(
            topics or [],
            lambda w, topic: w.text(topic[0]).array(
                topic[1], lambda w, one: partition(w, topic[0], *one)
            ),
        )
        return told.int32(0) if acknowledged else None

    def _kept(self, name: str, index: int, data: bytes) -> tuple[int, int]:
        """The code and the first offset of what was to be kept."""
        try:
            kept = self._stream(name).append(str(index), records.read(data))
        except KafkaError as error:
            return error.code, -1
        except Malformed:
            return codes.CORRUPT_MESSAGE, -1
        except OciError as error:
            return _code(error), -1
        return codes.NONE, kept[0].offset

    def _fetch(self, version: int, reader: Reader) -> Writer:
        for _ in range(4):  # replica, longest wait, fewest and most bytes
            reader.int32()
        reader.int8()
        topics = reader.array(
            lambda: (
                reader.text() or "",
                reader.array(lambda: (reader.int32(), reader.int64(), reader.int32())) or [],
            )
        )

        def partition(writer: Writer, name: str, index: int, offset: int, most: int) -> None:
            code, end, data = self._read(name, index, offset, most)
            writer.int32(index).int16(code).int64(end).int64(end).int32(-1).blob(data)

        return (
            Writer()
            .int32(0)
            .array(
                topics or [],
                lambda w, topic: w.text(topic[0]).array(
                    topic[1], lambda w, one: partition(w, topic[0], *one)
                ),
            )
        )

    def _read(self, name: str, index: int, offset: int, most: int) -> tuple[int, int, bytes]:
        try:
            partition = self._stream(name).partition(str(index))
        except NotFound:
            return codes.UNKNOWN_TOPIC_OR_PARTITION, -1, b""
        if not partition.first <= offset <= partition.end:
            return codes.OFFSET_OUT_OF_RANGE, partition.end, b""
        found: list[Message] = []
        for message in partition.read(offset):
            most -= message.size
            if found and most < 0:
                break
            found.append(message)
        return codes.NONE, partition.end, records.written(found)

    def _offsets(self, version: int, reader: Reader) -> Writer:
        reader.int32()
        topics = reader.array(
            lambda: (
                reader.text() or "",
                reader.array(lambda: (reader.int32(), reader.int64())) or [],
            )
        )

        def partition(writer: Writer, name: str, index: int, time_ms: int) -> None:
            try:
                found = self._stream(name).partition(str(index))
            except NotFound:
                writer.int32(index).int16(codes.UNKNOWN_TOPIC_OR_PARTITION).int64(-1).int64(-1)
                return
            named = {_LATEST: found.end, _EARLIEST: found.first}
            offset = named.get(time_ms, found.offset_at(time_ms))
            writer.int32(index).int16(codes.NONE).int64(-1).int64(offset)

        return Writer().array(
            topics or [],
            lambda w, topic: w.text(topic[0]).array(
                topic[1], lambda w, one: partition(w, topic[0], *one)
            ),
        )

    def _stream(self, name: str) -> Stream:
        for stream in self.streaming.streams():
            if stream.name == name:
                return stream
        raise NotFound(f"There is no stream {name:.200}")


def _topic(writer: Writer, name: str, stream: Stream | None) -> None:
    code = codes.UNKNOWN_TOPIC_OR_PARTITION if stream is None else codes.NONE
    writer.int16(code).text(name).int8(0)
    writer.array(
        range(0 if stream is None else len(stream.partitions)),
        lambda w, index: (
            w.int16(codes.NONE)
            .int32(index)
            .int32(_NODE)
            .array([_NODE], Writer.int32)
            .array([_NODE], Writer.int32)
        ),
    )


def _code(error: OciError) -> int:
    match error:
        case NotFound():
            return codes.UNKNOWN_TOPIC_OR_PARTITION
        case TooLarge():
            return codes.MESSAGE_TOO_LARGE
        case TooManyRequests():
            return codes.REQUEST_TIMED_OUT  # which makes a client try again
        case _:
            return codes.INVALID_RECORD
