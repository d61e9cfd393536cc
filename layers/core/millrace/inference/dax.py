"""Reading through a DAX cluster, and past it whenever it does not answer.

The client (amazon-dax-client) is imported at the first read, if it is there at all: it has no
wheel and is not in the layer of dependencies. docs/inference.md says how to add it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from millrace.errors import UnreadableState
from millrace.features.profile import Profile
from millrace.inference.call import Call
from millrace.inference.profiles import Found, Profiles

FALLBACKS = "DaxFallbacks"
# After a failure DAX is let alone for so long: waiting for it again and again would cost more.
REST_S = 30.0
_TIMEOUT_S = 0.2
_T = TypeVar("_T")


def dax_client(endpoint: str) -> Any:  # noqa: ANN401  it stands in for a DynamoDB client
    """A client of a cluster. Raises whatever the library does, ImportError where it is missing."""
    library = import_module("amazondax")
    config = Config(
        connect_timeout=_TIMEOUT_S, read_timeout=_TIMEOUT_S, retries={"max_attempts": 0}
    )
    return library.AmazonDaxClient(boto3.Session(), endpoint_url=endpoint, config=config)


class DaxProfiles:
    """Reads through DAX what `connect` gives a reader for, and from the table where that fails."""

    def __init__(self, connect: Callable[[], Profiles], table: Profiles) -> None:
        self._connect = connect
        self._table = table
        self._dax: Profiles | None = None
        self._rests_until_s = float("-inf")

    def one(self, user_id: str, call: Call) -> Profile | None:
        """See Profiles."""
        return self._read(call, lambda profiles: profiles.one(user_id, call))

    def many(self, user_ids: Sequence[str], call: Call) -> Mapping[str, Found]:
        """See Profiles."""
        return self._read(call, lambda profiles: profiles.many(user_ids, call))

    def _read(self, call: Call, ask: Callable[[Profiles], _T]) -> _T:
        if call.now_s() >= self._rests_until_s:
            # Beforehand, for a call that hangs is left to itself, and no other must follow it.
            self._rests_until_s = call.now_s() + REST_S
            try:
                if self._dax is None:
                    self._dax = self._connect()
                found = ask(self._dax)
                self._rests_until_s = float("-inf")
                return found
            except UnreadableState:
                self._rests_until_s = float("-inf")
                raise
            except Exception as error:  # a cache must never be the reason for having no answer
                call.note(f"DAX did not answer, the table was read: {error!r:.300}")
        call.count(FALLBACKS)
        return ask(self._table)
