"""Reading through a DAX cluster, and past it whenever it does not answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from millrace.dax import REST_S
from millrace.errors import UnreadableState
from millrace.features.profile import Profile
from millrace.inference.call import Call
from millrace.inference.profiles import Found, Profiles

FALLBACKS = "DaxFallbacks"
_T = TypeVar("_T")


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
