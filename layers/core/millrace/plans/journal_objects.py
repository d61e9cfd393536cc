"""A journal in an object store, an object an entry: the audit record of what runs in a cloud."""

from __future__ import annotations

import json
from collections.abc import Sequence

from millrace.errors import PlanRefused
from millrace.objects import Objects
from millrace.plans.journal import Entry, entry
from millrace.plans.plan import Plan, canonical, write


class ObjectJournal:
    """The entries of one plan, under `prefix/<plan>/`, beside the plan itself.

    Only one process may carry out a plan at a time; a scheduled function makes a plan of its own
    each time it runs: that is `new`, and nobody needs to list or read objects.
    """

    def __init__(self, objects: Objects, prefix: str, plan: Plan, *, new: bool = False) -> None:
        self._objects = objects
        self._folder = f"{prefix}/{plan.hash}"
        known = () if new else objects.keys(f"{self._folder}/journal/")
        self._entries = [self._entry(key) for key in known]
        if not self._entries:
            objects.put(f"{self._folder}/plan.json", write(plan).encode())

    @property
    def folder(self) -> str:
        """Where its objects are."""
        return self._folder

    def entries(self) -> Sequence[Entry]:
        """See Journal."""
        return tuple(self._entries)

    def append(self, entry: Entry) -> None:
        """See Journal."""
        key = f"{self._folder}/journal/{len(self._entries):06d}.json"
        self._objects.put(key, canonical(entry.document))
        self._entries.append(entry)

    def _entry(self, key: str) -> Entry:
        try:
            return entry(json.loads(self._objects.get(key)))
        except (ValueError, TypeError, KeyError) as error:
            raise PlanRefused(
                "unreadable-journal", f"{key} is no entry of a journal: {error}."
            ) from error
