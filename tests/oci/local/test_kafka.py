"""The Kafka-compatible way: the real client into the local streams, and what the peer refuses."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.anomaly.kafka import KafkaProducer, StreamPool
from millrace.anomaly.outgoing import Outgoing, outgoing
from millrace.errors import ConfigurationError, Unavailable

from localcloud.faults.injector import Injector
from localcloud.faults.plan import Drop, FaultPlan, Rule, When
from localcloud.oci.kafka import codes, records
from localcloud.oci.kafka.codes import KafkaError
from localcloud.oci.kafka.peer import Peer
from localcloud.oci.kafka.requests import Node
from localcloud.oci.kafka.wire import Malformed, Reader, Writer
from localcloud.oci.partition import Message
from localcloud.oci.stream import Stream
from localcloud.oci.streaming import Streaming
from tests.localcloud.clock import ManualClock
from tests.localcloud.oci.looped import looped
from tests.oci.making import NOW_MS

POOL, USER, TOKEN = "ocid1.streampool.oc1.local.pool", "acme/jo", "a token"


@dataclass
class Cluster:
    """A peer over one stream, s."""

    node: Node
    stream: Stream
    injector: Injector

    @property
    def bootstrap(self) -> str:
        return f"{self.node.host}:{self.node.port}"

    def pool(self, token: str = TOKEN) -> StreamPool:
        return StreamPool(POOL, self.bootstrap, USER, token)

    def values(self) -> list[tuple[str, bytes | None, bytes]]:
        return [
            (name, message.key, message.value)
            for name in self.stream.partitions
            for message in self.stream.partition(name).read(0)
        ]


@contextlib.asynccontextmanager
async def cluster(partitions: int = 3) -> AsyncIterator[Cluster]:
    streaming, injector = Streaming(ManualClock()), Injector()
    stream = streaming.create("s", partitions=partitions)
    peer = Peer(streaming, {f"{USER}/{POOL}": TOKEN}, injector)
    async with peer.running() as node:
        yield Cluster(node, stream, injector)


def metrics(count: int, series: int = 4) -> list[Outgoing]:
    return [
        outgoing(str(i), f"series {i % series}", NOW_MS + 1000 * i, i, NOW_MS) for i in range(count)
    ]


async def put(here: Cluster, events: list[Outgoing], *, token: str = TOKEN, name: str = "s") -> int:
    """In a thread, for the peer is in our loop."""

    def work() -> int:
        return KafkaProducer(here.pool(token), name, timeout_s=15).put(events)

    return await asyncio.to_thread(work)


@looped
async def test_metrics_stand_in_the_stream_a_series_in_one_partition_and_in_order() -> None:
    async with cluster() as here:
        assert await put(here, metrics(500)) == 500
        places: dict[bytes | None, set[str]] = {}
        ids: dict[bytes | None, list[int]] = {}
        for partition, key, value in here.values():
            told = json.loads(value)
            assert key == told["series"].encode()
            places.setdefault(key, set()).add(partition)
            ids.setdefault(key, []).append(int(told["id"]))
    assert [len(one) for one in places.values()] == [1] * 4
    assert sorted(one for own in ids.values() for one in own) == list(range(500))
    assert all(one == sorted(one) for one in ids.values())


@looped
async def test_a_connection_that_is_cut_after_the_commit_brings_records_twice_in_order() -> None:
    async with cluster(1) as here:
        rule = Rule("kafka", "Produce", Drop(), When.AFTER, calls=(1,))
        here.injector.use(FaultPlan(1, (rule,)))
        assert await put(here, metrics(20, 1)) == 20
        ids = [json.loads(value)["id"] for _, _, value in here.values()]
    assert set(ids) == {str(i) for i in range(20)}
    assert len(ids) > 20
    firsts = list(dict.fromkeys(ids))
    assert firsts == [str(i) for i in range(20)]


@looped
async def test_a_peer_that_never_answers_is_unavailable() -> None:
    async with cluster() as here:
        here.injector.use(FaultPlan(1, (Rule("kafka", "Produce", Drop()),)))

        def work() -> int:
            return KafkaProducer(here.pool(), "s", timeout_s=2).put(metrics(3))

        with pytest.raises(Unavailable, match="Cannot put on the stream s at 127"):
            await asyncio.to_thread(work)
    assert here.values() == []


@looped
async def test_who_is_not_known_is_told_so_at_once() -> None:
    async with cluster() as here:
        with pytest.raises(ConfigurationError, match="_AUTHENTICATION; look at") as raised:
            await put(here, metrics(1), token="wrong token")
        assert "wrong token" not in str(raised.value)
        with pytest.raises(ConfigurationError, match="UNKNOWN_TOPIC"):
            await put(here, metrics(1), name="other")
        assert here.values() == []


@looped
async def test_what_is_too_large_is_refused_before_it_goes() -> None:
    async with cluster() as here:
        with pytest.raises(ConfigurationError, match="Streaming takes 1 MB"):
            await put(here, [Outgoing("s", b"x" * (1 << 20))])


def test_the_configuration_is_what_streaming_documents() -> None:
    environ = {
        "MILLRACE_OCI_REGION": "eu-frankfurt-1",
        "MILLRACE_STREAM_POOL_ID": POOL,
        "MILLRACE_KAFKA_USER": "acme/default/jo",
        "MILLRACE_KAFKA_TOKEN": TOKEN,
    }
    pool = StreamPool.of(environ)
    assert TOKEN not in repr(pool)
    told = pool.configuration()
    assert told["bootstrap.servers"] == "streaming.eu-frankfurt-1.oci.oraclecloud.com:9092"
    assert told["sasl.username"] == f"acme/default/jo/{POOL}"
    assert (told["security.protocol"], told["sasl.mechanism"]) == ("SASL_SSL", "PLAIN")
    for name in ("MILLRACE_KAFKA_USER", "MILLRACE_KAFKA_TOKEN", "MILLRACE_STREAM_POOL_ID"):
        with pytest.raises(ConfigurationError, match=f"{name} is not set"):
            StreamPool.of({**environ, name: ""})
    with pytest.raises(ConfigurationError, match="MILLRACE_KAFKA_BOOTSTRAP"):
        StreamPool.of({})
    with pytest.raises(ConfigurationError, match="must be tenancy/user"):
        StreamPool.of({**environ, "MILLRACE_KAFKA_USER": "jo"}).configuration()


@pytest.mark.parametrize(
    ("bootstrap", "protocol"),
    [
        ("127.0.0.1:1", "SASL_PLAINTEXT"),
        ("[::1]:1,localhost:2", "SASL_PLAINTEXT"),
        ("127.0.0.1:1,cell-1.streaming.example:9092", "SASL_SSL"),
        ("127.0.0.1.example.com:9092", "SASL_SSL"),
    ],
)
def test_a_token_goes_in_the_clear_to_this_machine_only(bootstrap: str, protocol: str) -> None:
    told = StreamPool(POOL, bootstrap, USER, TOKEN).configuration()
    assert told["security.protocol"] == protocol


@looped
async def test_nothing_is_answered_before_the_sign_in() -> None:
    async with cluster() as here:
        reader, writer = await asyncio.open_connection(here.node.host, here.node.port)
        asked = Writer().int16(codes.METADATA).int16(1).int32(7).text("me").int32(-1)
        writer.write(bytes(Writer().blob(bytes(asked.data)).data))
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


@looped
async def test_what_is_no_request_ends_the_connection_and_nothing_else() -> None:
    async with cluster() as here:
        for content in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\4\0\x12\0\3", b"\xff" * 8):
            reader, writer = await asyncio.open_connection(here.node.host, here.node.port)
            writer.write(content)
            assert await reader.read() == b""
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        assert await put(here, metrics(3)) == 3


messages = st.lists(st.tuples(st.none() | st.binary(max_size=20), st.binary(max_size=50)))


def batch(pairs: list[tuple[bytes | None, bytes]]) -> bytes:
    return records.written(
        [Message("0", 7 + at, 1000 + at, key, value) for at, (key, value) in enumerate(pairs)]
    )


@given(messages)
def test_records_come_out_as_they_went_in(pairs: list[tuple[bytes | None, bytes]]) -> None:
    assert records.read(batch(pairs)) == pairs


@given(messages, st.data())
def test_a_batch_that_was_changed_is_refused(
    pairs: list[tuple[bytes | None, bytes]], data: st.DataObject
) -> None:
    sent = bytearray(batch([*pairs, (b"k", b"v")]))
    at = data.draw(st.integers(21, len(sent) - 1))  # from the checksummed part on
    sent[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(KafkaError) as raised:
        records.read(bytes(sent))
    assert raised.value.code == codes.CORRUPT_MESSAGE


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(KafkaError, Malformed):
        records.read(content)


@given(st.integers(-(1 << 62), 1 << 62))
def test_numbers_come_back(number: int) -> None:
    assert Reader(bytes(Writer().varint(number).data)).varint() == number
    assert Reader(bytes(Writer().int64(number).data)).int64() == number


def packed(plain: bytes, attributes: int, content: bytes) -> bytes:
    """A batch whose records are `content`, under other attributes."""
    checked = Writer().int16(attributes).raw(plain[23:61]).raw(content)
    crc = records.crc32c(bytes(checked.data))
    body = Writer().int32(0).int8(2).raw(crc.to_bytes(4, "big")).raw(bytes(checked.data))
    return bytes(Writer().int64(0).blob(bytes(body.data)).data)


def test_gzip_is_read_and_other_compression_refused() -> None:
    plain = batch([(b"k", b"v" * 100)])
    assert records.read(packed(plain, 1, gzip.compress(plain[61:]))) == [(b"k", b"v" * 100)]
    for attributes, content, code in [
        (2, plain[61:], codes.UNSUPPORTED_COMPRESSION_TYPE),
        (1, b"no gzip", codes.CORRUPT_MESSAGE),
        (1, gzip.compress(b"\0" * (9 << 20)), codes.INVALID_RECORD),
    ]:
        with pytest.raises(KafkaError) as raised:
            records.read(packed(plain, attributes, content))
        assert raised.value.code == code
