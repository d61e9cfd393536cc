"""Every reader of profiles passes the same tests; then each in the trouble of its own store."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from millrace.dax import REST_S, dax_client
from millrace.errors import MillraceError, Throttled, Unavailable, UnreadableState
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.features.snapshot import snapshot
from millrace.inference.dax import FALLBACKS, DaxProfiles
from millrace.inference.profiles import MemoryProfiles

from localcloud.faults.plan import Fail
from tests.features.services import Services, failing
from tests.features.streaming import START_MS, document
from tests.inference.making import FakeProfiles, profile, raising
from tests.inference.readers import (
    InDynamoDB,
    InFeatureStore,
    InMemory,
    Readable,
    ThroughDax,
    call,
    two_entities,
)

Make = Callable[[Services, Plan], Readable]
PLAN = two_entities()


def profile_of(count: int) -> Profile:
    return profile(PLAN, [document(number) for number in range(count)])


def shown(found: object) -> object:
    """A profile by what can be read from it."""
    if isinstance(found, Profile):
        return snapshot(found, PLAN, START_MS + 300_000)
    return type(found)


@pytest.fixture(params=[InMemory, InDynamoDB, InFeatureStore, ThroughDax])
def readable(request: pytest.FixtureRequest, services: Services) -> Readable:
    make: Make = request.param
    return make(services, PLAN)


# ---- what every reader does -------------------------------------------------------------------


@pytest.mark.parametrize("user", ["u1", "7", "item#7", "user#x", "ä/ #%"])
def test_a_profile_comes_back_as_it_was_stored(readable: Readable, user: str) -> None:
    expected = profile_of(5)
    readable.put(user, expected)
    assert shown(readable.profiles.one(user, call())) == shown(expected)
    assert shown(readable.profiles.many([user], call())[user]) == shown(expected)


def test_nobody_is_known_before_they_are_stored(readable: Readable) -> None:
    assert readable.profiles.one("nobody", call()) is None
    assert readable.profiles.many(["nobody", "no one"], call()) == {"nobody": None, "no one": None}


def test_the_newest_of_several_writes_is_read(readable: Readable) -> None:
    for count in (3, 8):
        readable.put("u1", profile_of(count))
    assert shown(readable.profiles.one("u1", call())) == shown(profile_of(8))


def test_a_hundred_are_read_at_once_each_for_itself(readable: Readable) -> None:
    users = [f"u{number}" for number in range(100)]
    for number in range(1, 100, 7):
        readable.put(f"u{number}", profile_of(1 + number // 7))
    found = readable.profiles.many(users, call())
    assert list(found) == users
    for number, user in enumerate(users):
        expected = profile_of(1 + number // 7) if number % 7 == 1 else None
        assert shown(found[user]) == shown(expected)


def test_a_user_who_is_named_twice_is_read_once(readable: Readable) -> None:
    readable.put("u1", profile_of(3))
    found = readable.profiles.many(["u1", "nobody", "u1"], call())
    assert found.keys() == {"u1", "nobody"}
    assert shown(found["u1"]) == shown(profile_of(3))


def test_a_damaged_state_is_told_apart_from_none(readable: Readable) -> None:
    readable.damage("u1")
    readable.put("u2", profile_of(2))
    with pytest.raises(UnreadableState):
        readable.profiles.one("u1", call())
    found = readable.profiles.many(["u1", "u2", "u3"], call())
    assert isinstance(found["u1"], UnreadableState)
    assert shown(found["u2"]) == shown(profile_of(2))
    assert found["u3"] is None


# ---- trouble ----------------------------------------------------------------------------------

THROTTLED = failing("ProvisionedThroughputExceededException")
STORES = [
    pytest.param(InDynamoDB, "dynamodb", "GetItem", "BatchGetItem", id="dynamodb"),
    pytest.param(
        InFeatureStore,
        "sagemaker-featurestore-runtime",
        "GetRecord",
        "BatchGetRecord",
        id="feature-store",
    ),
]


@pytest.mark.parametrize(("make", "service", "one", "many"), STORES)
class TestTrouble:
    @pytest.mark.parametrize(
        "fault", [failing("ThrottlingException"), failing("InternalServerError"), None]
    )
    def test_what_passes_is_tried_again_within_the_time(
        self, services: Services, make: Make, service: str, one: str, many: str, fault: Fail | None
    ) -> None:
        readable = make(services, PLAN)
        readable.put("u1", profile_of(4))
        services.fail(service, one, fault, 1)
        assert shown(readable.profiles.one("u1", call())) == shown(profile_of(4))
        services.fail(service, many, fault, 1)
        assert shown(readable.profiles.many(["u1"], call())["u1"]) == shown(profile_of(4))

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            (failing("ThrottlingException"), Throttled),
            (failing("InternalServerError"), Unavailable),
            (Fail("ResourceNotFoundException", 400, "no such table"), Unavailable),
            (None, Unavailable),
        ],
    )
    def test_what_lasts_is_unavailable_after_three_tries_at_the_most(
        self,
        services: Services,
        make: Make,
        service: str,
        one: str,
        many: str,
        fault: Fail | None,
        kind: type[MillraceError],
    ) -> None:
        readable = make(services, PLAN)
        services.fail(service, one, fault)
        before = services.calls(service, one)
        with pytest.raises(Unavailable) as caught:
            readable.profiles.one("u1", call())
        assert type(caught.value) is kind
        hopeless = fault is not None and fault.code == "ResourceNotFoundException"
        assert services.calls(service, one) - before == (1 if hopeless else 3)
        services.fail(service, many, fault)
        with pytest.raises(Unavailable):
            readable.profiles.many(["u1"], call())

    def test_nothing_is_tried_again_when_the_time_is_up(
        self, services: Services, make: Make, service: str, one: str, many: str
    ) -> None:
        readable = make(services, PLAN)
        services.fail(service, one, failing("ThrottlingException"))
        before = services.calls(service, one)
        with pytest.raises(Throttled):
            readable.profiles.one("u1", call(0))
        assert services.calls(service, one) == before + 1


def test_users_that_a_feature_group_leaves_unread_are_not_unknown(services: Services) -> None:
    """BatchGetRecord answers 200 with what went wrong in it."""
    readable = InFeatureStore(services, PLAN)
    readable.put("u1", profile_of(2))
    services.features.remove(readable.group)
    with pytest.raises(Unavailable, match="left users unread"):
        readable.profiles.many(["u1"], call())


def test_an_item_that_millrace_did_not_write_is_named(services: Services) -> None:
    readable = InDynamoDB(services, PLAN)
    for user, state in (("u1", {}), ("u2", {"state": {"S": "text"}})):
        item = {"userId": {"S": user}, "count": {"N": "3"}, **state}
        readable.client.put_item(TableName=readable.table, Item=item)
        with pytest.raises(UnreadableState, match=user):
            readable.profiles.one(user, call())


@pytest.mark.parametrize("consistent", [True, False])
def test_a_read_is_as_consistent_as_was_asked_for_and_of_the_state_alone(
    services: Services, consistent: bool
) -> None:
    readable = InDynamoDB(services, PLAN, consistent=consistent)
    sent: list[str] = []
    readable.client.meta.events.register(
        "before-call.dynamodb", lambda params, **_: sent.append(params["body"].decode())
    )
    readable.profiles.one("u1", call())
    readable.profiles.many(["u1"], call())
    for body in sent:
        assert f'"ConsistentRead": {str(consistent).lower()}' in body
        assert "#state" in body


def test_keys_that_are_left_unread_are_asked_for_again_and_then_given_up(
    services: Services,
) -> None:
    readable = InDynamoDB(services, PLAN)
    readable.put("u1", profile_of(2))
    readable.put("u2", profile_of(3))
    left: list[int] = [1, 0]

    def withhold(parsed: dict[str, object], **_: object) -> None:
        if left.pop(0):
            request = {"Keys": [{"userId": {"S": "u1"}}, {"userId": {"S": "u2"}}]}
            parsed.update(Responses={}, UnprocessedKeys={readable.table: request})

    readable.client.meta.events.register("after-call.dynamodb.BatchGetItem", withhold)
    found = readable.profiles.many(["u1", "u2"], call())
    assert [shown(found[user]) for user in ("u1", "u2")] == [
        shown(profile_of(2)),
        shown(profile_of(3)),
    ]
    left += [1] * 9
    with pytest.raises(Unavailable, match="2 keys"):
        readable.profiles.many(["u1", "u2"], call())


# ---- DAX --------------------------------------------------------------------------------------


class Dax:
    """DAX and a table that hold different counts, so that a test sees which was read."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.connections = 0
        self.cache, self.table = FakeProfiles(PLAN), MemoryProfiles(PLAN)
        for where, count in ((self.cache, 1), (self.table, 2)):
            InMemoryAt(where).put("u1", profile_of(count))
        self.profiles = DaxProfiles(self.connect, self.table)

    def connect(self) -> FakeProfiles:
        self.connections += 1
        return self.cache

    def read(self) -> tuple[int, int]:
        """How many events the profile that was read has, and how many fallbacks were counted."""
        asked = call()
        asked._monotonic_s = lambda: self.now_s
        found = self.profiles.one("u1", asked)
        assert found is not None
        return found.accepted, [measure.name for measure in asked.measures].count(FALLBACKS)


class InMemoryAt(InMemory):
    """What puts profiles into given ones."""

    def __init__(self, profiles: MemoryProfiles) -> None:
        self.plan, self.profiles = PLAN, profiles


def test_dax_is_read_through_and_connected_to_once() -> None:
    dax = Dax()
    assert [dax.read(), dax.read()] == [(1, 0), (1, 0)]
    assert dax.connections == 1


def test_dax_in_trouble_is_read_past_counted_and_let_alone_for_a_while() -> None:
    dax = Dax()
    dax.cache.trouble = raising(Unavailable("down"))
    assert dax.read() == (2, 1)
    dax.cache.trouble = lambda: None
    assert dax.read() == (2, 1)
    dax.now_s = REST_S + 1
    assert dax.read() == (1, 0)


def test_a_damaged_state_is_no_trouble_of_dax() -> None:
    dax = Dax()
    InMemoryAt(dax.cache).damage("u1")
    with pytest.raises(UnreadableState):
        dax.read()
    InMemoryAt(dax.cache).put("u1", profile_of(1))
    assert dax.read() == (1, 0)


def test_a_cluster_that_is_not_there_is_read_past() -> None:
    """With the real client of DAX."""
    dax = Dax()

    def connect() -> FakeProfiles:
        dax_client("dax://127.0.0.1:9")
        return dax.cache

    dax.profiles = DaxProfiles(connect, dax.table)
    assert dax.read() == (2, 1)
