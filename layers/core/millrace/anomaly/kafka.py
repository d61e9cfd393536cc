"""Metrics onto OCI Streaming by its Kafka-compatible way.

A stream pool is a Kafka cluster, a stream a topic. Clients sign in by SASL/PLAIN over TLS: the
name is ``tenancy/user/pool`` (with an identity domain ``tenancy/domain/user/pool``), the password
an auth token of the user. Idempotent producers, transactions and compression are not asked for:
an event's id tells the function that it came twice, and one request under way at a time keeps the
order of a series when it is sent again.

The client is confluent-kafka, which a function does not need and its image does not have.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from millrace.anomaly.outgoing import MAX_BYTES, Outgoing, parts
from millrace.errors import ConfigurationError, Unavailable

_PORT = 9092
_TIMEOUT_S = 30.0
_POLL_S = 0.05
# Kafka counts what it adds to a record; Streaming counts keys and values.
_OVERHEAD_BYTES = 1024
# What the client's queue has room for.
_ROOM, _ROOM_BYTES = 10_000, 64 << 20
_HOPELESS = {
    "SASL_AUTHENTICATION_FAILED",
    "TOPIC_AUTHORIZATION_FAILED",
    "UNKNOWN_TOPIC_OR_PART",
    "UNKNOWN_TOPIC_OR_PARTITION",
    "_AUTHENTICATION",
    "_UNKNOWN_PARTITION",
    "_UNKNOWN_TOPIC",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamPool:
    """A stream pool as Kafka's clients see it, and who signs in.

    `user` is ``tenancy/user`` or ``tenancy/domain/user``; `token` is that user's auth token.
    """

    id: str
    bootstrap: str
    user: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> StreamPool:
        """Out of the environment. Raises ConfigurationError.

        MILLRACE_STREAM_POOL_ID, MILLRACE_KAFKA_USER, MILLRACE_KAFKA_TOKEN; the servers are
        MILLRACE_KAFKA_BOOTSTRAP (a pool shows its own), else those of MILLRACE_OCI_REGION.
        """
        bootstrap = environ.get("MILLRACE_KAFKA_BOOTSTRAP")
        region = environ.get("MILLRACE_OCI_REGION")
        if not bootstrap and region:
            bootstrap = f"streaming.{region}.oci.oraclecloud.com:{_PORT}"
        if not bootstrap:
            raise ConfigurationError(
                "Nobody says where Kafka's servers are: set MILLRACE_KAFKA_BOOTSTRAP to what the"
                " stream pool shows (Kafka connection settings), or MILLRACE_OCI_REGION"
            )
        told = [
            _told(environ, "MILLRACE_STREAM_POOL_ID", "the OCID of the stream pool"),
            bootstrap,
            _told(environ, "MILLRACE_KAFKA_USER", "tenancy/user, or tenancy/domain/user"),
            _told(environ, "MILLRACE_KAFKA_TOKEN", "an auth token of that user"),
        ]
        return cls(*told)

    def configuration(self) -> dict[str, str | int | float]:
        """What librdkafka is told. Raises ConfigurationError.

        >>> pool = StreamPool("ocid1.streampool.1", "a.example:9092", "acme/jo", "secret")
        >>> told = pool.configuration()
        >>> told["sasl.username"], told["security.protocol"]
        ('acme/jo/ocid1.streampool.1', 'SASL_SSL')
        """
        if not 1 <= self.user.count("/") <= 2 or "" in self.user.split("/"):
            raise ConfigurationError(
                f"MILLRACE_KAFKA_USER is {self.user!r:.80}; it must be tenancy/user, or"
                " tenancy/domain/user, by their names"
            )
        return {
            "bootstrap.servers": self.bootstrap,
            # A token goes in the clear nowhere but to this machine.
            "security.protocol": "SASL_PLAINTEXT" if _here(self.bootstrap) else "SASL_SSL",
            "sasl.mechanism": "PLAIN",
            "sasl.username": f"{self.user}/{self.id}",
            "sasl.password": self.token,
            "acks": "all",
            "enable.idempotence": "false",
            "compression.type": "none",
            "max.in.flight.requests.per.connection": 1,
            "message.max.bytes": MAX_BYTES,
            "allow.auto.create.topics": "false",
            # A stream is made beforehand: one that is not there now will not come.
            "topic.metadata.propagation.max.ms": 3_000,
            "reconnect.backoff.max.ms": 2_000,
        }


class KafkaProducer:
    """Puts metrics on one stream. Made once: its connections are kept."""

    def __init__(self, pool: StreamPool, stream: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        """`stream` is a name, for that is what Kafka's topics have. Raises ConfigurationError."""
        try:
            import confluent_kafka
        except ImportError as error:
            raise ConfigurationError(
                "The package confluent-kafka is not installed; pip install confluent-kafka"
            ) from error
        self._problems: list[Any] = []
        self._stream = stream
        self._where = pool.bootstrap
        self._timeout_s = timeout_s
        settings = pool.configuration()
        settings["message.timeout.ms"] = int(timeout_s * 1000)
        self._client = confluent_kafka.Producer(
            settings | {"error_cb": _noting(self._problems), "logger": _log}
        )

    def put(self, events: Iterable[Outgoing]) -> int:
        """Put every event; how many there were.

        What is not taken is sent again until the time is up; then Unavailable says how many were
        certainly taken. Raises ConfigurationError where trying again cannot help.
        """
        count = 0
        for batch in parts(events, _ROOM, _ROOM_BYTES):
            count += self._put(batch, count)
        return count

    def _put(self, events: Sequence[Outgoing], before: int) -> int:
        refused: list[Any] = []
        self._problems.clear()

        def answered(error: Any, _message: Any) -> None:  # noqa: ANN401  the driver's own
            if error is not None:
                refused.append(error)

        for event in events:
            if event.size > MAX_BYTES - _OVERHEAD_BYTES:
                raise ConfigurationError(
                    f"An event of {event.series!r:.80} has {event.size} bytes; Streaming takes 1 MB"
                )
            self._client.produce(
                self._stream, event.data, event.series.encode(), on_delivery=answered
            )
        left = len(events)
        while left and not self._problems:
            left = self._client.flush(_POLL_S)
        if self._problems:
            self._client.purge()
            self._client.flush(_POLL_S)
        if refused or self._problems:
            raise self._failure((self._problems or refused)[0], before)
        return len(events)

    def _failure(self, error: Any, taken: int) -> Exception:  # noqa: ANN401  the driver's own
        name = error.name()
        what = f"Cannot put on the stream {self._stream} at {self._where}: {name}"
        if name in _HOPELESS:
            return ConfigurationError(
                f"{what}; look at MILLRACE_KAFKA_USER, its token, the stream pool's id and the"
                " stream's name"
            )
        return Unavailable(f"{what}; {taken} events were taken before")


def _noting(problems: list[Any]) -> Callable[[Any], None]:
    """Hear of what ails a client, and keep what it does not get well of by itself.

    It knows the list and not the producer: the client must go when its producer does.
    """

    def noted(error: Any) -> None:  # noqa: ANN401  the driver's own
        if error.fatal() or error.name() in _HOPELESS:
            problems.append(error)

    return noted


def _told(environ: Mapping[str, str], name: str, meaning: str) -> str:
    value = environ.get(name)
    if not value:
        raise ConfigurationError(f"{name} is not set: it must be {meaning}")
    return value


def _here(bootstrap: str) -> bool:
    """Whether every server is on this machine."""
    hosts = [server.rpartition(":")[0].strip("[]") for server in bootstrap.split(",")]
    return all(host == "localhost" or _loopback(host) for host in hosts)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
