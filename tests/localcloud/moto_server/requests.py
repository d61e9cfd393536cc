"""DynamoDB through both doors: our data plane and moto's own dispatcher, an account each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from localcloud.moto_server.dynamodb import DataPlane
from localcloud.moto_server.wsgi import Dispatcher, Request

REGION = "eu-central-1"
_accounts = itertools.count(100_000_000_000)
_dispatcher = Dispatcher()

Outcome = tuple[int, Any]


def dispatch(account: str, operation: str, request: Mapping[str, Any]) -> Outcome:
    """Status and parsed body of moto's own answer."""
    scope = f"Credential=key/20240102/{REGION}/dynamodb/aws4_request"
    headers = [
        ("host", "127.0.0.1"),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", f"DynamoDB_20120810.{operation}"),
        ("authorization", f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
        ("x-moto-account-id", account),
    ]
    status, _, body = _dispatcher.call(Request("POST", "/", headers, orjson.dumps(request)))
    return status, orjson.loads(body)


@dataclass(slots=True)
class Clock:
    """Seconds that a test sets."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


class Tables:
    """A fresh account with the tables `t` (key id) and `r` (keys id and at)."""

    def __init__(self) -> None:
        self.account = str(next(_accounts))
        self.clock = Clock()
        self.plane = DataPlane(self.account, self.clock)
        self.create("t", "id")
        self.create("r", "id", "at")

    def create(self, table: str, *keys: str) -> None:
        schema = zip(keys, ("HASH", "RANGE"), strict=False)
        kinds = {"id": "S", "at": "N"}
        status, body = dispatch(
            self.account,
            "CreateTable",
            {
                "TableName": table,
                "KeySchema": [{"AttributeName": k, "KeyType": kind} for k, kind in schema],
                "AttributeDefinitions": [
                    {"AttributeName": k, "AttributeType": kinds[k]} for k in keys
                ],
                "BillingMode": "PAY_PER_REQUEST",
            },
        )
        assert status == 200, body

    def call(self, operation: str, **request: Any) -> Any:
        """The parsed body of a successful call through our data plane."""
        answer = self.plane.call(operation, REGION, orjson.dumps(request))
        assert answer.status == 200, answer.body
        return orjson.loads(answer.body)

    def outcome(self, operation: str, request: Mapping[str, Any]) -> Outcome:
        """Status and parsed body through our data plane."""
        answer = self.plane.call(operation, REGION, orjson.dumps(request))
        return answer.status, orjson.loads(answer.body)

    def capacity(self, operation: str, **request: Any) -> str:
        """What the gateway is told: units read and written."""
        answer = self.plane.call(operation, REGION, orjson.dumps(request))
        return answer.headers.get("x-localcloud-capacity", "")

    def scan(self, table: str = "t") -> list[Any]:
        """All items, in a stable order."""
        items = self.call("Scan", TableName=table)["Items"]
        return sorted(items, key=lambda item: orjson.dumps(item, option=orjson.OPT_SORT_KEYS))
