"""DynamoDB tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from localcloud.stack.properties import Properties
from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType

_NOT_KEPT = "nothing outlives the local cloud"


def _make_table(creation: Creation) -> Made:
    properties, aws = creation.properties, creation.aws
    name = creation.name("TableName", 255)
    request: dict[str, Any] = {
        "TableName": name,
        "AttributeDefinitions": properties.items("AttributeDefinitions"),
        "KeySchema": properties.items("KeySchema"),
        "BillingMode": properties.text("BillingMode", "PROVISIONED"),
    }
    if "ProvisionedThroughput" in properties:
        request["ProvisionedThroughput"] = _throughput(properties.nested("ProvisionedThroughput"))
    for indexes in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        if indexes in properties:
            request[indexes] = properties.items(indexes)
    if "StreamSpecification" in properties:
        view = properties.nested("StreamSpecification")
        request["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": view.text("StreamViewType"),
        }
        view.done()
    table = aws.call("dynamodb", "create_table", **request)["TableDescription"]
    _set_time_to_live(creation, name)
    attributes = {"Arn": str(table["TableArn"])}
    if "LatestStreamArn" in table:
        attributes["StreamArn"] = str(table["LatestStreamArn"])
    return Made(
        ref=name,
        attributes=attributes,
        undo=lambda aws: aws.call("dynamodb", "delete_table", TableName=name),
    )


def _throughput(given: Properties) -> dict[str, int]:
    units = {name: given.integer(name) for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
    given.done()
    return units


def _set_time_to_live(creation: Creation, name: str) -> None:
    if "TimeToLiveSpecification" not in creation.properties:
        return
    given = creation.properties.nested("TimeToLiveSpecification")
    specification = {
        "AttributeName": given.text("AttributeName"),
        "Enabled": given.boolean("Enabled"),
    }
    given.done()
    creation.aws.call(
        "dynamodb",
        "update_time_to_live",
        TableName=name,
        TimeToLiveSpecification=specification,
    )


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::DynamoDB::Table": ResourceType(
        _make_table,
        "a table of the emulator",
        {
            "PointInTimeRecoverySpecification": _NOT_KEPT,
            "DeletionProtectionEnabled": _NOT_KEPT,
            "SSESpecification": "items never leave this machine's memory",
            "ContributorInsightsSpecification": "nothing here is billed or watched by key",
            "TableClass": "it changes the price only",
            "WarmThroughput": "there is no capacity to warm",
            **TAGS,
        },
    )
}
