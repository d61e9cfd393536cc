"""InvokeEndpoint by the real client against real processes: what each side may rely on."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from localcloud.faults.plan import Drop, Fail, FaultPlan, Rule
from localcloud.sagemaker.endpoints import Invocation
from localcloud.sagemaker.spec import EndpointSpec, VariantSpec
from tests.localcloud.running import Running, running
from tests.localcloud.sagemaker.serving_endpoints import Served, endpoint, package, served

TWO = EndpointSpec(
    name="two",
    variants=(
        VariantSpec(name="main", weight=3, environment={"MODE": "main"}),
        VariantSpec(name="trial", weight=1, environment={"MODE": "trial"}),
    ),
)
_DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running[Served]]:
    folder = tmp_path_factory.mktemp("sagemaker")
    specs = (
        endpoint("scorer", package=package(contract_json="{}", model_bin="x")),
        endpoint("serverless", max_concurrency=2),
        TWO,
    )
    with running(lambda: served(folder, *specs, invocation_timeout_s=1.0)) as cloud:
        yield cloud


def ask(cloud: Running[Served], name: str, request: Any, **options: Any) -> Any:
    """Invoke, and give the answer; its body is read as JSON."""
    parameters = {"ContentType": "application/json", "Body": json.dumps(request), **options}
    answer = cloud.value.client().invoke_endpoint(EndpointName=name, **parameters)
    return {**answer, "Body": json.loads(answer["Body"].read() or b"null")}


def refusal(cloud: Running[Served], name: str, request: Any, **options: Any) -> dict[str, Any]:
    """The error that an invocation ends with."""
    with pytest.raises(ClientError) as refused:
        ask(cloud, name, request, **options)
    return dict(refused.value.response)


def test_the_model_gets_what_sagemaker_passes_on_and_answers(cloud: Running[Served]) -> None:
    answer = ask(
        cloud,
        "scorer",
        {"do": "echo", "x": 1},
        Accept="application/json",
        CustomAttributes="millrace-features=abc",
        InferenceId="id-1",
    )
    assert answer["InvokedProductionVariant"] == "main"
    assert answer["ContentType"] == "application/json"
    assert answer["CustomAttributes"] == "model-version=7"
    body = answer["Body"]
    assert body["request"] == {"do": "echo", "x": 1}
    assert body["files"] == ["contract.json", "model.bin"]
    headers = body["headers"]
    assert headers["x-amzn-sagemaker-custom-attributes"] == "millrace-features=abc"
    assert headers["x-amzn-sagemaker-inference-id"] == "id-1"
    assert headers["accept"] == "application/json"
    assert not {"authorization", "x-amz-date", "amz-sdk-invocation-id"} & set(headers)


def test_an_answer_in_chunks(cloud: Running[Served]) -> None:
    assert ask(cloud, "scorer", {"do": "chunked"})["Body"] == [1, 2]


def test_an_endpoint_that_there_is_not(cloud: Running[Served]) -> None:
    error = refusal(cloud, "gone", {})
    assert error["Error"]["Code"] == "ValidationError"
    assert error["Error"]["Message"] == "Endpoint gone of account 123456789012 not found."
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"TargetVariant": "other"}, "Variant other not found for endpoint two"),
        ({"TargetVariant": "-"}, "'targetVariant' failed to satisfy constraint"),
        ({"CustomAttributes": "x" * 1025}, "'customAttributes' failed to satisfy"),
        ({"InferenceId": "x" * 65}, "'inferenceId' failed to satisfy"),
        ({"TargetModel": "m"}, "does not know TargetModel"),
        ({"Body": b"x" * (6 * 1024 * 1024 + 1)}, "'body' failed to satisfy .* 6291456"),
    ],
)
def test_a_request_that_breaks_a_rule(
    cloud: Running[Served], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message) as refused:
        ask(cloud, "two", {"do": "echo"}, **options)
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_a_name_that_no_endpoint_can_have(cloud: Running[Served]) -> None:
    for name in ("a_b", "x" * 64):
        assert "'endpointName'" in refusal(cloud, name, {})["Error"]["Message"]


@pytest.mark.parametrize("status", [400, 415, 500, 503])
def test_an_error_of_the_model_is_named_as_its_own(cloud: Running[Served], status: int) -> None:
    error = refusal(cloud, "scorer", {"do": "fail", "status": status, "text": '{"error": "no"}'})
    assert error["Error"]["Code"] == "ModelError"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error["OriginalStatusCode"] == status
    assert error["OriginalMessage"] == '{"error": "no"}'
    side = "client" if status < 500 else "server"
    said = f'Received {side} error ({status}) from primary with message "{{"error": "no"}}".'
    assert error["Error"]["Message"].startswith(said)
    assert error["LogStreamArn"] == (
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/scorer"
    )
    assert cloud.value.invocations[-1].status == status


def test_a_content_type_that_the_model_does_not_take(cloud: Running[Served]) -> None:
    error = refusal(cloud, "scorer", {"do": "echo"}, ContentType="text/csv")
    assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 415)


def test_a_model_that_is_too_slow(cloud: Running[Served]) -> None:
    error = refusal(cloud, "scorer", {"do": "sleep", "seconds": 3})
    assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 0)
    assert "Your invocation timed out while waiting" in error["OriginalMessage"]
    last = cloud.value.invocations[-1]
    assert (last.endpoint, last.variant, last.status) == ("scorer", "main", 500)
    assert last.latency_ms >= 1000


def test_a_model_that_hangs_up(cloud: Running[Served]) -> None:
    error = refusal(cloud, "scorer", {"do": "hang_up"})
    assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 0)
    assert "could not get a response from the scorer endpoint" in error["OriginalMessage"]


def test_an_answer_that_is_too_large(cloud: Running[Served]) -> None:
    four_mb = 4 * 1024 * 1024
    passed = ask(cloud, "scorer", {"do": "large", "size": four_mb + 1})["Body"]
    assert len(passed) == four_mb - 1, "beside its two quotation marks"
    error = refusal(cloud, "serverless", {"do": "large", "size": four_mb + 1})
    assert error["Error"]["Code"] == "ModelError"
    assert f"at most {four_mb}" in error["OriginalMessage"]
    too_much = {"do": "echo", "x": "y" * four_mb}
    assert "'body' failed" in refusal(cloud, "serverless", too_much)["Error"]["Message"]


def test_a_serverless_variant_takes_so_many_calls_at_once(cloud: Running[Served]) -> None:
    value = cloud.value
    value.lines.clear()
    with ThreadPoolExecutor(2) as pool:
        slow = [
            pool.submit(ask, cloud, "serverless", {"do": "sleep", "seconds": 0.8}) for _ in range(2)
        ]
        wait_until(lambda: [line.text for line in value.lines].count("sleeping") == 2)
        error = refusal(cloud, "serverless", {"do": "echo"})
        assert error["Error"]["Code"] == "ThrottlingException"
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert [each.result()["Body"] for each in slow] == [{}, {}]
    assert ask(cloud, "serverless", {"do": "echo"})["Body"]["pid"]
    assert [i.status for i in value.invocations[-4:] if i.status != 200] == [400]


def test_calls_go_to_variants_by_weight_or_by_name(cloud: Running[Served]) -> None:
    chosen = Counter(
        ask(cloud, "two", {"do": "echo"})["InvokedProductionVariant"] for _ in range(60)
    )
    assert chosen["main"] + chosen["trial"] == 60
    assert 34 <= chosen["main"] <= 55, "three in four"
    for variant in ("main", "trial"):
        answer = ask(cloud, "two", {"do": "echo"}, TargetVariant=variant)
        assert (answer["InvokedProductionVariant"], answer["Body"]["mode"]) == (variant, variant)


@pytest.mark.parametrize(
    ("name", "code"), [("scorer", "ModelError"), ("serverless", "ModelNotReadyException")]
)
def test_a_server_that_dies_is_replaced(cloud: Running[Served], name: str, code: str) -> None:
    before = ask(cloud, name, {"do": "echo"})["Body"]["pid"]
    error = refusal(cloud, name, {"do": "exit"})
    assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 0)
    # A server that is not quite dead may cut another connection.
    wait_until(lambda: before not in {health.pid for health in cloud.value.endpoints.health()})
    codes = set()
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        assert time.monotonic() < deadline, "it was not replaced"
        try:
            after = ask(cloud, name, {"do": "echo"})["Body"]["pid"]
            break
        except ClientError as refused:
            codes.add(refused.response["Error"]["Code"])
            time.sleep(0.01)
    assert after != before
    assert codes <= {code}, "until then it answers as SageMaker does"


def test_a_server_can_be_killed_by_name(cloud: Running[Served]) -> None:
    pid = ask(cloud, "two", {"do": "echo"}, TargetVariant="trial")["Body"]["pid"]
    assert cloud.value.endpoints.kill("two", "trial") == pid
    error = refusal(cloud, "two", {"do": "echo"}, TargetVariant="trial")
    assert error["Error"]["Code"] == "ModelError"
    wait_until(lambda: all(health.pid for health in cloud.value.endpoints.health()))
    trial = [
        h for h in cloud.value.endpoints.health() if (h.endpoint, h.variant) == ("two", "trial")
    ]
    assert trial[0].started == 2
    assert ask(cloud, "two", {"do": "echo"}, TargetVariant="trial")["Body"]["pid"] == trial[0].pid


def test_faults_strike_before_the_model_is_asked(cloud: Running[Served]) -> None:
    injector = cloud.value.gateway.injector
    done = injector.calls().get(("sagemaker-runtime", "InvokeEndpoint"), 0)
    asked = len(cloud.value.invocations)
    throttled = Fail("ThrottlingException", 400, "Rate exceeded")
    service, operation = "sagemaker-runtime", "InvokeEndpoint"
    injector.use(
        FaultPlan(
            1,
            (
                Rule(service, operation, throttled, calls=(done + 1,)),
                Rule(service, operation, Drop(), calls=(done + 2,)),
                Rule(service, operation, calls=(done + 3,), latency_ms=(200, 200)),
            ),
        )
    )
    try:
        assert refusal(cloud, "scorer", {"do": "echo"})["Error"]["Code"] == "ThrottlingException"
        with pytest.raises(ConnectionClosedError):
            ask(cloud, "scorer", {"do": "echo"})
        assert len(cloud.value.invocations) == asked
        started = time.monotonic()
        ask(cloud, "scorer", {"do": "echo"})
        assert time.monotonic() - started >= 0.2
        injector.down(service, "ServiceUnavailable")
        assert refusal(cloud, "scorer", {"do": "echo"})["Error"]["Code"] == "ServiceUnavailable"
    finally:
        injector.up(service)
        injector.use(FaultPlan())
    assert ask(cloud, "scorer", {"do": "echo"})["Body"]["pid"]


def test_other_operations_are_refused_by_name(cloud: Running[Served]) -> None:
    with pytest.raises(ClientError, match=r"serves InvokeEndpoint, not .*async-invocations"):
        cloud.value.client().invoke_endpoint_async(EndpointName="two", InputLocation="s3://a/b")


def test_every_call_of_a_variant_is_observed(cloud: Running[Served]) -> None:
    cloud.value.invocations.clear()
    ask(cloud, "two", {"do": "echo"}, TargetVariant="main")
    (seen,) = cloud.value.invocations
    assert seen == Invocation("two", "main", 200, seen.latency_ms)
    assert 0 < seen.latency_ms < 1000


def wait_until(condition: Any) -> None:
    """Wait for something that must come about."""
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)
