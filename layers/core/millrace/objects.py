"""What quarantine and archive need of an object store, and the one in memory (S3: `s3.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from millrace.errors import QuarantineError


class Objects(Protocol):
    """Objects by key. Every method raises Unavailable when the store does not answer."""

    parallel: int

    def put(self, key: str, body: bytes) -> None:
        """Store an object, in the place of one that has the key."""
        ...

    def get(self, key: str) -> bytes:
        """An object's body. Raises QuarantineError where there is none."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, in order."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object; nothing happens where there is none."""
        ...


class MemoryObjects:
    """Objects in a dictionary."""

    parallel = 1

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def put(self, key: str, body: bytes) -> None:
        """See Objects."""
        self.bodies[key] = body

    def get(self, key: str) -> bytes:
        """See Objects."""
        if key not in self.bodies:
            raise QuarantineError(f"No object {key!r}.")
        return self.bodies[key]

    def keys(self, prefix: str) -> Iterator[str]:
        """See Objects."""
        yield from sorted(key for key in self.bodies if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """See Objects."""
        self.bodies.pop(key, None)
