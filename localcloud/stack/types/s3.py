"""S3 buckets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from localcloud.stack.aws import Aws
from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType

_NO_IAM = "nobody is refused anything on one machine"


def _make_bucket(creation: Creation) -> Made:
    properties, aws, place = creation.properties, creation.aws, creation.place
    name = creation.name("BucketName", 63).lower()
    request: dict[str, Any] = {"Bucket": name}
    if place.region != "us-east-1":  # which S3 does not take as a location
        request["CreateBucketConfiguration"] = {"LocationConstraint": place.region}
    aws.call("s3", "create_bucket", **request)
    if "VersioningConfiguration" in properties:
        given = properties.nested("VersioningConfiguration")
        aws.call(
            "s3",
            "put_bucket_versioning",
            Bucket=name,
            VersioningConfiguration={"Status": given.text("Status")},
        )
        given.done()
    return Made(
        ref=name,
        attributes={
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{place.region}.amazonaws.com",
        },
        undo=lambda aws: _remove_bucket(aws, name),
    )


def _remove_bucket(aws: Aws, name: str) -> None:
    for keys in _stored(aws, name):
        aws.call("s3", "delete_objects", Bucket=name, Delete={"Objects": keys, "Quiet": True})
    aws.call("s3", "delete_bucket", Bucket=name)


def _stored(aws: Aws, name: str) -> Iterator[list[dict[str, str]]]:
    """Pages of everything in the bucket: every version, and every mark of a deletion."""
    position: dict[str, str] = {}
    while True:
        page = aws.call("s3", "list_object_versions", Bucket=name, **position)
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            yield [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        if not page.get("IsTruncated"):
            return
        position = {
            "KeyMarker": page["NextKeyMarker"],
            "VersionIdMarker": page["NextVersionIdMarker"],
        }


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::S3::Bucket": ResourceType(
        _make_bucket,
        "a bucket of the emulator",
        {
            "BucketEncryption": "objects never leave this machine",
            "IntelligentTieringConfigurations": "nothing here is billed",
            "LifecycleConfiguration": "the local cloud does not live for days",
            "OwnershipControls": _NO_IAM,
            "PublicAccessBlockConfiguration": _NO_IAM,
            **TAGS,
        },
    )
}
