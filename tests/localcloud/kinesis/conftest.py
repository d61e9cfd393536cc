"""One served Kinesis for the session, and a stream of its own for every test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.localcloud.kinesis.served import Service, client_of, serve
from tests.localcloud.running import running


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """One service for the session."""
    with running(serve) as served:
        client = client_of(served.value.address)
        yield Service(client, served)
        client.close()


@pytest.fixture
def stream(service: Service, request: pytest.FixtureRequest) -> Iterator[str]:
    """A stream of two shards, named after the test."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:110]
    service.client.create_stream(StreamName=name, ShardCount=2)
    yield name
    with contextlib.suppress(service.client.exceptions.ResourceNotFoundException):
        service.client.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
