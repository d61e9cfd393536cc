"""Which shards may be read, so that every key keeps its order across splits and merges. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from localcloud.ports import Shard


def startable(
    shards: Sequence[Shard], finished: Callable[[str], bool], active: Collection[str]
) -> list[Shard]:
    """The shards to begin with now.

    A child waits until each of its parents is finished, which means drained *and* its last batch
    done; a parent that is no longer listed (all its records have expired) holds nothing back unless
    it is still active here. `finished` says so of a shard id; `active` are those being read.
    """
    listed = {shard.shard_id for shard in shards}

    def holds_back(parent: str | None) -> bool:
        if parent is None or finished(parent):
            return False
        return parent in listed or parent in active

    return [
        shard
        for shard in shards
        if shard.shard_id not in active
        and not finished(shard.shard_id)
        and not holds_back(shard.parent_id)
        and not holds_back(shard.adjacent_parent_id)
    ]
