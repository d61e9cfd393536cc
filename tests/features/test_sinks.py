"""What follows the state: an archive that can be read back, features in SageMaker Feature Store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from millrace.errors import Throttled, Unavailable, UnreadableState
from millrace.features.definitions_parser import parse
from millrace.features.entry import Entry
from millrace.features.feature_store import FeatureStoreSink, record
from millrace.features.history import archived
from millrace.features.item import iso_ms
from millrace.features.plan import Plan, plans_of
from millrace.features.sinks import Archive, Followed
from millrace.features.snapshot import snapshot
from millrace.kinesis import Delivery, decode
from millrace.objects import MemoryObjects

from localcloud.feature_store.definitions import Feature, FeatureGroup, FeatureType
from tests.features.making import RICH, START_MS, folded, histories, plan
from tests.features.services import Services, failing
from tests.features.stores import entry_of
from tests.features.streaming import FakeStreams, document
from tests.features.streaming import record as raw

DAY_MS = 86_400_000


# The archive.


def deliveries(*records: Any) -> list[Delivery]:
    found = list(decode(records, lambda arn, *_: FakeStreams().stream(arn)))
    return [one for one in found if isinstance(one, Delivery)]


def test_a_batch_is_one_object_named_by_its_place() -> None:
    objects = MemoryObjects()
    batch = [raw(document(n), 10**55 + n, shard=3, arrival_ms=START_MS) for n in (1, 2)]
    Archive(objects).take(deliveries(*batch))
    ((key, body),) = objects.bodies.items()
    assert key == (
        "events/stream=events/date=2023-11-14/shardId-000000000003/"
        f"1600000000000-{10**55 + 1}-{10**55 + 2}.jsonl"
    )
    assert [orjson.loads(line) for line in body.splitlines()] == [
        {
            "position": f"1600000000000/3/{10**55 + n}/0",
            "partitionKey": "u1",
            "arrivalMs": START_MS,
            "event": document(n),
        }
        for n in (1, 2)
    ]


def test_line_breaks_in_an_event_do_not_break_its_line() -> None:
    objects = MemoryObjects()
    data = b'{\r\n "userId": "u1",\n\n "note": "a\\nb \xe2\x80\xa8 c"\r}'
    Archive(objects).take(deliveries(raw(data, 5)))
    (line,) = next(iter(objects.bodies.values())).splitlines()
    assert orjson.loads(line)["event"] == orjson.loads(data)


def test_a_batch_that_comes_again_is_read_once() -> None:
    objects = MemoryObjects()
    batch = deliveries(*[raw(document(n), n) for n in range(1, 8)])
    for part in (batch, batch[2:], batch[2:4], batch[4:]):
        Archive(objects).take(part)
    assert [one.document["eventId"] for one in archived(objects)] == [f"e{n}" for n in range(1, 8)]


def test_other_kinds_than_events_have_a_place_of_their_own() -> None:
    objects = MemoryObjects()
    Archive(objects, "inference").take(deliveries(raw(document(1), 5)))
    assert list(objects.keys("events/")) == []
    assert len(list(objects.keys("inference/"))) == 1


# Features in SageMaker Feature Store.


def values(record_: Sequence[Any]) -> dict[str, str]:
    return {value["FeatureName"]: value["ValueAsString"] for value in record_}


@pytest.fixture
def group(services: Services, shipped: Plan) -> str:
    """A feature group as the template makes it, with every feature of features.toml."""
    name = services.name("group")
    texts = ("userId", "updatedAt", "millraceState", "types")
    features = dict.fromkeys(shipped.names_of_all, FeatureType.FRACTIONAL)
    kinds = {**dict.fromkeys(texts, FeatureType.STRING), **features}
    definitions = {feature: Feature(feature, kind) for feature, kind in kinds.items()}
    services.features.add(FeatureGroup(name, "userId", "updatedAt", definitions))
    return name


def sink(services: Services, group: str, attempts: int = 3) -> FeatureStoreSink:
    client = services.client("sagemaker-featurestore-runtime", attempts=attempts)
    return FeatureStoreSink(client, group)


def followed(entry: Entry, plan: Plan, user: str = "u1") -> Followed:
    return Followed(user, user, plan, entry)


def test_a_record_has_every_feature_as_of_its_last_change(shipped: Plan) -> None:
    entry = entry_of(shipped, 3)
    entry.profile.updated_ms = START_MS + DAY_MS // 2
    found = values(record("u1", entry.profile, shipped))
    assert (found["userId"], found["updatedAt"]) == ("u1", iso_ms(START_MS + DAY_MS // 2))
    features = snapshot(entry.profile, shipped, START_MS + DAY_MS // 2)
    base = {name: value for name, value in features.items() if "." not in name}
    plain = {name: text for name, text in found.items() if name in base}
    assert {name: float(text) for name, text in plain.items()} == {
        name: value for name, value in base.items() if value is not None
    }
    assert plain["count_1m"] == "0"
    assert "metric_mean_1m" not in plain, "nothing to aggregate is no value"
    assert orjson.loads(found["types"])["view"]["count_24h"] == 3


def test_features_are_read_as_of_now_though_they_were_stored_before(
    services: Services, group: str, shipped: Plan
) -> None:
    entry, store = entry_of(shipped, 30), sink(services, group)
    store.take(followed(entry, shipped))
    for later_ms in (0, 40_000, DAY_MS, 3 * DAY_MS):
        at_ms = START_MS + 30_000 + later_ms
        assert store.read("u1", shipped, at_ms) == snapshot(entry.profile, shipped, at_ms)
    assert store.read("nobody", shipped, START_MS) is None


def test_an_older_state_never_replaces_a_newer_one(
    services: Services, group: str, shipped: Plan
) -> None:
    store = sink(services, group)
    for events in (2, 5, 3, 5):
        store.take(followed(entry_of(shipped, events), shipped))
    features = store.read("u1", shipped, START_MS)
    assert features is not None
    assert features["count_24h"] == 5


TWO = 'version = 1\n[entity.user]\nkey = "u"\n[entity.item]\nkey = "i"\n'


def test_only_the_first_entity_and_only_what_has_events_is_put() -> None:
    class Refusing:
        """A client that must not be asked."""

    client: Any = Refusing()
    store = FeatureStoreSink(client, "group")
    user, item = plans_of(parse(TWO))
    store.take(Followed("item#i1", "i1", item, entry_of(item, 3)))
    store.take(Followed("u1", "u1", user, entry_of(user, 0)))


@pytest.mark.parametrize(
    ("code", "kind"), [("ServiceUnavailable", Unavailable), ("ThrottlingException", Throttled)]
)
def test_a_feature_store_that_goes_on_failing_is_unavailable(
    services: Services, group: str, shipped: Plan, code: str, kind: type[Unavailable]
) -> None:
    store = sink(services, group, attempts=1)
    services.fail("sagemaker-featurestore-runtime", "*", failing(code))
    with pytest.raises(kind, match=f"Cannot put a record into {group}"):
        store.take(followed(entry_of(shipped, 1), shipped))
    with pytest.raises(kind, match=f"Cannot get a record of {group}"):
        store.read("u1", shipped, START_MS)
    services.heal()
    assert store.read("u1", shipped, START_MS) is None


def test_a_feature_that_the_group_does_not_have_is_named(
    services: Services, group: str, shipped: Plan
) -> None:
    """features.toml was changed and the group was not: scripts/feature-group makes it anew."""
    other = plan(RICH)
    with pytest.raises(
        Unavailable, match=r"is not defined in feature group.*scripts/feature-group"
    ):
        sink(services, group).take(followed(entry_of(other, 1), other))
    assert sink(services, group).read("u1", shipped, START_MS) is None


@pytest.mark.parametrize("state", ["%%%", "AAAA", ""])
def test_a_damaged_state_is_unreadable(
    services: Services, group: str, shipped: Plan, state: str
) -> None:
    client = services.client("sagemaker-featurestore-runtime")
    written = {"userId": "u1", "updatedAt": iso_ms(START_MS), "millraceState": state}
    client.put_record(
        FeatureGroupName=group,
        Record=[{"FeatureName": k, "ValueAsString": v} for k, v in written.items()],
    )
    with pytest.raises(UnreadableState):
        sink(services, group).read("u1", shipped, START_MS)


@given(histories())
def test_a_record_of_any_profile_is_text_that_a_feature_group_takes(events: list[Any]) -> None:
    rich = plan(RICH)
    profile = folded(events, rich)
    profile.updated_ms = events[-1].time_ms
    found = values(record("u1", profile, rich))
    state = {"userId", "updatedAt", "millraceState", "types"}
    for name, text in found.items():
        assert len(name) <= 64
        assert len(text) <= 358_400
        if name not in state:
            assert abs(float(text)) < float("inf")
    assert set(found) - state <= set(rich.names_of_all)
