"""What an invocation answers, and what it never tells."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from millrace.anomaly.notifications import NotificationsTopic
from millrace.anomaly.pipeline import Report
from millrace.anomaly.service import answered, pipeline_of
from millrace.errors import ConfigurationError, FunctionFailed, MillraceError, Unavailable

from tests.oci.making import NOW_MS, history, payload
from tests.oci.stores import ROOT

SECRET = "hunter2"


def test_the_answer_is_the_report() -> None:
    assert json.loads(answered(lambda now_ms: Report(events=3, stored=2))) == {
        "events": 3,
        "stored": 2,
        "alerts": 0,
    }


def test_a_failure_tells_its_caller_an_id_and_its_log_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def work(now_ms: int) -> Report:
        raise ValueError(SECRET)

    with pytest.raises(FunctionFailed) as raised:
        answered(work)
    reference = str(raised.value).split()[-1]
    assert reference in caplog.text
    assert "ValueError" in caplog.text
    assert "test_service.py" in caplog.text  # where it came from
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    for told in (caplog.text, str(raised.value)):
        assert SECRET not in told


@pytest.mark.parametrize(
    ("error", "forgotten"), [(ConfigurationError("x"), 1), (Unavailable("x"), 0)]
)
def test_a_wrong_password_is_read_again(error: MillraceError, forgotten: int) -> None:
    calls: list[None] = []

    def work(now_ms: int) -> Report:
        raise error

    with pytest.raises(FunctionFailed):
        answered(work, forget=lambda: calls.append(None))
    assert len(calls) == forgotten


def test_an_environment_that_changes_is_followed(tmp_path: Path) -> None:
    """In a process of its own, for the environment is all of it's."""
    program = (
        "import os\nfrom millrace.anomaly.service import handle\n"
        "for name in 'aba':\n"
        "    os.environ['MILLRACE_DATABASE'] = f'sqlite:///{name}.db'\n"
        '    print(handle(b\'{"id": "1", "time": "2026-01-01", "metric": 1}\'))'
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, text=True, capture_output=True, check=True,
        env={"PYTHONPATH": str(ROOT / "layers/core"), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert [json.loads(line)["stored"] for line in done.stdout.splitlines()] == [1, 1, 0]


def test_problems_are_told_aloud(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answered(lambda now_ms: Report(events=1, stored=1))
    answered(lambda now_ms: Report(events=1, quarantined=1))
    assert [entry.levelname for entry in caplog.records] == ["INFO", "WARNING"]


def test_a_pipeline_of_the_environment(tmp_path: Any) -> None:
    pipeline = pipeline_of({"MILLRACE_DATABASE": f"sqlite:///{tmp_path}/a.db"})
    assert pipeline.handle(payload(history(3)), NOW_MS).stored == 3


class Answer:
    class data:
        message_id = "m"


class Client:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.published: list[tuple[str, Any]] = []

    def publish_message(self, topic_id: str, details: Any) -> Answer:
        if self.error is not None:
            raise self.error
        self.published.append((topic_id, details))
        return Answer()


def test_a_message_goes_to_its_topic() -> None:
    client = Client()
    assert NotificationsTopic("topic", client).publish("title", "body") == "m"
    assert client.published == [("topic", {"title": "title", "body": "body"})]


class ServiceError(Exception):
    """As the SDK has it: with what it sent in its text."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__({"headers": SECRET})
        self.status = status
        self.code = code


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ServiceError(429, "TooManyRequests"), Unavailable),
        (ServiceError(503, "ServiceUnavailable"), Unavailable),
        (ConnectionError(SECRET), Unavailable),
        (ServiceError(404, "NotAuthorizedOrNotFound"), ConfigurationError),
    ],
)
def test_the_services_errors_become_ours(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        NotificationsTopic("topic", Client(error)).publish("title", "body")
    assert SECRET not in str(raised.value)
