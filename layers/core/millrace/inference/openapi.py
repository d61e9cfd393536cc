"""The OpenAPI 3.1 document of the API, as data; the tests hold every answer against it."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson

from millrace.events import MAX_KEY_BYTES
from millrace.inference.contract import MAX_BODY_BYTES, MAX_USERS

Node = dict[str, Any]

_JSON = "application/json"


@cache
def document_text() -> str:
    """The document, as it is served."""
    return orjson.dumps(document()).decode()


def document() -> Node:
    """The document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Millrace",
            "version": "1",
            "description": (
                "Predictions of a model on features that are a second old. Bodies are JSON of at"
                f" most {MAX_BODY_BYTES} bytes. How callers are authenticated is decided when the"
                " stack is deployed: requests signed by AWS (Signature Version 4, service"
                " execute-api), or a bearer token."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/predict": {"post": _predict()},
            "/features/{userId}": {"get": _features()},
            "/features": {"post": _batch()},
            "/feedback": {"post": _feedback()},
            "/openapi.json": {"get": _openapi()},
        },
        "components": {"schemas": _schemas(), "headers": _headers()},
    }


# ---- operations -------------------------------------------------------------------------------


def _predict() -> Node:
    return {
        "operationId": "predict",
        "summary": "A prediction for a user, on the features as of now",
        "requestBody": _body("PredictRequest"),
        "responses": {
            "200": _answer("The model's answer, and what it was given", "Prediction"),
            **_refusals("400", "404", "413", "415"),
            "502": _answer("The model failed, or its answer is none", "Error"),
            **_later("503", "504"),
            **_unreadable(),
        },
    }


def _features() -> Node:
    return {
        "operationId": "features",
        "summary": "A user's features as of now",
        "parameters": [
            {
                "name": "userId",
                "in": "path",
                "required": True,
                "description": "Ids with a slash or a control character: POST /features",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_KEY_BYTES,
                    "pattern": "^[^/\u0000-\u001f]+$",
                },
            }
        ],
        "responses": {
            "200": _answer("The features", "UserFeatures"),
            **_refusals("400", "404", "413", "415"),
            **_later("503", "504"),
            **_unreadable(),
        },
    }


def _batch() -> Node:
    return {
        "operationId": "featuresOfMany",
        "summary": "The features of many users as of now",
        "requestBody": _body("BatchRequest"),
        "responses": {
            "200": _answer("Each user's features, or why there are none, as listed", "Batch"),
            **_refusals("400", "413", "415"),
            **_later("503", "504"),
        },
    }


def _feedback() -> Node:
    return {
        "operationId": "feedback",
        "summary": "What came of a prediction",
        "requestBody": _body("FeedbackRequest"),
        "responses": {
            "202": _answer("It is kept", "Accepted"),
            **_refusals("400", "413", "415"),
            **_later("503", "504"),
        },
    }


def _openapi() -> Node:
    content = {_JSON: {"schema": {"type": "object", "required": ["openapi", "paths"]}}}
    return {
        "operationId": "openapi",
        "summary": "This document",
        "responses": {
            "200": {"description": "This document", "content": content},
            **_refusals("400", "413", "415"),
        },
    }


# ---- parts ------------------------------------------------------------------------------------

_REFUSALS = {
    "400": "The request is wrong: the message says where",
    "404": "Nothing is known of the user, and this stack refuses such users; or no such route",
    "413": "The body, or the answer to it, is too large",
    "415": f"The content-type is not {_JSON}, or the body is encoded",
}
_LATER = {
    "503": "Not for the moment, or not deployed: the code says which",
    "504": "There was no answer in time",
}


def _body(schema: str) -> Node:
    return {"required": True, "content": {_JSON: {"schema": _ref(schema)}}}


def _answer(description: str, schema: str) -> Node:
    return {"description": description, "content": {_JSON: {"schema": _ref(schema)}}}


def _refusals(*statuses: str) -> Node:
    """What API Gateway answers itself (401, 403, 429) is listed with our own refusals."""
    ours = {status: _answer(_REFUSALS[status], "Error") for status in statuses}
    gateway = {
        "401": _answer("No valid token (answered by API Gateway)", "GatewayError"),
        "403": _answer("No permission (answered by API Gateway)", "GatewayError"),
        "429": _answer("Too many requests (answered by API Gateway)", "GatewayError"),
    }
    return {**ours, **gateway}


def _later(*statuses: str) -> Node:
    header = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return {status: {**_answer(_LATER[status], "Error"), "headers": header} for status in statuses}


def _unreadable() -> Node:
    return {"500": _answer("The user's stored state cannot be read", "Error")}


def _ref(name: str) -> Node:
    return {"$ref": f"#/components/schemas/{name}"}


def _headers() -> Node:
    schema = {"type": "integer", "minimum": 1}
    return {"RetryAfter": {"description": "Seconds", "required": True, "schema": schema}}


def _object(properties: Node, *, optional: tuple[str, ...] = (), **more: object) -> Node:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        **more,
    }


def _schemas() -> Node:
    prediction_id = {"type": "string", "format": "uuid"}
    user_id = {
        "type": ["string", "integer"],
        "minLength": 1,
        "maxLength": MAX_KEY_BYTES,
        "description": f"At most {MAX_KEY_BYTES} bytes of UTF-8; an integer becomes text",
    }
    anything = {"description": "Any JSON"}
    user_ids = {"type": "array", "items": user_id, "minItems": 1, "maxItems": MAX_USERS}
    feedback = {
        "predictionId": prediction_id,
        "outcome": anything,
        "userId": {**user_id, "type": ["string", "integer", "null"]},
        "timestamp": {
            "type": ["string", "number", "null"],
            "description": "ISO 8601, or Unix seconds or milliseconds; now, where it is missing",
        },
    }
    return {
        "PredictRequest": _object({"userId": user_id, "input": anything}),
        "BatchRequest": _object({"userIds": user_ids}),
        "FeedbackRequest": _object(feedback, optional=("userId", "timestamp")),
        "Features": _features_schema(),
        "UserFeatures": _object(_view()),
        "Prediction": _object(
            {"predictionId": prediction_id, **_view(), "prediction": anything, "model": _model()}
        ),
        "Batch": _object(
            {
                "users": {
                    "type": "array",
                    "items": {"oneOf": [_ref("UserFeatures"), _ref("UserError")]},
                }
            }
        ),
        "UserError": _object({"userId": {"type": "string"}, **_error()}),
        "Accepted": _object({"accepted": {"const": True}, "predictionId": prediction_id}),
        "Error": _object(
            {**_error(), "field": {"type": "string", "description": "The field at fault"}},
            optional=("field",),
        ),
        "GatewayError": {"type": "object", "properties": {"message": {"type": "string"}}},
    }


def _features_schema() -> Node:
    text = {"type": ["string", "null"]}
    count = {"type": "integer", "minimum": 0}
    plain = {
        "userId": {"type": "string"},
        "lastTimestamp": text,
        "lastUpdate": text,
        "lastEventType": text,
        "lastMetric": {"type": ["number", "null"]},
        "count": count,
        "count5min": count,
    }
    description = "Every feature of features.toml as of featuresAsOf, and the plain names"
    return {
        **_object(plain, description=description),
        "additionalProperties": {"type": ["number", "null"]},
    }


def _view() -> Node:
    return {
        "userId": {"type": "string"},
        "known": {"type": "boolean", "description": "Whether any event of the user has come"},
        "features": _ref("Features"),
        "featuresAsOf": {"type": "string", "format": "date-time"},
        "featureAgeMs": {
            "type": ["integer", "null"],
            "minimum": 0,
            "description": "Milliseconds since the user's newest event; null where there is none",
        },
        "featuresVersion": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
    }


def _model() -> Node:
    text = {"type": ["string", "null"]}
    return _object({"endpoint": {"type": "string"}, "variant": text, "version": text})


def _error() -> Node:
    return {
        "error": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$"},
        "message": {"type": "string"},
    }
