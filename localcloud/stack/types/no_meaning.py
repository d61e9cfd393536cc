"""Resource types that are accepted and not made, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from localcloud.stack.place import Place
from localcloud.stack.types.kind import NoOp

_NO_IAM = "nobody is refused anything on one machine; tests check the policies in the template"
_NO_ROLLOUT = "a local stack is made once, so no traffic is shifted from version to version"
_NO_SCALING = "one machine does not grow"
_NO_DAX = "there is no DAX here: its address is empty, and functions go to DynamoDB"
_NO_CLOCK = "nothing runs by the clock here; invoke the function"
_LOOPBACK = "everything is on loopback"
_LOG_FILES = "functions write their logs to files"


def _role(name: str, place: Place) -> Mapping[str, str]:
    return {"Arn": f"arn:aws:iam::{place.account_id}:role/{name}", "RoleId": f"AROA{name}"}


def _log_group(name: str, place: Place) -> Mapping[str, str]:
    return {"Arn": place.arn("logs", f"log-group:{name}:*")}


def _query(name: str, place: Place) -> Mapping[str, str]:
    return {"QueryDefinitionId": place.unique_uuid(name)}


def _dax_cluster(name: str, place: Place) -> Mapping[str, str]:
    return {
        "Arn": place.arn("dax", f"cache/{name}"),
        "ClusterDiscoveryEndpoint": "",
        "ClusterDiscoveryEndpointURL": "",
    }


def _numbered(attribute: str, prefix: str) -> NoOp:
    return NoOp(
        _LOOPBACK, lambda name, place: {attribute: f"{prefix}-{place.unique(name, 17).lower()}"}
    )


NO_OPS: Final[Mapping[str, NoOp]] = {
    "AWS::IAM::ManagedPolicy": NoOp(_NO_IAM),
    "AWS::IAM::Role": NoOp(_NO_IAM, _role),
    "AWS::IAM::Policy": NoOp(_NO_IAM),
    "AWS::IAM::RolePolicy": NoOp(_NO_IAM),
    "AWS::Lambda::Permission": NoOp(_NO_IAM),
    "AWS::Logs::ResourcePolicy": NoOp(_NO_IAM),
    "AWS::S3::BucketPolicy": NoOp(_NO_IAM),
    "AWS::SNS::TopicPolicy": NoOp(_NO_IAM),
    "AWS::SQS::QueuePolicy": NoOp(_NO_IAM),
    "AWS::CodeDeploy::Application": NoOp(_NO_ROLLOUT),
    "AWS::CodeDeploy::DeploymentConfig": NoOp(_NO_ROLLOUT),
    "AWS::CodeDeploy::DeploymentGroup": NoOp(_NO_ROLLOUT),
    "AWS::ApplicationAutoScaling::ScalableTarget": NoOp(_NO_SCALING),
    "AWS::ApplicationAutoScaling::ScalingPolicy": NoOp(_NO_SCALING),
    "AWS::DAX::Cluster": NoOp(_NO_DAX, _dax_cluster),
    "AWS::DAX::ParameterGroup": NoOp(_NO_DAX),
    "AWS::DAX::SubnetGroup": NoOp(_NO_DAX),
    "AWS::EC2::RouteTable": _numbered("RouteTableId", "rtb"),
    "AWS::EC2::SecurityGroup": _numbered("GroupId", "sg"),
    "AWS::EC2::SecurityGroupEgress": NoOp(_LOOPBACK),
    "AWS::EC2::SecurityGroupIngress": NoOp(_LOOPBACK),
    "AWS::EC2::Subnet": _numbered("SubnetId", "subnet"),
    "AWS::EC2::SubnetRouteTableAssociation": NoOp(_LOOPBACK),
    "AWS::EC2::VPC": _numbered("VpcId", "vpc"),
    "AWS::EC2::VPCEndpoint": _numbered("Id", "vpce"),
    "AWS::Events::Rule": NoOp(_NO_CLOCK),
    "AWS::Logs::LogGroup": NoOp(_LOG_FILES, _log_group),
    "AWS::Logs::QueryDefinition": NoOp(_LOG_FILES, _query),
}
