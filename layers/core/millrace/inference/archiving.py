"""The archiver as an environment describes it: ARCHIVE_BUCKET, QUARANTINE_BUCKET."""

from __future__ import annotations

from collections.abc import Mapping

from millrace.features.environment import required
from millrace.inference.archiver import Archiver
from millrace.s3 import S3Objects
from millrace.streams import StreamCatalog


def archiver(environment: Mapping[str, str]) -> Archiver:
    """The archiver for an environment. Raises ConfigurationError, naming the variable."""
    archive = S3Objects(required(environment, "ARCHIVE_BUCKET"))
    quarantine = S3Objects(required(environment, "QUARANTINE_BUCKET"))
    return Archiver(StreamCatalog(), archive, quarantine)
