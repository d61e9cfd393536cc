"""A file of events as records for the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from millrace.errors import ConfigurationError, InvalidEvent
from millrace.events import EventReader
from millrace.features.definitions import Definitions
from millrace.producer import Outgoing, new_id, outgoing, unchecked
from millrace.table_rows import Line
from millrace.tables import parse_mapping, read_events

from localcloud.demo.traffic import Put


@dataclass(slots=True)
class EventsFile:
    """A file whose every line goes to the stream, in its order and as fast as it is taken.

    What is no valid event goes there as it stands: quarantine is the stream's business. `refused`
    tells of the lines that no stream would take. The file's own ids are its ids. An event without
    one keeps to its place in the stream; of several entities, whose events have no place of their
    own there, it gets a new one.
    """

    path: Path
    mapping: str
    definitions: Definitions
    now_ms: Callable[[], int]
    read: int = 0
    refused: list[str] = field(default_factory=list)

    def records(self) -> Iterator[Put]:
        """A record for every line. Raises ConfigurationError where the file cannot be read."""
        reader = EventReader(self.definitions)
        try:
            with self.path.open("rb") as stream:
                mapping = parse_mapping(self.mapping)
                for line in read_events(stream, str(self.path), self.definitions, mapping):
                    self.read += 1
                    try:
                        event = self._outgoing(line, reader)
                    except InvalidEvent as error:
                        self.refused.append(f"{self.path}, line {line.number}: {error}")
                    else:
                        yield Put(0, 0, event.partition_key, event.data)
        except OSError as error:
            raise ConfigurationError(f"Cannot read {self.path}: {error.strerror}.") from error

    def _outgoing(self, line: Line, reader: EventReader) -> Outgoing:
        if not line.problem:
            try:
                identify = new_id if len(self.definitions.entities) > 1 else None
                return outgoing(line.document, reader, self.now_ms(), identify=identify)
            except InvalidEvent as error:
                if error.reason == "too-large":
                    raise
        return unchecked(line.document, self.definitions)
