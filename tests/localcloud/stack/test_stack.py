"""A stack as a whole: what it gives, what it refuses, and that it leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import (
    ConfigurationError,
    LocalCloudError,
    StartupError,
    UnsupportedResource,
)

from localcloud.stack import Place, plan
from localcloud.stack.__main__ import main
from localcloud.stack.types import NO_OPS, SUPPORTED
from tests.localcloud.stack.fake_aws import FakeAws
from tests.localcloud.stack.templates import place, up, write

THREE = """
Second: {Type: AWS::SNS::Topic, DependsOn: First}
First: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}
Third:
  Type: AWS::SNS::Subscription
  Properties: {TopicArn: !Ref Second, Protocol: email, Endpoint: !Ref Mail}
"""
MAIL = "Parameters: {Mail: {Type: String, Default: a@example.org}}\n"


def test_resources_come_in_order_and_go_in_reverse(tmp_path: Path) -> None:
    aws = FakeAws()
    stack = up(tmp_path, THREE, aws, rest=MAIL)
    assert list(stack.resources) == ["First", "Second", "Third"]
    stack.down(aws)
    assert aws.operations() == [
        "create_bucket",
        "create_topic",
        "subscribe",
        "unsubscribe",
        "delete_topic",
        "list_object_versions",
        "delete_bucket",
    ]
    assert not aws.alive
    stack.down(aws)
    assert len(aws.calls) == 7


def test_parameters_conditions_and_outputs(tmp_path: Path) -> None:
    rest = (
        MAIL
        + """
Conditions: {Local: !Equals [!Ref Mail, here]}
Mappings: {Names: {us-east-1: {short: use1}}}
Outputs:
  Mail: {Value: !Sub 'to ${Mail}'}
  Bucket: {Condition: Local, Value: !Ref First}
  Topic: {Value: !FindInMap [Names, !Ref 'AWS::Region', short], Condition: Local}
"""
    )
    resources = THREE.replace("DeletionPolicy: Retain", "Condition: Local")
    assert up(tmp_path, resources, rest=rest).outputs == {"Mail": "to a@example.org"}
    stack = up(tmp_path, resources, rest=rest, overrides={"Mail": "here"})
    assert stack.outputs == {
        "Mail": "to here",
        "Bucket": stack.resources["First"].ref,
        "Topic": "use1",
    }


def test_pseudo_parameters(tmp_path: Path) -> None:
    names = ("AccountId", "Partition", "Region", "StackId", "StackName", "URLSuffix")
    outputs = "".join(f"  {name}: {{Value: !Ref 'AWS::{name}'}}\n" for name in names)
    stack = up(tmp_path, "R: {Type: AWS::IAM::Role}", rest=f"Outputs:\n{outputs}")
    unique = stack.outputs.pop("StackId").removeprefix(
        "arn:aws:cloudformation:us-east-1:123456789012:stack/demo/"
    )
    assert len(unique) == 36
    assert stack.outputs == {
        "AccountId": "123456789012",
        "Partition": "aws",
        "Region": "us-east-1",
        "StackName": "demo",
        "URLSuffix": "amazonaws.com",
    }


@pytest.mark.parametrize("command", ["create_topic", "subscribe"])
def test_a_resource_that_fails_takes_the_others_with_it(tmp_path: Path, command: str) -> None:
    aws = FakeAws(refuse=frozenset({command}))
    with pytest.raises(StartupError, match=rf"\(AWS::SNS::\w+\) could not be made: {command}"):
        up(tmp_path, THREE, aws, rest=MAIL)
    assert aws.alive == set()
    assert "create_bucket" in aws.operations()


def test_what_fails_on_the_way_out_does_not_keep_the_rest(tmp_path: Path) -> None:
    aws = FakeAws()
    stack = up(tmp_path, THREE, aws, rest=MAIL)
    aws.refuse = frozenset({"delete_topic"})
    with pytest.raises(LocalCloudError, match="Second: delete_topic is refused"):
        stack.down(aws)
    assert {kind for kind, _ in aws.alive} == {"topic"}


def test_a_failed_clean_up_is_told_beside_the_first_error(tmp_path: Path) -> None:
    aws = FakeAws(refuse=frozenset({"subscribe", "delete_bucket"}))
    with pytest.raises(StartupError, match="Third") as failed:
        up(tmp_path, THREE, aws, rest=MAIL)
    assert "First: delete_bucket is refused" in failed.value.__notes__[0]


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        ("{Type: AWS::EC2::Host}", r"Odd has type AWS::EC2::Host.*makes .*AWS::S3::Bucket"),
        ("{Type: AWS::S3::Bucket, CreationPolicy: {}}", r"Odd .*the attribute CreationPolicy"),
        (
            "{Type: AWS::S3::Bucket, Properties: {WebsiteConfiguration: {}}}",
            r"Odd \(AWS::S3::Bucket\).*property 'WebsiteConfiguration'",
        ),
        (
            "{Type: AWS::S3::Bucket, Properties: {BucketName: !ImportValue x}}",
            r"Odd\.BucketName: Fn::ImportValue is not supported",
        ),
    ],
)
def test_what_is_not_known_is_named_and_nothing_stays(
    tmp_path: Path, resource: str, message: str
) -> None:
    aws = FakeAws()
    with pytest.raises(UnsupportedResource, match=message):
        up(tmp_path, f"{THREE}\nOdd: {resource}\n", aws, rest=MAIL)
    assert not aws.alive


def test_an_unknown_type_stops_everything_before_it_begins(tmp_path: Path) -> None:
    aws = FakeAws()
    with pytest.raises(UnsupportedResource):
        up(tmp_path, f"{THREE}\nOdd: {{Type: Custom::Thing, Condition: Never}}\n", aws, rest=MAIL)
    assert aws.calls == []


def test_a_template_that_sam_refuses(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"SAM refuses the template: .*Broken"):
        up(tmp_path, "Broken: {Type: AWS::Serverless::Function}\n")


def test_names_follow_from_the_stack_s_name(tmp_path: Path) -> None:
    one, two = place(tmp_path, "one"), place(tmp_path, "two")
    assert one.name("Table") == place(tmp_path, "one").name("Table")
    assert one.name("Table") != one.name("Other")
    assert one.name("Table")[-12:] != two.name("Table")[-12:]
    long = one.name("VeryLong" * 20, 63)
    assert len(long) == 63
    assert long.startswith("one-VeryLong")


@pytest.mark.parametrize("name", ["", "1st", "a_b", "x" * 129])
def test_a_stack_s_name_is_checked(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no stack name"):
        Place(name, tmp_path, str)


def test_a_plan_says_what_becomes_of_each_resource(tmp_path: Path) -> None:
    path = write(tmp_path, f"{THREE}\nRole: {{Type: AWS::IAM::Role}}\n", MAIL)
    meanings = {step.logical_id: step.meaning for step in plan(path, place(tmp_path))}
    assert meanings["First"] == "a bucket of the emulator"
    assert meanings["Role"].startswith("nothing: nobody is refused")


def test_the_plan_can_be_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, THREE, MAIL)
    assert main([str(path), "Mail=x"]) == 0
    assert "a bucket of the emulator" in " ".join(capsys.readouterr().out.split())
    assert main([str(path), "Nail=x"]) == 1
    assert "no parameter 'Nail'" in capsys.readouterr().out


def test_every_known_type_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--types"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*SUPPORTED, *NO_OPS))


def test_every_reason_is_given() -> None:
    assert not set(SUPPORTED) & set(NO_OPS)
    assert all(no_op.why for no_op in NO_OPS.values())
    assert all(why for kind in SUPPORTED.values() for why in kind.ignored.values())
