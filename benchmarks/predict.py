"""POST /predict inside the handler, beside the tutorial's own predict(): processor time a call.

Two comparisons. *On top*: both with stand-ins for one GetItem and one InvokeEndpoint that cost
nothing, so what is left is what each does itself; the tutorial's does nothing with the features,
while ours decodes them, works every window out as of now, checks the request and the answer, and
holds a deadline. *Whole*: both with boto3's real clients, whose requests are answered in place
before they reach a socket; the tutorial uses a DynamoDB resource, as it is written.
"""

from __future__ import annotations

import base64
import io
import json
import os
import random
import time
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeAlias

import boto3
import orjson
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from millrace.events import EventReader
from millrace.features.definitions import load
from millrace.features.dynamodb import to_wire
from millrace.features.entry import Entry
from millrace.features.fold import fold
from millrace.features.item import to_item
from millrace.features.plan import Plan, plans_of
from millrace.features.profile import Profile
from millrace.features.version import features_version
from millrace.inference.api import Api
from millrace.inference.call import Clock
from millrace.inference.dynamodb import DynamoDBProfiles
from millrace.inference.sagemaker import Endpoint

from benchmarks.figures import Figure, Measured, at_most
from benchmarks.traffic import START_MS, document

FEATURES = Path(__file__).parents[1] / "features.toml"
TARGET_MS = 1.0
USER, TABLE, ENDPOINT = "user-1", "features", "shop-model"
_ANSWER = b'{"score":0.42}'
_INPUT = {"page": "checkout", "basket": 3}
_DAY_MS = 86_400_000
_NOW_MS = START_MS + _DAY_MS
# What the tutorial's table holds.
_TUTORIALS = ("userId", "lastTimestamp", "count", "lastMetric")


# boto3's clients and tables, and what stands in for them.
Client: TypeAlias = Any


class Times(NamedTuple):
    """Milliseconds of processor time a call, of ours and of the tutorial's."""

    ours: float
    tutorial: float


# ---- a user -----------------------------------------------------------------------------------


def plan_of(features: Path) -> Plan:
    """The first entity's plan of a features.toml."""
    return plans_of(load(features))[0]


def stored(plan: Plan, events: int, span_ms: int) -> dict[str, Any]:
    """The item of a user with so many events, evenly up to now, as DynamoDB hands it over."""
    rng = random.Random(7)  # noqa: S311  traffic, not a secret
    reader = EventReader(plan.definitions)
    profile = Profile(len(plan.fields))
    for number in range(events):
        time_ms = _NOW_MS - span_ms + span_ms * number // events
        event = reader.from_document(document(USER, time_ms, rng), time_ms)
        profile, _ = fold(profile, [event], plan)
    return to_wire(to_item(USER, Entry(profile, version=events), plan, 0))


# ---- stand-ins --------------------------------------------------------------------------------


class FreeDynamoDB:
    """A client that answers at once: the whole item, or what was asked for of it."""

    def __init__(self, item: Mapping[str, Any]) -> None:
        self._state = {"Item": {"state": item["state"]}}

    def get_item(self, **_: object) -> Mapping[str, Any]:
        """GetItem of the state."""
        return self._state


class FreeRuntime:
    """An endpoint that answers at once."""

    def invoke_endpoint(self, **_: object) -> Mapping[str, Any]:
        """InvokeEndpoint."""
        return {
            "Body": io.BytesIO(_ANSWER),
            "ContentType": "application/json",
            "InvokedProductionVariant": "AllTraffic",
            "CustomAttributes": "model-version=1",
        }


class FreeTable:
    """A table of a DynamoDB resource that answers at once."""

    def __init__(self, item: Mapping[str, Any]) -> None:
        kept = {name: _resource_value(item[name]) for name in _TUTORIALS}
        self._item = {"Item": kept}

    def get_item(self, **_: object) -> Mapping[str, Any]:
        """GetItem."""
        return self._item


def _resource_value(typed: Mapping[str, Any]) -> object:
    ((kind, value),) = typed.items()
    return Decimal(value) if kind == "N" else value


class _Raw(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self, **_: object) -> Any:  # noqa: ANN401  as urllib3 has it
        yield self.read()


def _answering(client: Client, service: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Let a real client's requests be answered in place, just before they would be sent."""

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        sent = HTTPHeaders.from_dict({"content-length": str(len(body)), **headers})
        return AWSResponse(request.url, 200, sent, _Raw(body))

    client.meta.events.register(f"before-send.{service}.*", answer)


def _dynamodb_answer(item: Mapping[str, Any]) -> bytes:
    def plain(value: object) -> str:
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        raise TypeError

    return orjson.dumps({"Item": item}, default=plain)


# ---- the two ----------------------------------------------------------------------------------


def tutorial(table: Client, runtime: Client) -> Callable[[], object]:
    """The tutorial's predict(), with the one change without which it raises on its own item.

    Its json.dumps refuses the Decimal that a resource gives.
    """

    def predict(user_id: str, extra_input: object) -> object:
        user_features = table.get_item(Key={"userId": user_id}).get("Item")
        payload = {"userId": user_id, "features": user_features, "input": extra_input}
        response = runtime.invoke_endpoint(
            EndpointName=ENDPOINT,
            ContentType="application/json",
            Body=json.dumps(payload, default=str),
        )
        return json.loads(response["Body"].read())

    return lambda: predict(USER, _INPUT)


def ours(plan: Plan, dynamodb: Client, runtime: Client) -> Callable[[], object]:
    """The handler's work, from the event to the answer."""
    version = features_version(plan)
    api = Api(
        plan,
        DynamoDBProfiles(dynamodb, TABLE, plan),
        Endpoint(runtime, ENDPOINT, version),
        Clock(lambda: _NOW_MS, time.monotonic, lambda: str(uuid.uuid4())),
    )
    event = {
        "version": "2.0",
        "routeKey": "POST /predict",
        "headers": {"content-type": "application/json", "host": "api.example"},
        "requestContext": {"requestId": "aBcDeFgHiJkLmNo="},
        "body": json.dumps({"userId": USER, "input": _INPUT}),
        "isBase64Encoded": False,
    }

    def predict() -> object:
        answer = api.handle(event, 30_000).answer
        if answer["statusCode"] != 200:
            raise RuntimeError(answer["body"])
        return answer

    return predict


# ---- measuring --------------------------------------------------------------------------------


def on_top(plan: Plan, item: Mapping[str, Any], calls: int) -> Times:
    """Both with stand-ins that cost nothing."""
    return _measured(
        ours(plan, FreeDynamoDB(item), FreeRuntime()),
        tutorial(FreeTable(item), FreeRuntime()),
        calls,
    )


def whole(plan: Plan, item: Mapping[str, Any], calls: int) -> Times:
    """Both with boto3's clients, whose requests are answered in place."""
    session = _session()
    dynamodb, runtime = session.client("dynamodb"), session.client("sagemaker-runtime")
    table = session.resource("dynamodb").Table(TABLE)
    json_type = {"content-type": "application/x-amz-json-1.0"}
    _answering(dynamodb, "dynamodb", _dynamodb_answer({"state": item["state"]}), json_type)
    its_item = {name: item[name] for name in _TUTORIALS}
    _answering(table.meta.client, "dynamodb", _dynamodb_answer(its_item), json_type)
    _answering(runtime, "sagemaker-runtime", _ANSWER, {"content-type": "application/json"})
    return _measured(ours(plan, dynamodb, runtime), tutorial(table, runtime), calls)


def _session() -> boto3.Session:
    return boto3.Session(
        "AKIDLOCAL", "secret", region_name=os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    )


def _measured(one: Callable[[], object], other: Callable[[], object], calls: int) -> Times:
    """The median of each; their calls take turns, so that the machine treats both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(calls // 10):
        one()
        other()
    for _ in range(calls):
        for call, taken in zip((one, other), times, strict=True):
            begun_s = time.process_time()
            call()
            taken.append((time.process_time() - begun_s) * 1000)
    return Times(median(times[0]), median(times[1]))


def measure(calls: int = 3_000) -> Measured:
    """Every figure: a user of thirty events a day, and one of five events a second."""
    plan = plan_of(FEATURES)
    quiet = stored(plan, 30, _DAY_MS)
    busy = stored(plan, 20_000, 4_000_000)
    return Measured(
        [
            _figure("predict, on top, p50", on_top(plan, quiet, calls), TARGET_MS),
            _figure("predict, on top, busy user, p50", on_top(plan, busy, calls // 3), TARGET_MS),
            _figure("predict, with boto3's clients, p50", whole(plan, quiet, calls // 5), None),
        ],
        ["On top of one GetItem and one InvokeEndpoint; the tutorial's does only JSON there."],
    )


def _figure(name: str, times: Times, target: float | None) -> Figure:
    return at_most(name, times.ours, "ms CPU", target, ("tutorial's predict()", times.tutorial))
