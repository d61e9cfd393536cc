"""What becomes of HTTP APIs: their routes, limits and authorisers, written in either way."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.model import (
    Authorization,
    AuthorizationKind,
    HttpApiResource,
    Route,
    Throttling,
)
from tests.localcloud.stack.templates import up
from tests.localcloud.stack.test_types_of_compute import FUNCTION

IAM = Authorization(AuthorizationKind.IAM)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the function's folder."""
    (tmp_path / "code/work").mkdir(parents=True)
    return tmp_path


API = (
    FUNCTION
    + """
    Events:
      Post: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: post, Path: '/events/{id}'}}
      Any:
        Type: HttpApi
        Properties: {ApiId: !Ref Api, Method: any, Path: '/{proxy+}', TimeoutInMillis: 5000}
      Rest: {Type: HttpApi, Properties: {ApiId: !Ref Api}}
Api:
  Type: AWS::Serverless::HttpApi
  Properties:
    DefaultRouteSettings: {ThrottlingRateLimit: 100, ThrottlingBurstLimit: 20}
"""
)


def test_routes_of_an_http_api(checkout: Path) -> None:
    stack = up(checkout, API)
    (api,) = stack.http_apis
    name = stack.functions["Work"].name
    assert api.url == "http://api.test"
    assert stack.resources["Api"].attributes["ApiEndpoint"] == "http://api.test"
    assert set(api.routes) == {
        Route("POST", "/events/{id}", name, "2.0", 30.0),
        Route("ANY", "/{proxy+}", name, "2.0", 5.0),
        Route("ANY", "$default", name, "2.0", 30.0),
    }
    (stage,) = stack.stages
    assert (stage.api_id, stage.name) == (api.api_id, "$default")
    assert stage.throttling == Throttling(rate=100.0, burst=20)


def test_cors_is_handed_on(checkout: Path) -> None:
    cors = "    CorsConfiguration: {AllowOrigins: ['https://shop.example'], AllowMethods: [POST]}\n"
    (api,) = up(checkout, API + cors).http_apis
    assert api.cors == {"allowOrigins": ["https://shop.example"], "allowMethods": ["POST"]}


def by_key(api: HttpApiResource) -> dict[str, Authorization | None]:
    return {f"{route.method} {route.path}": route.authorization for route in api.routes}


JWT = """
    Auth:
      DefaultAuthorizer: Tokens
      EnableIamAuthorizer: true
      Authorizers:
        Tokens:
          JwtConfiguration: {issuer: 'https://issuer.test/', audience: [shop]}
          IdentitySource: $request.header.X-Token
          AuthorizationScopes: [read]
"""


def test_authorisers_by_route(checkout: Path) -> None:
    events = """
    Events:
      A: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: get, Path: /a}}
      B:
        Type: HttpApi
        Properties: {ApiId: !Ref Api, Method: get, Path: /b, Auth: {Authorizer: NONE}}
      C:
        Type: HttpApi
        Properties: {ApiId: !Ref Api, Method: get, Path: /c, Auth: {Authorizer: AWS_IAM}}
"""
    api_resource = "\nApi:\n  Type: AWS::Serverless::HttpApi\n  Properties:\n"
    (api,) = up(checkout, FUNCTION + events + api_resource + JWT).http_apis
    assert by_key(api) == {
        "GET /a": Authorization(
            AuthorizationKind.JWT,
            "https://issuer.test/",
            ("shop",),
            ("read",),
            "$request.header.X-Token",
        ),
        "GET /b": None,
        "GET /c": IAM,
    }


def test_an_authoriser_is_not_skipped_in_silence(checkout: Path) -> None:
    auth = """
    Auth:
      DefaultAuthorizer: Asked
      Authorizers:
        Asked: {FunctionArn: !GetAtt Work.Arn, AuthorizerPayloadFormatVersion: '2.0'}
"""
    with pytest.raises(UnsupportedResource, match=r"Asked: only JWT authorisers and IAM are known"):
        up(checkout, API + auth)


DOCUMENT = """
Api:
  Type: AWS::Serverless::HttpApi
  Properties:
    StageName: $default
    DefinitionBody:
      openapi: 3.0.1
      info: {title: !Ref AWS::StackName, version: '1'}
      security: [{Signed: []}]
      paths:
        /predict:
          post:
            operationId: predict
            requestBody: {content: {application/json: {schema: {type: object}}}}
            responses: {'200': {description: an answer}}
            x-amazon-apigateway-integration:
              $ref: '#/components/x-amazon-apigateway-integrations/work'
        /open:
          get:
            security: []
            responses: {}
            x-amazon-apigateway-integration:
              $ref: '#/components/x-amazon-apigateway-integrations/work'
      components:
        schemas: {Answer: {type: object}}
        securitySchemes:
          Signed:
            {type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4}
        x-amazon-apigateway-integrations:
          work:
            type: aws_proxy
            httpMethod: POST
            payloadFormatVersion: '2.0'
            timeoutInMillis: 3000
            uri: !Sub >-
              arn:aws:apigateway:r:lambda:path/2015-03-31/functions/${WorkAliaslive}/invocations
"""
ALIASED = FUNCTION + "    AutoPublishAlias: live\n"


def test_routes_of_a_document_of_one_s_own(checkout: Path) -> None:
    stack = up(checkout, ALIASED + DOCUMENT)
    (api,) = stack.http_apis
    name = stack.functions["Work"].name
    assert set(api.routes) == {
        Route("POST", "/predict", name, "2.0", 3.0, IAM),
        Route("GET", "/open", name, "2.0", 3.0),
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("integrations/work'", "integrations/gone'", "refers to gone, which is not among"),
        ("security: [{Signed: []}]", "security: [{Wrong: []}]", "no authoriser 'Wrong'"),
        ("security: [{Signed: []}]", "security: [{Signed: []}, {Wrong: []}]", "takes one"),
        ("type: aws_proxy", "type: http_proxy", "only Lambda functions"),
        ("${WorkAliaslive}", "${Work}", r"is no function of this stack"),
        ("          post:", "          trace:", "does not know 'trace' of path /predict"),
        ("operationId: predict", "x-amazon-apigateway-policy: {}", "x-amazon-apigateway-policy"),
    ],
)
def test_a_document_that_cannot_be_served(checkout: Path, old: str, new: str, message: str) -> None:
    assert old in DOCUMENT
    with pytest.raises((ConfigurationError, UnsupportedResource), match=message):
        up(checkout, ALIASED + DOCUMENT.replace(old, new))


RESOURCES = """
Api:
  Type: AWS::ApiGatewayV2::Api
  Properties: {Name: shop, ProtocolType: HTTP, CorsConfiguration: {AllowOrigins: ['*'], MaxAge: 60}}
Stage:
  Type: AWS::ApiGatewayV2::Stage
  Properties:
    ApiId: !Ref Api
    StageName: $default
    AutoDeploy: true
    AccessLogSettings: {DestinationArn: arn, Format: x}
    DefaultRouteSettings: {ThrottlingRateLimit: 50, ThrottlingBurstLimit: 10}
    RouteSettings: {'POST /predict': {ThrottlingRateLimit: 5, ThrottlingBurstLimit: 1}}
    StageVariables: {colour: blue}
Integration:
  Type: AWS::ApiGatewayV2::Integration
  Properties:
    ApiId: !Ref Api
    IntegrationType: AWS_PROXY
    IntegrationUri: !GetAtt Work.Arn
    PayloadFormatVersion: '2.0'
    TimeoutInMillis: 4000
Tokens:
  Type: AWS::ApiGatewayV2::Authorizer
  Properties:
    ApiId: !Ref Api
    AuthorizerType: JWT
    IdentitySource: [$request.header.Authorization]
    JwtConfiguration: {Issuer: 'https://issuer.test', Audience: [shop, desk]}
    Name: tokens
Predict:
  Type: AWS::ApiGatewayV2::Route
  Properties:
    ApiId: !Ref Api
    RouteKey: POST /predict
    Target: !Sub integrations/${Integration}
    AuthorizationType: JWT
    AuthorizerId: !Ref Tokens
    AuthorizationScopes: [predict]
Signed:
  Type: AWS::ApiGatewayV2::Route
  Properties:
    ApiId: !Ref Api
    RouteKey: GET /signed
    Target: !Sub integrations/${Integration}
    AuthorizationType: AWS_IAM
Rest:
  Type: AWS::ApiGatewayV2::Route
  Properties: {ApiId: !Ref Api, RouteKey: $default, Target: !Sub 'integrations/${Integration}'}
"""


def test_an_api_of_single_resources(checkout: Path) -> None:
    stack = up(checkout, FUNCTION + RESOURCES)
    (api,) = stack.http_apis
    name = stack.functions["Work"].name
    tokens = Authorization(
        AuthorizationKind.JWT, "https://issuer.test", ("shop", "desk"), ("predict",)
    )
    assert set(api.routes) == {
        Route("POST", "/predict", name, "2.0", 4.0, tokens),
        Route("GET", "/signed", name, "2.0", 4.0, IAM),
        Route("ANY", "$default", name, "2.0", 4.0),
    }
    assert api.cors == {"allowOrigins": ["*"], "maxAge": 60}
    (stage,) = stack.stages
    assert stage.throttling == Throttling(rate=50.0, burst=10)
    assert stage.by_route == {"POST /predict": Throttling(rate=5.0, burst=1)}
    assert stage.variables == {"colour": "blue"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ProtocolType: HTTP", "ProtocolType: WEBSOCKET", "only HTTP APIs"),
        ("IntegrationType: AWS_PROXY", "IntegrationType: HTTP_PROXY", "only Lambda functions"),
        ("AuthorizerType: JWT", "AuthorizerType: REQUEST", "only JWT authorisers and IAM"),
        ("AuthorizationType: JWT", "AuthorizationType: CUSTOM", "only JWT authorisers and IAM"),
        ("AuthorizerId: !Ref Tokens", "AuthorizerId: other", "no authoriser 'other'"),
        ("!Sub integrations/${Integration}", "integrations/other", "id of an integration"),
        ("!GetAtt Work.Arn", "'arn:aws:lambda:x:1:function:other'", "no function of this stack"),
    ],
)
def test_single_resources_that_cannot_be_served(
    checkout: Path, old: str, new: str, message: str
) -> None:
    assert old in RESOURCES
    with pytest.raises((ConfigurationError, UnsupportedResource), match=message):
        up(checkout, FUNCTION + RESOURCES.replace(old, new))
