"""Readers of profiles under test, and a way to put a profile where each of them looks."""

from __future__ import annotations

import base64
import time
from typing import Any, Protocol

from millrace.features.definitions_parser import parse
from millrace.features.dynamodb import to_wire
from millrace.features.entry import Entry, storage_key
from millrace.features.feature_store import EVENT_TIME, IDENTIFIER, STATE, record
from millrace.features.item import to_item
from millrace.features.packing import pack
from millrace.features.plan import Plan, plans_of
from millrace.features.profile import Profile
from millrace.inference.call import Call
from millrace.inference.dax import DaxProfiles
from millrace.inference.dynamodb import DynamoDBProfiles
from millrace.inference.feature_store import FeatureStoreProfiles
from millrace.inference.profiles import MemoryProfiles, Profiles

from localcloud.feature_store.definitions import FeatureGroup
from tests.features.conftest import SHIPPED
from tests.features.services import Services
from tests.localcloud.feature_store.groups import PROPERTIES

TEXTS = {IDENTIFIER, EVENT_TIME, STATE, "types"}


def two_entities() -> Plan:
    """The shipped plan with a second entity, so that some keys are stored under other names."""
    more = '[entity.item]\nkey = "itemId"\nwindows = ["1h"]\n'
    return plans_of(parse(SHIPPED.read_text(encoding="utf-8") + more))[0]


def call(seconds: float = 30.0) -> Call:
    return Call(seconds, time.monotonic)


class Readable(Protocol):
    """A reader, and the place that it reads."""

    profiles: Profiles

    def put(self, user_id: str, profile: Profile) -> None:
        """Put a profile there, as enrich does."""
        ...

    def damage(self, user_id: str) -> None:
        """Put a state there that is none."""
        ...


class InMemory:
    def __init__(self, services: Services, plan: Plan) -> None:
        self.plan = plan
        self.profiles = MemoryProfiles(plan)

    def put(self, user_id: str, profile: Profile) -> None:
        self.profiles.states[user_id] = pack(profile, self.plan)

    def damage(self, user_id: str) -> None:
        self.profiles.states[user_id] = b"\x91\x01"


class InDynamoDB:
    def __init__(self, services: Services, plan: Plan, *, consistent: bool = True) -> None:
        self.plan = plan
        self.table = services.table()
        self.client = services.client("dynamodb", attempts=1)
        self.profiles: Profiles = DynamoDBProfiles(
            self.client, self.table, plan, consistent=consistent
        )

    def put(self, user_id: str, profile: Profile) -> None:
        key = storage_key(self.plan.definitions, self.plan, user_id)
        item = to_item(key, Entry(profile, version=1), self.plan, 0)
        self.client.put_item(TableName=self.table, Item=to_wire(item))

    def damage(self, user_id: str) -> None:
        key = storage_key(self.plan.definitions, self.plan, user_id)
        item: dict[str, Any] = {"userId": {"S": key}, "state": {"B": b"\x91\x01"}}
        self.client.put_item(TableName=self.table, Item=item)


class ThroughDax(InDynamoDB):
    """DAX as its client is: a DynamoDB client of another make."""

    def __init__(self, services: Services, plan: Plan) -> None:
        super().__init__(services, plan)
        dax = DynamoDBProfiles(self.client, self.table, plan, consistent=False)
        self.profiles = DaxProfiles(lambda: dax, self.profiles)


class InFeatureStore:
    def __init__(self, services: Services, plan: Plan) -> None:
        self.plan = plan
        self.group = services.name("group")
        self.client = services.client("sagemaker-featurestore-runtime", attempts=1)
        names = {value["FeatureName"] for value in record("u", Profile(len(plan.fields)), plan)}
        names |= set(plan.names_of_all)
        definitions = [
            {"FeatureName": name, "FeatureType": "String" if name in TEXTS else "Fractional"}
            for name in sorted(names)
        ]
        properties = {"FeatureGroupName": self.group, "FeatureDefinitions": definitions}
        services.features.add(FeatureGroup.from_properties({**PROPERTIES, **properties}))
        self.profiles = FeatureStoreProfiles(self.client, self.group, plan)

    def put(self, user_id: str, profile: Profile) -> None:
        key = storage_key(self.plan.definitions, self.plan, user_id)
        profile.updated_ms = profile.latest_ms
        self._put(record(key, profile, self.plan))

    def damage(self, user_id: str) -> None:
        values = {
            IDENTIFIER: storage_key(self.plan.definitions, self.plan, user_id),
            EVENT_TIME: "2023-11-14T22:14:20.000Z",
            STATE: base64.b64encode(b"\x91\x01").decode(),
        }
        self._put([{"FeatureName": n, "ValueAsString": text} for n, text in values.items()])

    def _put(self, values: Any) -> None:
        self.client.put_record(FeatureGroupName=self.group, Record=values)
