"""Profiles out of a SageMaker feature group, from the state that each record carries."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from millrace.aws import unavailable
from millrace.errors import MillraceError, Unavailable, UnreadableState
from millrace.features.entry import storage_key
from millrace.features.feature_store import IDENTIFIER, STATE
from millrace.features.packing import unpack_for_reading
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.inference.call import Call
from millrace.inference.profiles import Found, unpacked
from millrace.inference.trying import tried

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_featurestore_runtime import SageMakerFeatureStoreRuntimeClient


class FeatureStoreProfiles:
    """Reads a feature group's online store."""

    def __init__(self, client: SageMakerFeatureStoreRuntimeClient, group: str, plan: Plan) -> None:
        self._client = client
        self._group = group
        self._plan = plan

    def one(self, user_id: str, call: Call) -> Profile | None:
        """See Profiles: one GetRecord."""
        key = self._key(user_id)
        answer = tried(
            call,
            lambda: self._client.get_record(
                FeatureGroupName=self._group,
                RecordIdentifierValueAsString=key,
                FeatureNames=[STATE],
            ),
            self._failed,
        )
        state = _state(answer.get("Record", ()), key)
        return None if state is None else unpack_for_reading(state, self._plan)

    def many(self, user_ids: Sequence[str], call: Call) -> Mapping[str, Found]:
        """See Profiles: one BatchGetRecord."""
        keys = {self._key(user_id): user_id for user_id in user_ids}
        answer: Any = tried(
            call,
            lambda: self._client.batch_get_record(
                Identifiers=[
                    {
                        "FeatureGroupName": self._group,
                        "RecordIdentifiersValueAsString": list(keys),
                        "FeatureNames": [IDENTIFIER, STATE],
                    }
                ]
            ),
            self._failed,
        )
        unread = [*answer["Errors"], *answer["UnprocessedIdentifiers"]]
        if unread:
            raise Unavailable(f"{self._group} left users unread: {unread[0]!r:.300}")
        found: dict[str, Found] = dict.fromkeys(user_ids)
        for record in answer["Records"]:
            key = record["RecordIdentifierValueAsString"]
            found[keys[key]] = self._found(record["Record"], key)
        return found

    def _found(self, record: Sequence[Mapping[str, Any]], key: str) -> Found:
        try:
            return unpacked(_state(record, key), self._plan)
        except UnreadableState as error:
            return error

    def _key(self, user_id: str) -> str:
        return storage_key(self._plan.definitions, self._plan, user_id)

    def _failed(self, error: Exception) -> MillraceError:
        where = self._client.meta.endpoint_url
        return unavailable(f"get a record of {self._group}", error, where)


def _state(record: Sequence[Mapping[str, Any]], key: str) -> bytes | None:
    for value in record:
        if value["FeatureName"] == STATE:
            try:
                return base64.b64decode(value.get("ValueAsString", ""), validate=True)
            except ValueError as error:
                raise UnreadableState(f"{STATE} of {key!r} is not base64: {error}") from error
    return None
