"""Writes through DAX: whatever the cluster does, nothing is lost and nothing written twice.

That a store behind DAX keeps the contract of stores is in test_stores.py.
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from millrace.dax import REST_S, dax_client
from millrace.features.entry import Entry
from millrace.features.plan import Plan
from millrace.features.service import enricher
from millrace.features.store import Conflict, Key

from tests.features.conftest import SHIPPED
from tests.features.services import Services
from tests.features.stores import BehindDax, entry_of, shown


@pytest.fixture
def kept(services: Services) -> BehindDax:
    return BehindDax(services)


@pytest.fixture
def key(shipped: Plan) -> Key:
    return Key("u1", shipped)


def write(kept: BehindDax, key: Key, entry: Entry) -> Conflict | None:
    return kept.store.write(key, kept.store.item(key, entry), entry.version - 1)


def test_what_is_written_stands_in_the_cache_and_in_the_table(kept: BehindDax, key: Key) -> None:
    assert write(kept, key, entry_of(key.plan, 3)) is None
    assert set(kept.cluster.cached) == {"u1"}
    assert kept.item(key) is not None


@pytest.mark.parametrize(
    "trouble",
    [
        ClientError({"Error": {"Code": "ConnectionException"}}, "PutItem"),
        ClientError({"Error": {}}, "PutItem"),
        OSError("no route to host"),
        ImportError("amazondax"),
    ],
    ids=["connection", "no code", "no route", "no library"],
)
def test_a_write_that_dax_does_not_take_goes_to_the_table(
    kept: BehindDax, key: Key, trouble: Exception
) -> None:
    kept.cluster.trouble = trouble
    assert write(kept, key, entry_of(key.plan, 3)) is None
    assert not kept.cluster.cached
    found = kept.store.read([key])["u1"]
    assert shown(found, key.plan) == shown(entry_of(key.plan, 3), key.plan)


def test_after_a_failure_dax_is_let_alone_for_a_while(kept: BehindDax, key: Key) -> None:
    kept.cluster.trouble = OSError("no route to host")
    write(kept, key, entry_of(key.plan, 1))
    kept.cluster.trouble = None
    write(kept, Key("u2", key.plan), entry_of(key.plan, 1))
    assert not kept.cluster.cached
    kept.now_s = REST_S
    write(kept, Key("u3", key.plan), entry_of(key.plan, 1))
    assert set(kept.cluster.cached) == {"u3"}


def test_a_conflict_is_no_trouble_of_dax_and_brings_the_item(kept: BehindDax, key: Key) -> None:
    assert write(kept, key, entry_of(key.plan, 3)) is None
    conflict = write(kept, key, entry_of(key.plan, 1))
    assert conflict is not None
    assert conflict.current is not None
    assert shown(conflict.current, key.plan) == shown(entry_of(key.plan, 3), key.plan)
    kept.cluster.cached.clear()
    write(kept, Key("u2", key.plan), entry_of(key.plan, 1))
    assert set(kept.cluster.cached) == {"u2"}, "it is asked at once again"


def test_a_write_whose_answer_dax_lost_counts_once(kept: BehindDax, key: Key) -> None:
    kept.cluster.loses_answers = True
    assert write(kept, key, entry_of(key.plan, 3)) is None
    item = kept.item(key)
    assert item is not None
    assert item["version"] == 1


def test_the_environment_says_whether_writes_go_through_dax(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    environment = {
        "DAX_ENDPOINT": "daxs://127.0.0.1:9",
        "FEATURES_TABLE": "features",
        "FEATURE_STORE": "dynamodb",
        "GIVE_UP_AFTER_S": "0",
        "MILLRACE_FEATURES": str(SHIPPED),
        "PARALLELIZATION_FACTOR": "1",
        "QUARANTINE_BUCKET": "quarantine",
        "STREAM_RETENTION_HOURS": "24",
    }
    for endpoint, kind in (("", "DynamoDB"), ("daxs://127.0.0.1:9", "WritesThroughDax")):
        made = enricher({**environment, "DAX_ENDPOINT": endpoint})
        assert type(made._store._client).__name__ == kind  # type: ignore[attr-defined]


def test_the_real_client_says_so_where_no_cluster_is() -> None:
    """Every kind of error of its library counts as a failure: none is told apart."""
    with pytest.raises(Exception, match=r"."):
        dax_client("daxs://127.0.0.1:9").put_item(TableName="t", Item={"userId": {"S": "u"}})
