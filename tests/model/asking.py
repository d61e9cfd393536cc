"""Asking the model server, without a network between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx

from model.loading import Model
from model.serve import Service, application

JSON_TYPE = {"content-type": "application/json"}


def features(model: Model, value: float | None = 1.5) -> dict[str, Any]:
    """Every feature of the model at the same value."""
    return dict.fromkeys(model.contract.features, value)


def invocation(model: Model, **changes: Any) -> dict[str, Any]:
    """What PredictFunction sends; a change to None leaves a field out."""
    whole = {"userId": "u1", "features": features(model), "input": {}, **changes}
    return {name: value for name, value in whole.items() if value is not None}


def ask(
    model: Model | None,
    method: str,
    path: str,
    body: bytes | dict[str, Any] = b"",
    headers: Mapping[str, str] = JSON_TYPE,
) -> httpx.Response:
    """The server's answer."""

    async def asked() -> httpx.Response:
        app = application(Service(model))
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            return await client.request(method, path, content=content, headers=dict(headers))

    return asyncio.run(asked())


def invoke(
    model: Model, body: bytes | dict[str, Any], headers: Mapping[str, str] = JSON_TYPE
) -> httpx.Response:
    """The answer to an invocation."""
    return ask(model, "POST", "/invocations", body, headers)
