"""Connector Hub's batches: what goes into one, and the body that a function gets."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from localcloud.oci.errors import InvalidParameter
from localcloud.oci.partition import Message

# A function takes 6 MB; base64 makes 3 bytes 4, and each record has names and punctuation.
MAX_BODY_BYTES = 6 * 1024 * 1024
_RECORD_BYTES = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """A batch is sent when it has so many messages, or so many KB, or has waited so long.

    Messages or KB that are None are no limit; what a function takes always is one.
    """

    messages: int | None = 100
    kb: int | None = 1024
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if any(most is not None and most < 1 for most in (self.messages, self.kb)) or (
            self.seconds < 0
        ):
            most = (f"{self.messages} messages", f"{self.kb} KB", f"{self.seconds} s")
            raise InvalidParameter(
                f"A batch of {', '.join(one for one in most if not one.startswith('None'))} cannot"
                " be; it needs at least one message and one KB, and no negative time"
            )


@dataclass(frozen=True, slots=True)
class Cut:
    """The messages of a batch, and whether no more would fit."""

    messages: Sequence[Message]
    full: bool


def cut(messages: Iterable[Message], limits: Limits) -> Cut:
    """The batch at the front of `messages`; one that is too large by itself goes alone."""
    taken: list[Message] = []
    size = body = 0
    most = math.inf if limits.kb is None else limits.kb * 1024
    for message in messages:
        size += message.size
        body += message.size * 4 // 3 + _RECORD_BYTES
        if taken and (size > most or body > MAX_BODY_BYTES):
            return Cut(taken, full=True)
        taken.append(message)
        if len(taken) == limits.messages:
            return Cut(taken, full=True)
    return Cut(taken, full=False)


def payload(stream: str, messages: Sequence[Message]) -> bytes:
    """What Connector Hub sends: an array of records, key and value in base64."""
    return orjson.dumps(
        [
            {
                "stream": stream,
                "partition": message.partition,
                "key": None if message.key is None else base64.b64encode(message.key).decode(),
                "value": base64.b64encode(message.value).decode(),
                "offset": message.offset,
                "timestamp": message.arrival_ms,
            }
            for message in messages
        ]
    )
