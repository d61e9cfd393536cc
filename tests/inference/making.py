"""Requests as API Gateway sends them, and fakes of everything that the API talks to."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from millrace.errors import MillraceError
from millrace.events import LATEST_MS, EventReader
from millrace.features.definitions_parser import parse
from millrace.features.fold import fold
from millrace.features.packing import pack
from millrace.features.plan import Plan, plans_of
from millrace.features.profile import Profile
from millrace.features.version import features_version
from millrace.inference.api import Api, Outcome
from millrace.inference.call import Call, Clock
from millrace.inference.contract import ModelAnswer, model_answer
from millrace.inference.profiles import Found, MemoryProfiles

from tests.features.conftest import SHIPPED
from tests.features.streaming import START_MS, document

NOW_MS = START_MS + 60_000
IDENTITY = "6f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0"

Event = dict[str, Any]


def shipped_plan() -> Plan:
    """The plan of the features.toml that is shipped."""
    return plans_of(parse(SHIPPED.read_text(encoding="utf-8")))[0]


def request(route: str, body: object = None, *, user: str | None = None, **headers: str) -> Event:
    """The event of a request; a body that is not bytes is written as JSON."""
    method, _, path = route.partition(" ")
    sent = {"host": "api.example", "content-type": "application/json"}
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    event: Event = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {name: value for name, value in sent.items() if value},
        "requestContext": {
            "http": {"method": method, "path": path},
            "requestId": "aBcDeFgHiJkLmNo=",
            "routeKey": route,
        },
        "isBase64Encoded": False,
    }
    if isinstance(body, bytes):
        event["body"] = base64.b64encode(body).decode()
        event["isBase64Encoded"] = True
    elif body is not None:
        event["body"] = json.dumps(body)
    if user is not None:
        event["pathParameters"] = {"userId": user}
    return event


def predict(user: object = "u1", given: object = None, **headers: str) -> Event:
    """A request for a prediction."""
    return request("POST /predict", {"userId": user, "input": given}, **headers)


def profile(plan: Plan, documents: Sequence[Mapping[str, Any]]) -> Profile:
    """The profile after some events."""
    reader = EventReader(plan.definitions)
    events = [reader.from_document(dict(one), LATEST_MS) for one in documents]
    return fold(Profile(len(plan.fields)), events, plan)[0]


class FakeProfiles(MemoryProfiles):
    """Profiles in memory that fail, or hang, when a test says so."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.trouble: Callable[[], object] = lambda: None

    def one(self, user_id: str, call: Call) -> Profile | None:
        self.trouble()
        return super().one(user_id, call)

    def many(self, user_ids: Sequence[str], call: Call) -> Mapping[str, Found]:
        self.trouble()
        return super().many(user_ids, call)


@dataclass
class FakeModel:
    """A model that answers what a test says, and remembers what it was asked."""

    version: str
    answer: bytes = b'{"score":0.25}'
    content_type: str = "application/json"
    attributes: str = "model-version=7"
    trouble: Callable[[], object] = lambda: None
    asked: list[bytes] = field(default_factory=list)
    name: str = "shop-model"

    def ask(self, payload: bytes, prediction_id: str, call: Call) -> ModelAnswer:
        self.asked.append(payload)
        self.trouble()
        return model_answer(
            self.answer, self.content_type, self.attributes, "AllTraffic", self.version
        )


class FakeStream:
    """A stream that keeps its records, or fails, or hangs."""

    def __init__(self) -> None:
        self.trouble: Callable[[], object] = lambda: None
        self.put: list[tuple[str, dict[str, Any]]] = []

    def record(self, data: bytes, partition_key: str, call: Call) -> None:
        self.trouble()
        self.put.append((partition_key, orjson.loads(data)))

    def feedback(self, data: bytes, partition_key: str, call: Call) -> None:
        self.record(data, partition_key, call)


def raising(error: MillraceError) -> Callable[[], object]:
    """Trouble that is an error."""

    def trouble() -> object:
        raise error

    return trouble


def hanging(seconds: float = 5.0) -> Callable[[], object]:
    """Trouble that is silence."""
    return lambda: time.sleep(seconds)


class Bench:
    """An API with fakes around it, and a user u1 with three events."""

    def __init__(self, *, with_stream: bool = True, **more: Any) -> None:
        self.plan = shipped_plan()
        self.version = features_version(self.plan)
        self.profiles = FakeProfiles(self.plan)
        self.model = FakeModel(self.version)
        self.stream = FakeStream()
        self.now_ms = NOW_MS
        self.know("u1", [document(1), document(2, eventType="buy"), document(3, metric=2.5)])
        identities = itertools.chain([IDENTITY], (str(UUID(int=n)) for n in itertools.count(1)))
        self.api = Api(
            self.plan,
            self.profiles,
            self.model,
            Clock(lambda: self.now_ms, time.monotonic, lambda: next(identities)),
            stream=self.stream if with_stream else None,
            **more,
        )

    def know(self, user: str, documents: Sequence[Mapping[str, Any]]) -> None:
        """Let a user have a profile of these events."""
        self.profiles.states[user] = pack(profile(self.plan, documents), self.plan)

    def run(self, event: object, remaining_ms: int | None = None) -> Outcome:
        """The outcome of a request."""
        return self.api.handle(event, remaining_ms)

    def ask(self, event: object) -> tuple[int, Any]:
        """Status and body of the answer to a request."""
        outcome = self.run(event)
        return outcome.answer["statusCode"], json.loads(outcome.answer["body"])


def measured(outcome: Outcome, name: str) -> list[float]:
    """The values of one measure."""
    return [measure.value for measure in outcome.measures if measure.name == name]
