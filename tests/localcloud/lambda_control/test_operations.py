"""Requests and answers are held against botocore's model of Lambda."""

from __future__ import annotations

import pytest

from localcloud.lambda_control.errors import LambdaError, UnknownOperation, ValidationFailed
from localcloud.lambda_control.operations import operation

VERSIONS = "/2018-10-31/layers/a/versions"


@pytest.mark.parametrize(
    "answer",
    [
        {"LayerVersions": [{"Version": "7"}]},
        {"LayerVersions": [{"CompatibleArchitectures": ["arm65"]}]},
        {"LayerVersions": [{"LayerVersionArn": "arn:aws:lambda:eu-west-1:1:layer:a:1"}]},
        {"Versions": []},
    ],
)
def test_an_answer_that_lambda_could_not_give_is_a_bug(answer: dict[str, object]) -> None:
    found = operation("GET", VERSIONS, "")
    with pytest.raises(LambdaError, match="does not fit the service's model") as bug:
        found.body(answer)
    assert bug.value.status == 500
    assert found.body({"LayerVersions": []}) == b'{"LayerVersions":[]}'


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", VERSIONS, "MaxItems=0", b""),
        ("GET", VERSIONS, "MaxItems=x", b""),
        ("GET", VERSIONS, "CompatibleArchitecture=arm65", b""),
        ("GET", "/2018-10-31/layers/a%20b/versions", "", b""),
        ("POST", VERSIONS, "", b"{}"),
        ("POST", VERSIONS, "", b"{"),
        ("POST", VERSIONS, "", b'{"Content": {"ZipFile": "no base64"}}'),
        ("POST", VERSIONS, "", b'{"Content": {}, "Unknown": 1}'),
    ],
)
def test_what_the_model_does_not_allow_is_refused(
    method: str, path: str, query: str, body: bytes
) -> None:
    with pytest.raises(ValidationFailed):
        operation(method, path, query).members(path, query, body)


def test_members_come_from_path_query_and_body() -> None:
    arn = "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Alayer%3Aa"
    path = f"/2018-10-31/layers/{arn}/versions/7/policy"
    body = b'{"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"}'
    assert operation("POST", path, "RevisionId=r").members(path, "RevisionId=r", body) == {
        "LayerName": "arn:aws:lambda:eu-west-1:123456789012:layer:a",
        "VersionNumber": 7,
        "RevisionId": "r",
        "StatementId": "s",
        "Action": "lambda:GetLayerVersion",
        "Principal": "*",
    }


def test_an_operation_that_is_not_emulated_is_named() -> None:
    with pytest.raises(UnknownOperation, match="Invoke is not emulated here"):
        operation("POST", "/2015-03-31/functions/f/invocations", "")
