"""Profiles out of the features table: one item, and of it only the state."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from millrace.aws import unavailable
from millrace.errors import MillraceError, Unavailable, UnreadableState
from millrace.features.entry import storage_key
from millrace.features.packing import unpack_for_reading
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.inference.call import Call
from millrace.inference.profiles import Found, unpacked
from millrace.inference.trying import tried

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = "userId"
_STATE = "state"
# The word is reserved in expressions.
_NAMES = {"#state": _STATE}
_ROUNDS = 4
_PAUSE_S = 0.02


class DynamoDBProfiles:
    """Reads the table whose partition key is `userId`.

    A `consistent` read sees every write that was answered before it, and costs a whole read unit
    for each 4 KB; one that is not costs half, and may be some milliseconds behind.
    """

    def __init__(
        self, dynamodb: DynamoDBClient, table: str, plan: Plan, *, consistent: bool = True
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._plan = plan
        self._consistent = consistent

    def one(self, user_id: str, call: Call) -> Profile | None:
        """See Profiles: one GetItem."""
        key = self._key(user_id)
        answer = tried(
            call,
            lambda: self._dynamodb.get_item(
                TableName=self._table,
                Key={KEY: {"S": key}},
                ConsistentRead=self._consistent,
                ProjectionExpression="#state",
                ExpressionAttributeNames=_NAMES,
            ),
            self._failed,
        )
        item = answer.get("Item")
        return None if item is None else unpack_for_reading(_state(item, key), self._plan)

    def many(self, user_ids: Sequence[str], call: Call) -> Mapping[str, Found]:
        """See Profiles: one BatchGetItem, and further ones for what it leaves unread."""
        keys = {self._key(user_id): user_id for user_id in user_ids}
        found: dict[str, Found] = dict.fromkeys(user_ids)
        wanted: Any = {
            self._table: {
                "Keys": [{KEY: {"S": key}} for key in keys],
                "ConsistentRead": self._consistent,
                "ProjectionExpression": f"{KEY}, #state",
                "ExpressionAttributeNames": _NAMES,
            }
        }
        for round_ in range(_ROUNDS):
            if round_:
                time.sleep(_PAUSE_S * 2**round_)
            answer = tried(call, partial(self._batch, wanted), self._failed)
            for item in answer["Responses"].get(self._table, ()):
                key = item[KEY]["S"]
                found[keys[key]] = self._found(item, key)
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
        left = len(wanted[self._table]["Keys"])
        raise Unavailable(f"DynamoDB left {left} keys of {self._table} unread.")

    def _batch(self, wanted: Any) -> Any:  # noqa: ANN401  boto3's own types are not for repeats
        return self._dynamodb.batch_get_item(RequestItems=wanted)

    def _found(self, item: Mapping[str, Any], key: str) -> Found:
        try:
            return unpacked(_state(item, key), self._plan)
        except UnreadableState as error:
            return error

    def _key(self, user_id: str) -> str:
        return storage_key(self._plan.definitions, self._plan, user_id)

    def _failed(self, error: Exception) -> MillraceError:
        where = self._dynamodb.meta.endpoint_url
        return unavailable(f"read features in {self._table}", error, where)


def _state(item: Mapping[str, Any], key: str) -> bytes:
    state = item.get(_STATE, {}).get("B")
    if not isinstance(state, bytes):
        raise UnreadableState(f"the item of {key!r} has no state: Millrace did not write it")
    return state
