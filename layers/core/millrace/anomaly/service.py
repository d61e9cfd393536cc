"""The function's pipeline, put together from the environment, once a process."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from millrace import database, oci
from millrace.anomaly import notifications
from millrace.anomaly.notifications import NotificationsTopic
from millrace.anomaly.pipeline import Pipeline, Report
from millrace.anomaly.sql_store import Database, SqlStore
from millrace.collector import let_collector_wait
from millrace.errors import ConfigurationError, FunctionFailed, MillraceError

_log = logging.getLogger("millrace")


def database_of(environ: Mapping[str, str]) -> Database:
    """The database that the environment names. Raises ConfigurationError, Unavailable."""
    target = database.named(environ)
    if isinstance(target, database.SqliteFile):
        from millrace.anomaly import sqlite

        return sqlite.SqliteDatabase(target.path)
    from millrace.anomaly import oracle

    return oracle.OracleDatabase(database.oracle_pool(target, environ))


def store_of(environ: Mapping[str, str]) -> SqlStore:
    """The store over that database. Raises ConfigurationError, Unavailable."""
    return SqlStore(database_of(environ))


def pipeline_of(environ: Mapping[str, str]) -> Pipeline:
    """The pipeline that the environment describes; MILLRACE_TOPIC_ID is where alerts go."""
    topic_id = environ.get("MILLRACE_TOPIC_ID")
    topic = NotificationsTopic(topic_id) if topic_id else None
    return Pipeline(store_of(environ), topic, _now_ms)


_made: dict[tuple[tuple[str, str], ...], Pipeline] = {}
_making = threading.Lock()


def _pipeline() -> Pipeline:
    """The one of this environment; should that change, it is made anew."""
    named = tuple(sorted(one for one in os.environ.items() if one[0].startswith("MILLRACE_")))
    with _making:
        if named not in _made:
            _made.clear()
            oci.quiet()
            let_collector_wait()
            if os.environ.get("MILLRACE_TOPIC_ID"):
                notifications.warm()
            _made[named] = pipeline_of(os.environ)
        return _made[named]


def handle(body: bytes) -> str:
    """Answer an invocation. Raises FunctionFailed where it should come again."""
    return answered(lambda now_ms: _pipeline().handle(body, now_ms), forget=_made.clear)


def answered(work: Callable[[int], Report], *, forget: Callable[[], None] = lambda: None) -> str:
    """The report of some work as JSON.

    What it raises is written to the log under an id, and the caller sees nothing but that: the
    text of an exception is what fdk answers. Neither holds what an exception of a driver says.
    """
    try:
        report = work(_now_ms())
    except Exception as error:  # the edge of the process: everything ends here, told or not
        if isinstance(error, ConfigurationError):
            forget()  # a secret may have been changed: read it again
        reference = uuid.uuid4().hex[:12]
        said = str(error) if isinstance(error, MillraceError) else _where(error)
        _log.error("failed %s: %s: %s", reference, type(error).__name__, said)
        message = f"The events were not stored; see the log for {reference}"
        raise FunctionFailed(message) from None
    told = _log.warning if report.problem or report.quarantined else _log.info
    told("batch %s", json.dumps(report.answer()))
    return json.dumps(report.answer())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _where(error: Exception) -> str:
    """The lines that an unexpected error came through, without what it says."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
