"""What becomes of functions, layers, event source mappings and HTTP APIs."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.model import FunctionResource
from tests.localcloud.stack.templates import up

STREAM = "Stream: {Type: AWS::Kinesis::Stream}\n"
FUNCTION = """
Work:
  Type: AWS::Serverless::Function
  Metadata: {BuildMethod: makefile, ContextPath: code}
  Properties:
    CodeUri: code/work
    Handler: app.handler
    Runtime: python3.13
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a function's folder and a layer's."""
    for folder in ("code/work", "layer"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_a_function_with_its_layer(checkout: Path) -> None:
    stack = up(
        checkout,
        FUNCTION
        + """
    Layers: [!Ref Library]
    MemorySize: '512'
    Timeout: 30
    ReservedConcurrentExecutions: 2
    Architectures: [arm64]
    Environment: {Variables: {NUMBER: 5, FLAG: true, NAME: !Ref AWS::StackName}}
Library:
  Type: AWS::Serverless::LayerVersion
  Metadata: {BuildMethod: makefile}
  Properties: {ContentUri: layer/}
""",
    )
    function = stack.functions["Work"]
    layer = stack.layers["Library"]
    assert function == FunctionResource(
        logical_id="Work",
        name=stack.resources["Work"].ref,
        arn=stack.resources["Work"].attributes["Arn"],
        handler="app.handler",
        runtime="python3.13",
        architecture="arm64",
        code=function.code,
        layers=(layer,),
        environment={"NUMBER": "5", "FLAG": "true", "NAME": "demo"},
        timeout_s=30,
        memory_mb=512,
        reserved_concurrency=2,
    )
    assert function.code.folder == checkout / "code/work"
    assert function.code.makefile == checkout / "code/Makefile"
    assert layer.code.folder == checkout / "layer"
    assert layer.code.makefile == checkout / "layer/Makefile"
    assert layer.logical_id == "Library"


def test_a_function_has_lambda_s_own_defaults(checkout: Path) -> None:
    function = up(checkout, FUNCTION).functions["Work"]
    assert (function.timeout_s, function.memory_mb) == (3, 128)
    assert (function.architecture, function.reserved_concurrency) == ("x86_64", None)
    assert (function.layers, function.environment) == ((), {})


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (FUNCTION.replace("code/work", "code/none"), r"Work .*there is no folder .*code/none"),
        (FUNCTION.replace("code/work", "s3://elsewhere/x.zip"), "a folder of the checkout only"),
        (FUNCTION + "    Layers: ['arn:aws:lambda:x:1:layer:y:1']\n", "not made by this template"),
        (FUNCTION + "    CodeSigningConfigArn: arn\n", "Work .*'CodeSigningConfigArn'"),
        (FUNCTION + "    Environment: {Variables: {A: [1]}}\n", "'A' must be a text"),
    ],
)
def test_a_function_that_cannot_run_here(checkout: Path, resources: str, message: str) -> None:
    with pytest.raises((ConfigurationError, UnsupportedResource), match=message):
        up(checkout, resources)


def test_an_event_source_mapping_in_the_right_types(checkout: Path) -> None:
    stack = up(
        checkout,
        FUNCTION
        + STREAM
        + """
Reader:
  Type: AWS::Lambda::EventSourceMapping
  Properties:
    EventSourceArn: !GetAtt Stream.Arn
    FunctionName: !GetAtt Work.Arn
    BatchSize: '500'
    MaximumRetryAttempts: !Ref Retries
    BisectBatchOnFunctionError: 'true'
    FunctionResponseTypes: [ReportBatchItemFailures]
    DestinationConfig: {OnFailure: {Destination: 'arn:aws:s3:::box'}}
    StartingPosition: LATEST
""",
        rest="Parameters: {Retries: {Type: Number, Default: -1}}",
    )
    (mapping,) = stack.mappings
    name, stream = stack.resources["Work"].ref, stack.resources["Stream"].attributes["Arn"]
    assert (mapping.function_name, mapping.event_source_arn) == (name, stream)
    assert mapping.uuid == stack.resources["Reader"].ref
    assert mapping.properties == {
        "EventSourceArn": stream,
        "FunctionName": name,
        "BatchSize": 500,
        "MaximumRetryAttempts": -1,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::box"}},
        "StartingPosition": "LATEST",
    }


def test_a_mapping_to_a_function_that_is_not_there(tmp_path: Path) -> None:
    reader = "Reader: {Type: AWS::Lambda::EventSourceMapping, Properties: {FunctionName: other}}"
    with pytest.raises(ConfigurationError, match="no function of this stack is called other"):
        up(tmp_path, reader)


ALIASED = FUNCTION + "    AutoPublishAlias: live\n"


def test_a_version_and_an_alias_are_names_of_their_function(checkout: Path) -> None:
    stack = up(
        checkout,
        ALIASED
        + STREAM
        + """
Reader:
  Type: AWS::Lambda::EventSourceMapping
  Properties:
    {EventSourceArn: !GetAtt Stream.Arn, FunctionName: !Ref WorkAliaslive, StartingPosition: LATEST}
""",
    )
    function = stack.functions["Work"]
    assert stack.resources["WorkAliaslive"].ref == f"{function.arn}:live"
    (version,) = (name for name in stack.resources if name.startswith("WorkVersion"))
    assert stack.resources[version].ref == f"{function.arn}:1"
    assert stack.resources[version].attributes["Version"] == "1"
    assert sorted(stack.aliases[function.name]) == ["1", "live"]
    (mapping,) = stack.mappings
    assert (mapping.function_name, mapping.properties["FunctionName"]) == (
        function.name,
        function.name,
    )


def test_a_qualifier_that_is_not_there(checkout: Path) -> None:
    reader = (
        "Reader: {Type: AWS::Lambda::EventSourceMapping,"
        " Properties: {FunctionName: !Sub '${Work}:green'}}\n"
    )
    with pytest.raises(ConfigurationError, match=r"no function .*:green"):
        up(checkout, ALIASED + reader)


def test_a_gradual_deployment_shifts_nothing_here(checkout: Path) -> None:
    preference = "    DeploymentPreference: {Type: Canary10Percent5Minutes, Alarms: []}\n"
    stack = up(checkout, ALIASED + preference)
    group = stack.resources["WorkDeploymentGroup"]
    assert "no traffic is shifted" in str(group.no_op)
