"""Temporary functions in the cloud: nothing of them is left, whatever happens."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zipfile import ZipFile

import boto3
import pytest
from botocore.exceptions import ClientError
from millrace.errors import LayerError
from millrace.lambda_layers.cloud_runtime import PREFIX, TAG, CloudRuntime, Lambda, Logs
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.testing import PROBE, Function
from moto import mock_aws
from moto.awslambda_simple.models import lambda_simple_backends

from tests.cli.conftest import bench, cloud, millrace
from tests.cli.fakes import Commands

__all__ = ["bench", "cloud", "millrace"]

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
REPORT = (
    "REPORT RequestId: x\tDuration: 12.50 ms\tBilled Duration: 400 ms\tInit Duration: 380.25 ms\t"
)
FUNCTION = Function(handler="probe.handler", code=PROBE, memory_mb=256)


class FakeAws:
    """Lambda and its logs in memory: what is there, and which calls fail."""

    def __init__(self) -> None:
        self.functions: dict[str, dict[str, Any]] = {}
        self.layers: set[tuple[str, int]] = set()
        self.groups: set[str] = set()
        self.failing: dict[str, str] = {}
        self.invoked: list[tuple[str, str]] = []

    def _called(self, action: str) -> None:
        if action in self.failing:
            error = {"Error": {"Code": self.failing[action], "Message": "no"}}
            raise ClientError(cast(Any, error), action)

    def publish_layer_version(self, **request: Any) -> Any:
        self._called("publish_layer_version")
        assert request["CompatibleRuntimes"] == ["python3.13"]
        self.layers.add((request["LayerName"], 1))
        return {"Version": 1, "LayerVersionArn": f"arn:layer:{request['LayerName']}:1"}

    def delete_layer_version(self, **request: Any) -> Any:
        self._called("delete_layer_version")
        self.layers.remove((request["LayerName"], request["VersionNumber"]))

    def create_function(self, **request: Any) -> Any:
        # As when the answer is lost: the function is there all the same.
        self.functions[request["FunctionName"]] = {**request, "checks": 0}
        self._called("create_function")

    def update_function_configuration(self, **request: Any) -> Any:
        self._called("update_function_configuration")
        self.functions[request["FunctionName"]] |= {**request, "checks": 0}

    def get_function_configuration(self, **request: Any) -> Any:
        self._called("get_function_configuration")
        function = self.functions[request["FunctionName"]]
        function["checks"] += 1
        return {"State": "Active" if function["checks"] > 1 else "Pending"}

    def invoke(self, **request: Any) -> Any:
        self._called("invoke")
        name = request["FunctionName"]
        self.groups.add(f"/aws/lambda/{name}")
        turn = self.functions[name]["Environment"]["Variables"]["MILLRACE_TURN"]
        self.invoked.append((name, turn))
        if request["Payload"] == b"fail":
            body = b'{"errorType": "ValueError", "errorMessage": "bad"}'
            return {"Payload": io.BytesIO(body), "FunctionError": "Unhandled"}
        log = base64.b64encode(REPORT.encode()).decode()
        return {"Payload": io.BytesIO(b"{}"), "LogResult": log}

    def delete_function(self, **request: Any) -> Any:
        self._called("delete_function")
        del self.functions[request["FunctionName"]]

    def delete_log_group(self, **request: Any) -> Any:
        self._called("delete_log_group")
        self.groups.discard(request["logGroupName"])

    def list_functions(self, **request: Any) -> Any:
        names = sorted(self.functions)
        at = int(request.get("Marker", 0))
        page = [{"FunctionName": name, "FunctionArn": f"arn:{name}"} for name in names[at : at + 1]]
        more = {"NextMarker": str(at + 1)} if at + 1 < len(names) else {}
        return {"Functions": page, **more}

    def list_tags(self, **request: Any) -> Any:
        return {"Tags": self.functions[request["Resource"].removeprefix("arn:")].get("Tags", {})}


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """The zip of a layer."""
    path = tmp_path / "layer.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("python/a.py", "")
    return path


def runtime(aws: FakeAws, *layers: Path | str) -> CloudRuntime:
    return CloudRuntime(
        aws,
        aws,
        layers=layers,
        target=Target("python3.13", "arm64"),
        role="arn:aws:iam::123456789012:role/tests",
        token="t0",
        now=lambda: NOW,
        sleep=lambda seconds: None,
    )


def empty(aws: FakeAws) -> bool:
    return not (aws.functions or aws.layers or aws.groups)


def test_cases_run_in_a_function_that_is_gone_afterwards(layer: Path) -> None:
    aws = FakeAws()
    with runtime(aws, "arn:aws:lambda:eu-west-1:1:layer:x:3", layer) as cloud:
        (first,) = cloud.call(FUNCTION, [b"{}"])
        (made,) = aws.functions.values()
        cloud.call(FUNCTION, [b"{}", b"{}"])
    assert made["Layers"] == ["arn:aws:lambda:eu-west-1:1:layer:x:3", f"arn:layer:{PREFIX}t0:1"]
    assert made["Tags"] == {TAG: "2026-05-01T12:00:00+00:00"}
    with ZipFile(io.BytesIO(made["Code"]["ZipFile"])) as archive:
        assert archive.namelist() == ["probe.py"]
    assert (first.init_ms, first.duration_ms) == (380.25, 12.5)
    name = f"{PREFIX}t0-0"
    assert aws.invoked == [(name, "1"), (name, "2"), (name, "2")], "the second one is fresh again"
    assert empty(aws)


def test_a_handlers_error_is_its_own() -> None:
    aws = FakeAws()
    with runtime(aws) as cloud:
        (answer,) = cloud.call(FUNCTION, [b"fail"])
    assert answer.error == "ValueError"


@pytest.mark.parametrize(
    "action",
    ["create_function", "get_function_configuration", "invoke", "update_function_configuration"],
)
def test_whatever_fails_nothing_is_left(layer: Path, action: str) -> None:
    aws = FakeAws()
    aws.failing[action] = "AccessDeniedException"
    with (
        pytest.raises(LayerError, match=r"cannot be tried in the cloud: .*AccessDenied"),
        runtime(aws, layer) as cloud,
    ):
        [cloud.call(FUNCTION, [b"{}"]) for _ in range(2)]
    assert empty(aws)


def test_whoever_interrupts_leaves_nothing_either(layer: Path) -> None:
    aws = FakeAws()
    with pytest.raises(KeyboardInterrupt), runtime(aws, layer) as cloud:  # noqa: PT012
        cloud.call(FUNCTION, [b"{}"])
        raise KeyboardInterrupt
    assert empty(aws)


def test_a_second_layer_that_cannot_be_published_takes_the_first_along(layer: Path) -> None:
    aws = FakeAws()
    with pytest.raises(FileNotFoundError), runtime(aws, layer, layer.with_name("gone.zip")):
        pass
    assert empty(aws)
    aws.failing["publish_layer_version"] = "AccessDeniedException"
    with pytest.raises(LayerError, match=r"layer.zip cannot be published"), runtime(aws, layer):
        pass


def test_what_cannot_be_removed_is_named(layer: Path) -> None:
    aws = FakeAws()
    aws.failing["delete_function"] = "AccessDeniedException"
    with pytest.raises(LayerError, match=rf"left behind: function {PREFIX}t0-0 \("):  # noqa: SIM117
        with runtime(aws, layer) as cloud:
            cloud.call(FUNCTION, [b"{}"])
    assert not aws.layers, "the rest is removed all the same"
    aws.failing["delete_function"] = "ResourceNotFoundException"
    with runtime(aws) as cloud:
        cloud.call(FUNCTION, [b"{}"])


def test_what_a_killed_run_has_left_is_removed_once_it_is_old() -> None:
    aws = FakeAws()
    old, young = NOW - timedelta(hours=2), NOW - timedelta(minutes=5)
    aws.functions = {
        f"{PREFIX}old": {"Tags": {TAG: old.isoformat()}},
        f"{PREFIX}young": {"Tags": {TAG: young.isoformat()}},
        f"{PREFIX}theirs": {},
        "somebodys": {"Tags": {TAG: old.isoformat()}},
    }
    with runtime(aws):
        pass
    assert set(aws.functions) == {f"{PREFIX}young", f"{PREFIX}theirs", "somebodys"}


@pytest.fixture
def emulated() -> Iterator[tuple[Lambda, Logs, str]]:
    """moto, which checks every request against AWS's own model."""
    with mock_aws(config={"lambda": {"use_docker": False}}):
        session = boto3.Session("x", "x", region_name="eu-west-1")
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        role = session.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)
        functions, logs = session.client("lambda"), session.client("logs")
        yield cast(Lambda, functions), cast(Logs, logs), role["Role"]["Arn"]


def test_the_emulated_control_plane_accepts_every_call(
    emulated: tuple[Lambda, Logs, str], layer: Path
) -> None:
    functions, logs, role = emulated
    cloud = CloudRuntime(
        functions,
        logs,
        layers=[layer],
        target=Target("python3.13", "arm64"),
        role=role,
        token="t1",
        now=lambda: datetime.now(UTC),
        sleep=lambda seconds: None,
    )
    with cloud:
        for _ in range(2):
            (answer,) = cloud.call(FUNCTION, [b"{}"])
            assert answer.error is None
        assert len(functions.list_functions()["Functions"]) == 1
    assert functions.list_functions()["Functions"] == []
    client = cast(Any, functions)
    assert client.list_layers()["Layers"] == []


def test_the_command_tries_a_layer_there(
    emulated: tuple[Lambda, Logs, str], layer: Path, millrace: Commands
) -> None:
    functions, _, role = emulated
    probed = {"runtime": "Python 3.13.1", "places": {"a": "/opt/python/a.py"}, "peak_kb": 2048}
    answers = lambda_simple_backends["123456789012"]["eu-west-1"].lambda_simple_results_queue
    answers.append(json.dumps({**probed, "import_ms": 1.0, "total_ms": 1.0}))
    answers.append(json.dumps({"error": "ImportError: no"}))
    options = ["--cloud", "--role", role, "--region", "eu-west-1", "--runtime", "python3.13"]
    done = millrace("layers", "test", layer, *options, "--processes", 1, "--json")
    assert done.status == 1
    assert done.document["how"].endswith("AWS Lambda")
    found = {one["name"]: one["status"] for one in done.document["results"]}
    assert (found["a"], found["all imports"]) == ("passed", "failed")
    assert functions.list_functions()["Functions"] == []
