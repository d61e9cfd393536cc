"""Predictions while the endpoint is down, DynamoDB throttles and workers are killed.

Events stream and predictions are asked for all the while. Whatever goes wrong, an answer is either
the model's own, on features that stood at its time, or an error that says when to come again; and
when nothing goes wrong any more, every answer is a prediction.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import pytest
from millrace.features.definitions import load
from millrace.features.replay import Record

from localcloud.cloud import LocalCloud, Options, running
from localcloud.demo.asking import Asked, Done
from localcloud.demo.checking import Check, check
from localcloud.demo.shop import Shop
from localcloud.demo.traffic import puts
from localcloud.faults.plan import Drop, Fail, FaultPlan, Rule, When
from localcloud.kinesis.producing import NewRecord
from model.invocation import answer as model_answer
from model.loading import Model, load_model
from model.packaging import archive
from model.rows import labelled
from model.training import train
from tests.features.conftest import SHIPPED
from tests.localcloud.signing import signed
from tests.model.shop import PURCHASE
from tests.model.shop import events as shop_events
from tests.model.unpacking import unpacked

ROOT = Path(__file__).parents[2]
SEED = 11
ASKERS = 3
PATIENCE_S = 30
# How long it may take until every kind of trouble has been felt: the machine's matter.
TROUBLE_S = 90
RUNTIME = "sagemaker-runtime"
PARAMETERS = {
    "EndpointMode": "create",
    "EndpointType": "instances",
    "ModelImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/millrace-model:1",
    "ModelDataUrl": "s3://models/model.tar.gz",
}
THROTTLED = Fail("ProvisionedThroughputExceededException", 400, "chaos")
# The n-th call of an operation meets the same fault at every run.
THROTTLES = FaultPlan(SEED, (Rule("dynamodb", "*Item", THROTTLED, probability=0.7),))
SLOW = FaultPlan(SEED, (Rule(RUNTIME, latency_ms=(300, 600)),))
EVERYTHING = FaultPlan(
    SEED,
    (
        Rule(RUNTIME, effect=Fail("ThrottlingException", 400, "chaos"), probability=0.2),
        Rule(RUNTIME, effect=Drop(), when=When.AFTER, probability=0.2),
        Rule(RUNTIME, latency_ms=(3_000, 3_000), probability=0.2),
        Rule("dynamodb", "*Item", THROTTLED, probability=0.5),
        Rule("dynamodb", "GetItem", Drop(), probability=0.1),
    ),
)


@dataclass(slots=True)
class Asking:
    """Those who ask: what they asked, and every answer as it came."""

    cloud: LocalCloud
    done: Done
    asked: list[Asked] = field(default_factory=list)
    answers: list[httpx.Response] = field(default_factory=list)
    stopped: bool = False

    async def run(self, number: int) -> None:
        """Ask until it is stopped, on users of whom something has been processed."""
        rng = random.Random(f"{SEED}/{number}")
        async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
            while not self.stopped:
                await asyncio.sleep(0.02)
                if self.done.upto:
                    await self._ask(client, rng.choice(sorted(self.done.upto)))

    async def _ask(self, client: httpx.AsyncClient, user: str) -> None:
        url, now_ms = self.cloud.output("PredictUrl"), self.cloud.clock.now_ms
        body = orjson.dumps({"userId": user, "input": {}})
        upto, began_ms = self.done.upto.get(user, 0), now_ms()
        answer = await client.post(url, content=body, headers=signed("POST", url, body))
        ended_ms, ok = now_ms(), answer.status_code == httpx.codes.OK
        found = orjson.loads(answer.content) if ok else None
        took_ms, status = float(ended_ms - began_ms), answer.status_code
        self.asked.append(Asked(user, began_ms, ended_ms, upto, took_ms, status, found))
        self.answers.append(answer)

    async def hear(self, times: int, *wanted: str | int) -> None:
        """Wait until each of these statuses or errors has been heard so often from now on."""
        since = len(self.answers)
        async with asyncio.timeout(TROUBLE_S):
            while True:
                heard = Counter(map(_kind, self.answers[since:]))
                if all(heard[kind] >= times for kind in wanted):
                    return
                await asyncio.sleep(0.02)


def _kind(answer: httpx.Response) -> str | int:
    """The error's code, or the status where there is none."""
    code: str | int = orjson.loads(answer.content).get("error", answer.status_code)
    return code


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's package, and beside it what is in it."""
    folder = tmp_path_factory.mktemp("model")
    history = (Record(event) for event in shop_events(a_day=600))
    trained = train(labelled(history, load(SHIPPED), PURCHASE), load(SHIPPED), PURCHASE, "a shop")
    packed = archive(trained.contract, trained.model)
    unpacked(packed, folder)
    path = folder / "model.tar.gz"
    path.write_bytes(packed)
    return path


def test_no_answer_is_made_up_whatever_goes_wrong(tmp_path: Path, package: Path) -> None:
    asking, killed, checked = asyncio.run(_storm(tmp_path, package))
    model = load_model(package.parent)
    heard = Counter(answer.status_code for answer in asking.answers)
    assert heard.keys() <= {200, 500, 502, 503, 504}
    # Lambda's callers hear of a worker that died; nobody else does.
    assert 1 <= heard[500] <= killed
    for answer in asking.answers:
        _check_answer(answer, model)
    assert checked.wrong == []
    assert checked.exact
    assert checked.predictions.wrong == []
    assert checked.predictions.answered == heard[200]


def _check_answer(answer: httpx.Response, model: Model) -> None:
    found = orjson.loads(answer.content)
    if answer.status_code == httpx.codes.OK:
        given = {"userId": found["userId"], "features": found["features"], "input": {}}
        assert found["prediction"] == model_answer(orjson.dumps(given), model)
        return
    assert "prediction" not in found
    if answer.status_code in (503, 504):
        assert int(answer.headers["retry-after"]) >= 1


async def _storm(folder: Path, package: Path) -> tuple[Asking, int, Check]:
    options = Options(
        ROOT,
        folder,
        parameters=PARAMETERS,
        objects={"models/model.tar.gz": package},
        seed=SEED,
    )
    async with running(options) as cloud:
        asking = Asking(cloud, Done())
        cloud.lag.on_done = asking.done.see
        async with asyncio.TaskGroup() as group:
            group.create_task(_events(asking))
            for number in range(ASKERS):
                group.create_task(asking.run(number))
            killed = await _one_after_another(asking)
            asking.stopped = True
        await cloud.caught_up()
        struck = {(one.service, one.fault) for one in cloud.injector.injected()}
        assert ("dynamodb", f"{THROTTLED}, before") in struck
        assert (RUNTIME, f"{Drop()}, after") in struck
        assert cloud.mappings[0].snapshot().redelivered > 0, "enrich was struck, too"
        return asking, killed, await check(cloud, load(SHIPPED), asked=asking.asked)


async def _events(asking: Asking) -> None:
    """Events onto the stream, each when it happens, for as long as somebody asks."""
    cloud = asking.cloud
    live = Shop(SEED, rate=40).live(cloud.clock.now_ms(), seconds=3_600)
    for put in puts(live, load(SHIPPED)):
        while put.due_ms > cloud.clock.now_ms():
            await asyncio.sleep(0.02)
        if asking.stopped:
            return
        record = NewRecord(put.partition_key, put.data)
        cloud.kinesis.put_records(cloud.output("StreamName"), [record])


async def _one_after_another(asking: Asking) -> int:
    """Everything that can go wrong, each until it has been felt; how many workers were killed."""
    cloud, injector = asking.cloud, asking.cloud.injector
    await asking.hear(10, 200)

    injector.down(RUNTIME)
    await asking.hear(10, "endpoint-unavailable")
    injector.up(RUNTIME)

    injector.use(THROTTLES)
    await asking.hear(10, "features-throttled", 200)

    injector.use(SLOW)
    killed = await _kill_workers(asking)
    assert await _kill_model(asking) >= 1

    injector.use(EVERYTHING)
    await asking.hear(3, "endpoint-throttled", "features-throttled", "too-slow", 200)

    injector.use(FaultPlan())
    healed_ms = cloud.clock.now_ms()
    await asking.hear(30, 200)
    assert {one.status for one in asking.asked if one.began_ms > healed_ms} == {200}
    return killed


async def _kill_model(asking: Asking) -> int:
    """Kill the model's server until those who asked have heard of it; how often.

    It is back within half a second, in which it may be that nobody's question reaches it.
    """
    cloud, killed, since = asking.cloud, 0, len(asking.answers)
    name = cloud.stack.endpoints[0].name
    async with asyncio.timeout(TROUBLE_S):
        while "model-error" not in map(_kind, asking.answers[since:]):
            killed += cloud.endpoints.kill(name) is not None
            await asyncio.sleep(0.1)
    return killed


async def _kill_workers(asking: Asking) -> int:
    """Kill workers of predict in mid-call until those who asked have heard of it."""
    cloud, killed = asking.cloud, 0
    name = cloud.output("PredictFunctionName")
    async with asyncio.timeout(TROUBLE_S):
        while not any(one.status == 500 for one in asking.asked):
            killed += cloud.pool.kill(name) is not None
            await asyncio.sleep(0.1)
    return killed
