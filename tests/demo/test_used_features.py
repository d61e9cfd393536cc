"""Answers are held against what stood at their time: neither older nor newer, nor anything else."""

from __future__ import annotations

from typing import Any

import pytest
from millrace.features.fold import fold
from millrace.features.item import iso_ms
from millrace.features.profile import Profile
from millrace.features.snapshot import snapshot

from localcloud.demo.asking import Asked, Done
from localcloud.demo.used_features import Arrived, check_used
from tests.features.making import RICH, START_MS, event, plan

PLAN = plan()
EVENTS = [event(n, START_MS + 1000 * n, "view", n, 2 * n, n % 2) for n in range(6)]
# Each event reaches the stream 100 ms after it happens.
ARRIVED = [Arrived(n, one.time_ms + 100, one) for n, one in enumerate(EVENTS)]
AS_OF_MS = START_MS + 3_500


def answer(known: int, **changed: object) -> dict[str, Any]:
    """An answer by a reader that knows the first events."""
    profile, _ = fold(Profile(len(PLAN.fields)), EVENTS[:known], PLAN)
    features = {**snapshot(profile, PLAN, AS_OF_MS), "userId": "u", "count": 7, **changed}
    return {"features": features, "featuresAsOf": iso_ms(AS_OF_MS)}


def asked(given: dict[str, Any] | None, status: int = 200, done_upto: int = 1) -> Asked:
    return Asked("u", AS_OF_MS - 5, AS_OF_MS + 5, done_upto, 10.0, status, given)


@pytest.mark.parametrize("known", [2, 3, 4])
def test_any_state_of_the_time_will_do(known: int) -> None:
    result = check_used([asked(answer(known))], {"u": ARRIVED}, PLAN)
    assert (result.answered, result.mismatches, result.wrong) == (1, 0, [])


@pytest.mark.parametrize("known", [0, 1, 5, 6])
def test_older_and_newer_states_will_not(known: int) -> None:
    result = check_used([asked(answer(known))], {"u": ARRIVED}, PLAN)
    assert result.mismatches == 1
    assert "with 2 to 4 events" in result.wrong[0]


def test_one_wrong_feature_is_named() -> None:
    given = answer(3, count_5m=17)
    result = check_used([asked(given)], {"u": ARRIVED}, PLAN)
    assert result.mismatches == 1
    assert "count_5m is 17" in result.wrong[0]


def test_a_missing_feature_is_wrong() -> None:
    given = answer(3)
    del given["features"]["recency_s"]
    assert check_used([asked(given)], {"u": ARRIVED}, PLAN).mismatches == 1


def test_answers_without_a_prediction_are_counted_by_status() -> None:
    given = [asked(None, 503), asked(None, 503), asked(None, 504), asked(answer(2))]
    result = check_used(given, {"u": ARRIVED}, PLAN)
    assert (result.asked, result.answered, result.mismatches) == (4, 1, 0)
    assert result.statuses == {503: 2, 504: 1, 200: 1}


def test_what_is_done_never_goes_back() -> None:
    done = Done()
    for number in (5, 3):
        done.see([{"kinesis": {"partitionKey": "u", "sequenceNumber": str(number)}}])
    assert done.upto == {"u": 5}


def test_a_user_who_is_called_like_a_key_of_another_entity_is_found() -> None:
    text = RICH + '[entity.item]\nkey = "itemId"\n'
    user = plan(text)
    given = asked(answer(3))._replace(user="item#u")
    result = check_used([given], {"user#item#u": ARRIVED, "item#u": []}, user)
    assert (result.answered, result.mismatches, result.wrong) == (1, 0, [])
