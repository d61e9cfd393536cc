"""What a reader of profiles must offer, and the one in memory.

Every reader passes the same contract test (tests/inference/test_profiles.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from millrace.errors import UnreadableState
from millrace.features.packing import unpack_for_reading
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.inference.call import Call

# A user's profile, None where nothing is known, or why what is known cannot be read.
Found = Profile | UnreadableState | None


class Profiles(Protocol):
    """Profiles of the first entity's keys, for reading only.

    Any method raises Unavailable when the store does not answer, Throttled when it is asked too
    often; `call` is the request on whose behalf it reads.
    """

    def one(self, user_id: str, call: Call) -> Profile | None:
        """A user's profile; None where nothing is known. Raises UnreadableState."""
        ...

    def many(self, user_ids: Sequence[str], call: Call) -> Mapping[str, Found]:
        """The profile of each of at most a hundred users; one who is named twice is read once."""
        ...


class MemoryProfiles:
    """Packed states in a dictionary."""

    def __init__(self, plan: Plan) -> None:
        self.states: dict[str, bytes] = {}
        self._plan = plan

    def one(self, user_id: str, call: Call) -> Profile | None:
        """See Profiles."""
        state = self.states.get(user_id)
        return None if state is None else unpack_for_reading(state, self._plan)

    def many(self, user_ids: Sequence[str], call: Call) -> Mapping[str, Found]:
        """See Profiles."""
        return {user_id: unpacked(self.states.get(user_id), self._plan) for user_id in user_ids}


def unpacked(state: bytes | None, plan: Plan) -> Found:
    """The profile in a packed state, or why there is none."""
    try:
        return None if state is None else unpack_for_reading(state, plan)
    except UnreadableState as error:
        return error
