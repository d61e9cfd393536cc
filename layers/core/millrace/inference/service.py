"""The API as an environment describes it.

Environment: FEATURES_TABLE, FEATURE_STORE (dynamodb, sagemaker or both), FEATURE_GROUP,
CONSISTENT_READ (on or off), DAX_ENDPOINT (empty: none), ENDPOINT_NAME (empty: none),
PREDICT_DEADLINE_MS, INFERENCE_STREAM (empty: none), UNKNOWN_USER (answer or refuse), and
MILLRACE_FEATURES as for enrich.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from millrace.aws import client
from millrace.features.environment import definitions_of, number, one_of, required
from millrace.features.plan import Plan, plans_of
from millrace.features.version import features_version
from millrace.inference.api import RECORD_S, Api
from millrace.inference.call import Clock
from millrace.inference.dynamodb import DynamoDBProfiles
from millrace.inference.model import Model, NoEndpoint
from millrace.inference.profiles import Profiles
from millrace.inference.sagemaker import Endpoint
from millrace.inference.stream import InferenceStream

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

_DEADLINE_MS = 2_500
# The HTTP API itself waits for thirty seconds.
_LEAST_DEADLINE_MS, _MOST_DEADLINE_MS = 100, 29_000
# A store answers in milliseconds or not at all; then it is asked again.
_STORE_S = 1.0


def api(environment: Mapping[str, str]) -> Api:
    """The API for an environment. Raises ConfigurationError, naming the variable."""
    plan = plans_of(definitions_of(environment))[0]
    deadline_ms = _deadline_ms(environment)
    refuse_unknown = one_of(environment, "UNKNOWN_USER", ("answer", "refuse")) == "refuse"
    return Api(
        plan,
        _profiles(environment, plan, deadline_ms / 1000),
        _model(environment, plan, deadline_ms / 1000),
        Clock(lambda: time.time_ns() // 1_000_000, time.monotonic, lambda: str(uuid.uuid4())),
        stream=_stream(environment),
        deadline_ms=deadline_ms,
        refuse_unknown=refuse_unknown,
    )


def _deadline_ms(environment: Mapping[str, str]) -> int:
    if not environment.get("PREDICT_DEADLINE_MS"):
        return _DEADLINE_MS
    return number(environment, "PREDICT_DEADLINE_MS", _LEAST_DEADLINE_MS, _MOST_DEADLINE_MS)


def _profiles(environment: Mapping[str, str], plan: Plan, deadline_s: float) -> Profiles:
    timeout_s = min(_STORE_S, deadline_s / 2)
    if one_of(environment, "FEATURE_STORE", ("dynamodb", "sagemaker", "both")) == "sagemaker":
        from millrace.inference.feature_store import FeatureStoreProfiles

        group = required(environment, "FEATURE_GROUP")
        runtime = client("sagemaker-featurestore-runtime", timeout_s=timeout_s, tries=1)
        return FeatureStoreProfiles(runtime, group, plan)
    table = required(environment, "FEATURES_TABLE")
    consistent = one_of(environment, "CONSISTENT_READ", ("on", "off")) == "on"
    dynamodb = client("dynamodb", timeout_s=timeout_s, tries=1)
    profiles = DynamoDBProfiles(dynamodb, table, plan, consistent=consistent)
    endpoint = environment.get("DAX_ENDPOINT")
    if not endpoint:
        return profiles
    from millrace.dax import dax_client, load
    from millrace.inference.dax import DaxProfiles

    load()

    def connect() -> Profiles:
        # DAX answers a consistent read from the table, and keeps nothing of it.
        return DynamoDBProfiles(dax_client(endpoint), table, plan, consistent=False)

    return DaxProfiles(connect, profiles)


def _model(environment: Mapping[str, str], plan: Plan, deadline_s: float) -> Model:
    name = environment.get("ENDPOINT_NAME")
    if not name:
        return NoEndpoint()
    runtime = client("sagemaker-runtime", timeout_s=deadline_s, tries=1)
    return Endpoint(runtime, name, features_version(plan))


def _stream(environment: Mapping[str, str]) -> InferenceStream | None:
    name = environment.get("INFERENCE_STREAM")
    if not name:
        return None

    def patient() -> KinesisClient:
        return client("kinesis", timeout_s=_STORE_S, tries=1)

    # Every prediction needs the quick one, so it is made at the start.
    return InferenceStream(name, client("kinesis", timeout_s=RECORD_S, tries=1), patient)
