"""Record batches, format 2: what a producer sends, checked, and what a reader gets."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from localcloud.oci.kafka.codes import (
    CORRUPT_MESSAGE,
    INVALID_RECORD,
    UNSUPPORTED_COMPRESSION_TYPE,
    UNSUPPORTED_FOR_MESSAGE_FORMAT,
    KafkaError,
)
from localcloud.oci.kafka.wire import Malformed, Reader, Writer
from localcloud.oci.partition import Message

_FORMAT = 2
_GZIP = 1
_NOT_IDEMPOTENT = -1
# Of all that follows the length: leader's epoch, format and checksum.
_BEFORE_CHECKED = 9
_LARGEST = 8 << 20


def _crc32c_table() -> Sequence[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = (number >> 1) ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


_TABLE = _crc32c_table()


def crc32c(data: bytes) -> int:
    """Castagnoli's checksum.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table, crc = _TABLE, 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def read(data: bytes) -> list[tuple[bytes | None, bytes]]:
    """Keys and values of the batches that a producer sent. Raises KafkaError, Malformed."""
    reader = Reader(data)
    found: list[tuple[bytes | None, bytes]] = []
    while reader.left:
        found += _batch(reader)
    return found


def _batch(reader: Reader) -> Iterator[tuple[bytes | None, bytes]]:
    reader.int64()  # the first offset, which the partition decides
    batch = Reader(reader.take(reader.int32()))
    batch.int32()  # the leader's epoch
    if batch.int8() != _FORMAT:
        raise KafkaError(UNSUPPORTED_FOR_MESSAGE_FORMAT, "records must be of format 2")
    if batch.int32() & 0xFFFFFFFF != crc32c(batch.data[_BEFORE_CHECKED:]):
        raise KafkaError(CORRUPT_MESSAGE, "a batch has another checksum than it says")
    attributes = batch.int16()
    batch.int32()  # last offset
    batch.int64()  # times: a stream's messages have the time of their arrival
    batch.int64()
    if batch.int64() != _NOT_IDEMPOTENT:
        raise KafkaError(INVALID_RECORD, "idempotent producers are not served here")
    batch.int16()
    batch.int32()
    count = batch.int32()
    records = Reader(_plain(attributes & 7, batch.take(batch.left)))
    for _ in range(count):
        yield _record(Reader(records.take(records.varint())))
    if records.left:
        raise Malformed(f"{records.left} bytes follow the last record of a batch")


def _plain(compression: int, data: bytes) -> bytes:
    if compression == 0:
        return data
    if compression != _GZIP:
        raise KafkaError(UNSUPPORTED_COMPRESSION_TYPE, "records may be plain or gzip")
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacking.decompress(data, _LARGEST)
    except zlib.error as error:
        raise KafkaError(CORRUPT_MESSAGE, f"a batch is no gzip: {error}") from error
    if unpacking.unconsumed_tail:
        raise KafkaError(INVALID_RECORD, f"a batch has more than {_LARGEST} bytes unpacked")
    return plain


def _record(record: Reader) -> tuple[bytes | None, bytes]:
    record.int8()
    record.varint()  # time and offset, from the batch's first
    record.varint()
    key, value = record.varint_blob(), record.varint_blob()
    for _ in range(record.varint()):  # headers: Streaming has none
        record.varint_blob()
        record.varint_blob()
    return key, value or b""


def written(messages: Sequence[Message]) -> bytes:
    """Messages of one partition as a batch; nothing for none."""
    if not messages:
        return b""
    first, last = messages[0], messages[-1]
    records = Writer()
    for message in messages:
        record = Writer().int8(0).varint(message.arrival_ms - first.arrival_ms)
        record.varint(message.offset - first.offset)
        record.varint_blob(message.key).varint_blob(message.value).varint(0)
        records.varint(len(record.data)).raw(bytes(record.data))
    checked = Writer().int16(0).int32(last.offset - first.offset)
    checked.int64(first.arrival_ms).int64(last.arrival_ms)
    checked.int64(-1).int16(-1).int32(-1).int32(len(messages)).raw(bytes(records.data))
    crc = crc32c(bytes(checked.data))
    body = Writer().int32(0).int8(_FORMAT).raw(crc.to_bytes(4, "big")).raw(bytes(checked.data))
    return bytes(Writer().int64(first.offset).blob(bytes(body.data)).data)
