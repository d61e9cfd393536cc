"""The AWS calls that make and remove resources: a tiny Protocol, and boto3 behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Protocol

import boto3
from botocore.client import BaseClient
from botocore.config import Config


class Aws(Protocol):
    """Calls AWS, or what stands in for it."""

    def call(self, service: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        """Call `operation` of `service`, both as boto3 spells them, and return its answer."""
        ...


class Boto3Aws:
    """AWS calls by boto3 to endpoints on this machine; never to AWS itself.

    Blocking: from an event loop that also serves the endpoint, call it in a thread.
    """

    def __init__(
        self, endpoint_url: str, region: str, endpoints: Mapping[str, str] | None = None
    ) -> None:
        """`endpoints` names services (as boto3 does) that are served elsewhere."""
        self._endpoint_url = endpoint_url
        self._endpoints = dict(endpoints or {})
        # Credentials of its own: the user's are never sent, nor needed.
        session = boto3.Session(
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - any text does
            region_name=region,
        )
        self._new_client: Callable[..., BaseClient] = session.client
        self._clients: dict[str, BaseClient] = {}
        self._making = Lock()

    def call(self, service: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        """See `Aws.call`; raises botocore's errors."""
        answer: Mapping[str, Any] = getattr(self.client(service), operation)(**parameters)
        return answer

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def client(self, service: str) -> BaseClient:
        """The boto3 client of a service."""
        with self._making:  # a session makes one client at a time
            if service not in self._clients:
                # A virtual-host bucket name would not resolve on loopback, hence path style.
                self._clients[service] = self._new_client(
                    service,
                    endpoint_url=self._endpoints.get(service, self._endpoint_url),
                    config=Config(s3={"addressing_style": "path"}, proxies={}),
                )
            return self._clients[service]
