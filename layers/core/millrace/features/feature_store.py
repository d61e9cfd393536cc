"""Features in SageMaker Feature Store: a sink, and a reader.

A record replaces the whole record of its user, and the online store takes it only when its event
time is newer; so `updatedAt` is the profile's `updated_ms`, which rises with every change. Every
feature stands there as of that time. Windows go on ageing after it, which a stored number cannot:
therefore the record also carries the packed state (`millraceState`), and `read` works the features
out from it as of now. Whoever reads the plain features sees them as of `updatedAt`.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from millrace.aws import PARALLEL, code_of, unavailable
from millrace.errors import Unavailable, UnreadableState
from millrace.features.item import iso_ms
from millrace.features.packing import pack, unpack_for_reading
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.features.sinks import Followed
from millrace.features.snapshot import Features, snapshot

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_featurestore_runtime import SageMakerFeatureStoreRuntimeClient
    from mypy_boto3_sagemaker_featurestore_runtime.type_defs import FeatureValueTypeDef

_REMEDY = (
    "A group's features are fixed when it is made: after a change of features.toml run"
    " scripts/feature-group, and deploy."
)
IDENTIFIER, EVENT_TIME, STATE, TYPES = "userId", "updatedAt", "millraceState", "types"


def record(storage: str, profile: Profile, plan: Plan) -> list[FeatureValueTypeDef]:
    """The record of a profile: features as of its last change, and its state.

    Features that hold nothing are left out, as a feature value cannot be null.
    """
    features = snapshot(profile, plan, profile.updated_ms)
    by_type: dict[str, dict[str, float | int | None]] = {}
    values = {
        IDENTIFIER: storage,
        EVENT_TIME: iso_ms(profile.updated_ms),
        STATE: base64.b64encode(pack(profile, plan)).decode(),
    }
    for name, value in features.items():
        base, _, event_type = name.partition(".")
        if event_type:
            by_type.setdefault(event_type, {})[base] = value
        elif value is not None:
            values[base] = repr(value)
    values[TYPES] = orjson.dumps(by_type).decode()
    return [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]


class FeatureStoreSink:
    """Writes the first entity's profiles to a feature group."""

    parallel = PARALLEL

    def __init__(self, client: SageMakerFeatureStoreRuntimeClient, group: str) -> None:
        self._client = client
        self._group = group

    def take(self, followed: Followed) -> None:
        """See KeySink."""
        profile = followed.entry.profile
        if followed.plan.index or not profile.accepted:
            return
        values = record(followed.storage, profile, followed.plan)
        try:
            self._client.put_record(FeatureGroupName=self._group, Record=values)
        except (ClientError, BotoCoreError) as error:
            action = f"put a record into {self._group}"
            if code_of(error) == "ValidationError":
                # The place is there, and goes on refusing until a person acts.
                raise Unavailable(f"Cannot {action}: {error}. {_REMEDY}") from error
            raise unavailable(action, error, self._client.meta.endpoint_url) from error

    def read(self, storage: str, plan: Plan, at_ms: int) -> Features | None:
        """A user's features as of `at_ms`, from the record's state; None where there is none.

        Raises Unavailable and UnreadableState.
        """
        try:
            answer = self._client.get_record(
                FeatureGroupName=self._group,
                RecordIdentifierValueAsString=storage,
                FeatureNames=[STATE],
            )
        except (ClientError, BotoCoreError) as error:
            where = self._client.meta.endpoint_url
            raise unavailable(f"get a record of {self._group}", error, where) from error
        values = {value["FeatureName"]: value for value in answer.get("Record", ())}
        if STATE not in values:
            return None
        coded = values[STATE].get("ValueAsString", "")
        try:
            state = base64.b64decode(coded, validate=True)
        except ValueError as error:
            raise UnreadableState(f"{STATE} of {storage!r} is not base64: {error}") from error
        return snapshot(unpack_for_reading(state, plan), plan, at_ms)
