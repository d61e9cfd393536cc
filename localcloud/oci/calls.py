"""A call of an operation as its handler sees it, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from localcloud.oci.documents import Body
from localcloud.oci.errors import InvalidParameter
from localcloud.oci.sdk.catalogue import Operation


@dataclass(frozen=True, slots=True)
class Call:
    """Checked against the SDK: parameters are the operation's, and the body is of its model.

    `url` is where the client has reached the local cloud; `path`, `query` and `headers` hold what
    came with the request (headers in small letters).
    """

    operation: Operation
    url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    body: Body

    def number(self, name: str) -> int | None:
        """A parameter that is a whole number, or None."""
        text = self.query.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal()) or len(text) > 9:
            raise InvalidParameter(f"{name} must be a whole number but is {text!r:.40}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Answer:
    """A document of the operation's model, or plain bytes; nothing for 204."""

    document: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Answer]]
# By service and operation, as the SDK names them.
Handlers = Mapping[tuple[str, str], Handler]
