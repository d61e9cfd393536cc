"""Requests to an HTTP API, signed as its callers sign them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS_KEY = "AKIDTEST"


def signed(method: str, url: str, content: bytes = b"") -> dict[str, str]:
    """The headers of a request with a JSON body, signed for execute-api."""
    headers = {"host": urlsplit(url).netloc, "content-type": "application/json"}
    request = AWSRequest(method, url, data=content, headers=headers)
    credentials = Credentials(ACCESS_KEY, "secret")
    SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def post(url: str, document: Any, client: httpx.Client | None = None) -> httpx.Response:
    """Post a JSON document, signed."""
    content = orjson.dumps(document)
    send = httpx.post if client is None else client.post
    return send(url, content=content, headers=signed("POST", url, content), timeout=30)


def get(url: str) -> httpx.Response:
    """Get, signed."""
    return httpx.get(url, headers=signed("GET", url), timeout=30)
