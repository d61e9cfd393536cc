"""Functions in real containers with no local cloud: none breaks, and each says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docker.invoking import FUNCTIONS, events_of, invoke

pytestmark = pytest.mark.docker

HINT = "is the local cloud up? start it with: scripts/demo --keep"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_says_that_there_is_no_cloud(template: Path, function: str) -> None:
    invoked = invoke(template, function, events_of(function)[0])
    assert HINT in invoked.log
    if function == "PruneLayersFunction":
        assert invoked.answer["errorType"] == "Unavailable"  # nobody knows what there is
    elif "batchItemFailures" in invoked.answer:
        assert invoked.answer["batchItemFailures"], "nothing may count as done"
    else:
        assert invoked.answer["statusCode"] == 503
        assert "retry-after" in invoked.answer["headers"]
