"""Predictions while the stream runs: an application that asks over HTTP, as any would."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.cloud import REGION
from localcloud.lag import Lag

_TIMEOUT_S = 30
_CREDENTIALS = Credentials("local", "local")  # what stands in for AWS asks only for a signature


class Asked(NamedTuple):
    """A prediction that was asked for: by whom, when (ms since the epoch), and what came.

    `done_upto` is the highest sequence number of the user's records that had been processed before
    the request was made: the answer must know at least those. `answer` is None without a 200.
    """

    user: str
    began_ms: int
    ended_ms: int
    done_upto: int
    took_ms: float
    status: int
    answer: Mapping[str, Any] | None


@dataclass(slots=True)
class Done:
    """How far each partition key's records have been processed."""

    upto: dict[str, int] = field(default_factory=dict)

    def see(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Take the records (as Lambda hands them over) of a batch that has been processed."""
        for record in records:
            kinesis = record["kinesis"]
            key, number = kinesis["partitionKey"], int(kinesis["sequenceNumber"])
            self.upto[key] = max(number, self.upto.get(key, 0))


@dataclass(slots=True)
class Asker:
    """Asks for predictions on users of whom something has been processed, at an even pace.

    `signed` requests carry a signature, as an API with IAM authorisation wants it.
    """

    url: str
    rate: float
    seed: int
    done: Done
    now_ms: Callable[[], int]
    signed: bool = False
    asked: list[Asked] = field(default_factory=list)
    _stopped: bool = False

    @property
    def lag(self) -> Lag:
        """How long answers with a prediction took."""
        return Lag.of(one.took_ms for one in self.asked if one.answer is not None)

    async def warm(self) -> None:
        """Ask once and forget it: the first request waits for a function to start."""
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
            await self._ask(client, next(iter(self.done.upto), "nobody"))
        self.asked.clear()

    def stop(self) -> None:
        """Ask no more; `run` ends with the answer that it waits for."""
        self._stopped = True

    async def run(self) -> None:
        """Ask until it is stopped."""
        rng = random.Random(f"{self.seed}/asking")  # noqa: S311  a demo, not a secret
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
            while not self._stopped:
                await asyncio.sleep(1 / self.rate)
                if self.done.upto:
                    await self._ask(client, rng.choice(list(self.done.upto)))

    async def _ask(self, client: httpx.AsyncClient, user: str) -> None:
        body = orjson.dumps({"userId": user, "input": {"page": "home"}})
        upto, began_ms, began_s = self.done.upto.get(user, 0), self.now_ms(), time.perf_counter()
        try:
            response = await client.post(self.url, content=body, headers=self._headers(body))
        except httpx.HTTPError:
            status, answer = 0, None
        else:
            status = response.status_code
            answer = orjson.loads(response.content) if status == httpx.codes.OK else None
        took_ms = (time.perf_counter() - began_s) * 1000
        self.asked.append(Asked(user, began_ms, self.now_ms(), upto, took_ms, status, answer))

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        if not self.signed:
            return headers
        request = AWSRequest("POST", self.url, headers=headers, data=body)
        SigV4Auth(_CREDENTIALS, "execute-api", REGION).add_auth(request)
        return dict(request.headers.items())
