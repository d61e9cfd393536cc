"""What a database knows of a stream from earlier runs: where its partitions have got to.

Streams are in memory and begin anew; an event at a place that is taken would go to quarantine.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path

_SEEN = """
SELECT source_partition, MAX(source_offset) + 1
FROM (
  SELECT source_stream, source_partition, source_offset FROM raw_events
  UNION ALL
  SELECT source_stream, source_partition, source_offset FROM quarantine
)
WHERE source_stream = ? AND source_offset IS NOT NULL
GROUP BY source_partition
"""


def next_offsets(database: Path, stream: str) -> Mapping[str, int]:
    """By partition, the offset behind the last one that the database has seen."""
    if not database.exists():
        return {}
    # A file without the tables has seen nothing; what else is wrong with it the function will say.
    with contextlib.closing(sqlite3.connect(database)) as connection:
        with contextlib.suppress(sqlite3.Error):
            return dict(connection.execute(_SEEN, (stream,)).fetchall())
        return {}
