"""KMS keys and their aliases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType

_NO_IAM = "nobody is refused anything on one machine; tests check the policies in the template"
_SHORTEST_WAIT_DAYS = 7


def _make_key(creation: Creation) -> Made:
    description = creation.properties.text("Description", "")
    made = creation.aws.call("kms", "create_key", Description=description)["KeyMetadata"]
    key_id = str(made["KeyId"])
    return Made(
        ref=key_id,
        attributes={"Arn": str(made["Arn"]), "KeyId": key_id},
        undo=lambda aws: aws.call(
            "kms",
            "schedule_key_deletion",
            KeyId=key_id,
            PendingWindowInDays=_SHORTEST_WAIT_DAYS,
        ),
    )


def _make_alias(creation: Creation) -> Made:
    properties = creation.properties
    name = properties.text("AliasName")
    creation.aws.call(
        "kms", "create_alias", AliasName=name, TargetKeyId=properties.text("TargetKeyId")
    )
    return Made(ref=name, undo=lambda aws: aws.call("kms", "delete_alias", AliasName=name))


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::KMS::Key": ResourceType(
        _make_key,
        "a key of the emulator, with which nothing is encrypted",
        {
            "EnableKeyRotation": "nothing outlives the local cloud",
            "Enabled": "nothing is encrypted",
            "KeyPolicy": _NO_IAM,
            "KeySpec": "nothing is encrypted",
            "KeyUsage": "nothing is encrypted",
            "PendingWindowInDays": "nothing outlives the local cloud",
            "RotationPeriodInDays": "nothing outlives the local cloud",
            **TAGS,
        },
    ),
    "AWS::KMS::Alias": ResourceType(_make_alias, "a name of that key"),
}
