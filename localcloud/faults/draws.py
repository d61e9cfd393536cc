"""Chance that can be repeated: numbers that depend on a seed and on names, and on nothing else."""

from __future__ import annotations

import hashlib


def draw(seed: int, *names: object) -> float:
    """A number evenly from [0, 1), the same for the same seed and names in any process.

    >>> draw(1, "dynamodb", "PutItem", 7) == draw(1, "dynamodb", "PutItem", 7)
    True
    >>> draw(1, "a", "bc") == draw(1, "ab", "c")
    False
    """
    key = "\x1f".join((str(seed), *map(str, names)))
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)
