"""Resource types that are accepted and not made, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from localcloud.stack.place import Place
from localcloud.stack.types.kind import NoOp

_NO_IAM = "nobody is refused anything on one machine; tests check the policies in the template"


def _role(name: str, place: Place) -> Mapping[str, str]:
    return {"Arn": f"arn:aws:iam::{place.account_id}:role/{name}", "RoleId": f"AROA{name}"}


def _log_group(name: str, place: Place) -> Mapping[str, str]:
    return {"Arn": place.arn("logs", f"log-group:{name}:*")}


NO_OPS: Final[Mapping[str, NoOp]] = {
    "AWS::IAM::Role": NoOp(_NO_IAM, _role),
    "AWS::IAM::Policy": NoOp(_NO_IAM),
    "AWS::IAM::RolePolicy": NoOp(_NO_IAM),
    "AWS::Lambda::Permission": NoOp(_NO_IAM),
    "AWS::S3::BucketPolicy": NoOp(_NO_IAM),
    "AWS::SNS::TopicPolicy": NoOp(_NO_IAM),
    "AWS::SQS::QueuePolicy": NoOp(_NO_IAM),
    "AWS::Logs::LogGroup": NoOp("functions write their logs to files", _log_group),
}
