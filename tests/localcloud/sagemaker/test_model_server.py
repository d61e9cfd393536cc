"""The model server of model/ behind InvokeEndpoint: a model that was trained, asked by boto3."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from millrace.errors import ModelMismatch
from millrace.features.definitions import load
from millrace.features.replay import Record
from millrace.inference.call import Call
from millrace.inference.contract import ModelAnswer
from millrace.inference.sagemaker import Endpoint

from localcloud.assembly import model_server
from model.contract import Contract
from model.packaging import archive
from model.rows import labelled
from model.training import train
from tests.features.conftest import SHIPPED
from tests.localcloud.running import Running, running
from tests.localcloud.sagemaker.serving_endpoints import Served, endpoint, served
from tests.model.shop import PURCHASE, events

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Contract, Running[Served]]]:
    """The endpoint `shop`, and the contract of its model."""
    history = (Record(event) for event in events(a_day=600))
    rows = labelled(history, load(SHIPPED), PURCHASE)
    trained = train(rows, load(SHIPPED), PURCHASE, "a test's shop")
    spec = endpoint("shop", package=archive(trained.contract, trained.model))
    program = model_server(ROOT, None, "http://127.0.0.1:9", "us-east-1")
    folder = tmp_path_factory.mktemp("shop")
    with running(lambda: served(folder, spec, program=program)) as cloud:
        yield trained.contract, cloud


def ask(cloud: Running[Served], body: Any, attributes: str, **options: Any) -> Any:
    return cloud.value.client().invoke_endpoint(
        **{
            "EndpointName": "shop",
            "ContentType": "application/json",
            "Accept": "application/json",
            "CustomAttributes": attributes,
            "Body": json.dumps(body).encode(),
            **options,
        }
    )


def request(contract: Contract) -> dict[str, Any]:
    """What the predict function sends."""
    return {"userId": "ann", "features": dict.fromkeys(contract.features, 1.0), "input": {}}


def test_it_answers_with_a_score_and_says_which_model_it_is(
    shop: tuple[Contract, Running[Served]],
) -> None:
    contract, cloud = shop
    answer = ask(cloud, request(contract), f"millrace-features={contract.features_version}")
    assert answer["InvokedProductionVariant"] == "main"
    assert answer["CustomAttributes"] == (
        f"model-version={contract.model_version};features={contract.features_version}"
    )
    found = json.loads(answer["Body"].read())
    assert any(isinstance(value, float) and 0 <= value <= 1 for value in found.values()), found


@pytest.mark.parametrize(
    ("version", "options", "status", "code"),
    [
        ("another", {}, 400, "features-mismatch"),
        (None, {"ContentType": "text/csv"}, 415, "content-type"),
        (None, {"Body": b"{"}, 400, None),
        (None, {"Body": b"[]"}, 400, None),
    ],
)
def test_what_it_refuses_is_a_model_error_with_its_own_words(
    shop: tuple[Contract, Running[Served]],
    version: str | None,
    options: dict[str, Any],
    status: int,
    code: str | None,
) -> None:
    contract, cloud = shop
    attributes = f"millrace-features={version or contract.features_version}"
    with pytest.raises(ClientError) as refused:
        ask(cloud, request(contract), attributes, **options)
    error: dict[str, Any] = dict(refused.value.response)
    assert error["Error"]["Code"] == "ModelError"
    assert error["OriginalStatusCode"] == status
    words = json.loads(error["OriginalMessage"])
    assert words["message"]
    assert code in (None, words["error"])


def test_predict_and_the_model_agree_on_their_versions_or_there_is_no_score(
    shop: tuple[Contract, Running[Served]],
) -> None:
    """What one sends and the other answers, with nothing in between that stands for either."""
    contract, cloud = shop
    body = json.dumps(request(contract)).encode()

    def answer(version: str) -> ModelAnswer:
        of_version = Endpoint(cloud.value.client(), "shop", version)
        return of_version.ask(body, str(uuid4()), Call(10, time.monotonic))

    assert answer(contract.features_version).version == contract.model_version
    with pytest.raises(ModelMismatch, match=f"another.*{contract.features_version}") as refused:
        answer("another")
    assert refused.value.code == "model-mismatch"
