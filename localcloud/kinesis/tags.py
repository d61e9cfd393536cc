"""The tags of a stream or a consumer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from localcloud.kinesis.errors import InvalidArgument
from localcloud.kinesis.limits import MAX_TAGS


class Tags:
    """Keys and values, at most 50."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values: dict[str, str] = {}
        self.add(values or {})

    def add(self, values: Mapping[str, str]) -> None:
        """Set tags; nothing is set when they would be too many."""
        merged = {**self._values, **values}
        if len(merged) > MAX_TAGS:
            raise InvalidArgument(
                f"There would be {len(merged)} tags; a resource has at most {MAX_TAGS}. Remove "
                "some first."
            )
        self._values = merged

    def remove(self, keys: Iterable[str]) -> None:
        """Remove tags; keys that are not there are ignored, as AWS does."""
        for key in keys:
            self._values.pop(key, None)

    def listed(self) -> list[tuple[str, str]]:
        """Keys and values in order of the keys."""
        return sorted(self._values.items())
