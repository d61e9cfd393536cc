"""Pages of what a stream has, shards or consumers, and the tokens that lead on to the next."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.errors import ExpiredNextToken, InvalidArgument, ResourceNotFound
from localcloud.kinesis.reading import same_stream
from localcloud.kinesis.requests import Members
from localcloud.kinesis.stream import Stream
from localcloud.kinesis.tokens import LIFETIME_MS, PageToken
from localcloud.kinesis.topology import EVERY_SHARD, ShardFilter
from localcloud.kinesis.wire import stream_of

_WITH_TOKEN = frozenset({"NextToken", "MaxResults"})


@dataclass(frozen=True, slots=True)
class Page:
    """What to list: of which stream, after which name, and which shards."""

    stream: Stream
    after: str = ""
    wanted: ShardFilter = EVERY_SHARD

    def token(self, backend: KinesisBackend, after: str) -> str:
        """The token for what follows the name `after`; good for five minutes."""
        stream, now_ms = self.stream, backend.clock.now_ms()
        wanted = (self.wanted.kind, self.wanted.timestamp_ms)
        return PageToken(stream.name, stream.created_ms, after, now_ms, *wanted).text()


def named_stream(backend: KinesisBackend, members: Members) -> Stream:
    """The stream of a first page; StreamCreationTimestamp tells it from one of the same name."""
    stream = stream_of(backend, members)
    created_ms = members.get("StreamCreationTimestamp")
    # Clients that keep the creation time in whole seconds mean the same stream.
    if created_ms is not None and created_ms // 1000 != stream.created_ms // 1000:
        raise ResourceNotFound(
            f"Stream {stream.name!r} was created at {stream.created_ms} ms, not at {created_ms} ms."
        )
    return stream


def next_page(backend: KinesisBackend, members: Members) -> Page:
    """The page that a token leads to; raises ExpiredNextToken, InvalidArgument."""
    if superfluous := sorted(members.keys() - _WITH_TOKEN):
        raise InvalidArgument(
            f"NextToken and {', '.join(superfluous)} were given: the token names the stream and "
            "where to go on; only MaxResults may stand beside it."
        )
    token = PageToken.parse(members["NextToken"])
    if (age_ms := backend.clock.now_ms() - token.issued_ms) > LIFETIME_MS:
        raise ExpiredNextToken(
            f"The token was issued {age_ms} ms ago and lives {LIFETIME_MS} ms; list from the start."
        )
    stream = same_stream(backend, token.stream, token.created_ms)
    return Page(stream, token.after, ShardFilter(token.filter_kind, token.filter_timestamp_ms))
