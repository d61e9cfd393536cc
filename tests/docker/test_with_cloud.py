"""Every function with every sample event, in real containers before a local cloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docker.invoking import FUNCTIONS, events_of, invoke

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("cloud")]

SAMPLES = [(function, event) for function in FUNCTIONS for event in events_of(function)]
# No model is deployed by default, and the answer says so.
STATUSES = {"predict": 503, "unknown-user": 503, "feedback": 202}
INGEST_STATUS = 202


def expected_status(function: str, event: Path) -> int:
    return INGEST_STATUS if function == "IngestFunction" else STATUSES.get(event.stem, 200)


@pytest.mark.parametrize(
    ("function", "event"), SAMPLES, ids=[f"{f}-{event.stem}" for f, event in SAMPLES]
)
def test_a_function_takes_its_sample_event(template: Path, function: str, event: Path) -> None:
    answer = invoke(template, function, event).answer
    if function == "PruneLayersFunction":
        assert (answer.get("deleted_versions"), answer.get("planned")) == (0, []), answer
    elif "batchItemFailures" in answer:
        assert answer == {"batchItemFailures": []}
    else:
        assert answer["statusCode"] == expected_status(function, event), answer
        assert answer["statusCode"] != 503 or "endpoint-none" in answer["body"]


def test_every_function_has_samples() -> None:
    assert {function for function, _ in SAMPLES} == set(FUNCTIONS)
