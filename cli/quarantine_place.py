"""Where a quarantine is, and what works on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from millrace.events import EventReader
from millrace.features.batch import BatchReader
from millrace.features.redrive import Redriver

from cli.kept_objects import Kind
from cli.progress import progress, watched
from cli.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Place:
    """The quarantine of a target, and what works on it."""

    where: str
    redriver: Redriver
    parallel: int

    def keys(self, kinds: Sequence[Kind] | None) -> list[str]:
        """The keys of all objects of these kinds; of every kind where none is named."""
        prefixes = [kind.prefix for kind in Kind if kind in (kinds or Kind)]
        with progress("listing", None) as advance:
            pending = self.redriver.pending(prefixes)
            return list(watched(pending, advance, "object"))


def place_of(around: Surroundings, stack: str | None, local: str | None) -> Place:
    """The quarantine of the target that the options choose. Raises ConfigurationError."""
    target = around.target(stack, local)
    definitions = around.definitions(target)
    cloud = around.connect(target)
    objects = cloud.quarantine()
    reader = BatchReader(EventReader(definitions), cloud.streams(), target.parallelization_factor)
    redriver = Redriver(reader, cloud.store(definitions), objects, cloud.sinks())
    return Place(target.where, redriver, objects.parallel)
