"""Which AWS service and operation a request is for.

The service comes from the credential scope of its signature (in the header, or in the query
string when presigned), else from X-Amz-Target, else from the path; the operation from
X-Amz-Target, the Action of a form, a Smithy path, or the service's own model (`routes`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from localcloud.aws_protocol import Protocol, protocol_of
from localcloud.gateway.routes import operation_of

UNKNOWN = "Unknown"

_SIGV4 = re.compile(r"Credential=([^/,\s]+)/\d{8}/(?:([^/,\s]+)/)?([^/,\s]+)/aws4_request")
_SIGV2 = re.compile(r"AWS ([^:\s]+):")
_SMITHY = re.compile(r"/service/[^/]+/operation/(\w+)$")
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_APP_ID = re.compile(r"(?:^|\s)app/(\S+)")

# Signing names that differ from the names under which botocore knows the services.
_BY_SIGNING_NAME = {"monitoring": "cloudwatch", "states": "stepfunctions", "email": "ses"}
_BY_TARGET = {
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "Kinesis_20131202": "kinesis",
    "SageMaker": "sagemaker",
    "AmazonSQS": "sqs",
    "Logs_20140328": "logs",
    "AWSEvents": "events",
}
# Several services sign as one, and unsigned requests name none: their paths tell them apart.
_BY_PATH = (
    (re.compile(r"/endpoints/[^/]+/(async-)?invocations(-.*)?$"), "sagemaker-runtime"),
    (re.compile(r"/(FeatureGroup/|Batch(Get|Write)Record$)"), "sagemaker-featurestore-runtime"),
    (re.compile(r"/Batch(Get|Put)Metrics$"), "sagemaker-metrics"),
    (re.compile(r"/v2/"), "apigatewayv2"),
    (re.compile(r"/\d{4}-\d\d-\d\d/(functions|layers|event-source-mappings)"), "lambda"),
    (re.compile(r"/service/GraniteServiceVersion20100801/"), "cloudwatch"),
)
# The only calls of the query protocol that AWS takes unsigned.
_BY_ACTION = re.compile(rb"(?:^|&)Action=AssumeRoleWith(SAML|WebIdentity)(?:&|$)")
_SHARED_SIGNING_NAMES = frozenset({"sagemaker", "apigateway"})


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body; header names are in lower case, `path` is percent-coded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    @property
    def needs_body(self) -> bool:
        """Whether the operation stands in the body (a form of the query protocol)."""
        return self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class Call:
    """What a request asks for: service and operation by their botocore names, and by whom.

    `operation` is UNKNOWN when the service has none for such a request. `app_id` is what the
    caller's environment gave as AWS_SDK_UA_APP_ID, by which a worker can be told from another.
    """

    service: str
    operation: str
    protocol: Protocol
    access_key: str = ""
    app_id: str = ""


def recognise(head: Head, form: bytes = b"") -> Call | None:
    """The call that a request is; None when nothing tells its service.

    `form` is the body where `head.needs_body`.
    """
    access_key, signed_for = _signature(head)
    service = _service(head, signed_for)
    if service is None and _BY_ACTION.search(form):
        service = "sts"
    if service is None:
        return None
    app = _APP_ID.search(head.headers.get("user-agent", ""))
    return Call(
        service,
        _operation(service, head, form) or UNKNOWN,
        protocol_of(service, head.headers),
        access_key,
        app[1] if app else "",
    )


def _signature(head: Head) -> tuple[str, str | None]:
    """Access key and the service that a request is signed for, if it is signed."""
    authorization = head.headers.get("authorization", "")
    scope = _SIGV4.search(authorization)
    if scope is None and "X-Amz-Credential=" in head.query:
        scope = _SIGV4.search(unquote(head.query))
    if scope is not None:
        return scope[1], scope[3]
    if (old := _SIGV2.match(authorization)) is not None:
        return old[1], "s3"
    if "AWSAccessKeyId=" in head.query:  # presigned with version 2: only S3 still takes those
        return dict(parse_qsl(head.query)).get("AWSAccessKeyId", ""), "s3"
    return "", None


def _service(head: Head, signed_for: str | None) -> str | None:
    target = head.headers.get("x-amz-target", "").rpartition(".")[0]
    if signed_for == "dynamodb" and target.startswith("DynamoDBStreams"):
        return "dynamodbstreams"
    if signed_for is not None and signed_for not in _SHARED_SIGNING_NAMES:
        return _BY_SIGNING_NAME.get(signed_for, signed_for)
    if target in _BY_TARGET:
        return _BY_TARGET[target]
    by_path = (service for pattern, service in _BY_PATH if pattern.match(head.path))
    return next(by_path, signed_for)


def _operation(service: str, head: Head, form: bytes) -> str | None:
    if (target := head.headers.get("x-amz-target")) is not None:
        return target.rpartition(".")[2]
    if head.needs_body:
        action = _ACTION.search(form) or _ACTION.search(head.query.encode())
        return action[1].decode() if action else None
    if (smithy := _SMITHY.match(head.path)) is not None:
        return smithy[1]
    return operation_of(service, head.method, head.path, head.query, head.headers)
