"""The real client against a runtime on loopback: the wire form, and every kind of trouble."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from botocore.config import Config
from botocore.session import get_session
from millrace.errors import (
    MillraceError,
    ModelError,
    ModelMismatch,
    NotDeployed,
    Throttled,
    TooSlow,
    Unavailable,
)
from millrace.inference.call import Call, within
from millrace.inference.contract import MAX_PREDICTION_BYTES, ModelAnswer
from millrace.inference.sagemaker import Endpoint

from tests.inference.endpoint_server import (
    EndpointServer,
    Reply,
    endpoint_server,
    error,
    model_error,
)
from tests.inference.making import IDENTITY
from tests.localcloud.running import running

VERSION = "0123456789ab"


@pytest.fixture(scope="module")
def running_server() -> Iterator[EndpointServer]:
    with running(endpoint_server) as server:
        yield server.value


@pytest.fixture
def server(running_server: EndpointServer) -> EndpointServer:
    running_server.replies, running_server.asked = [Reply()], []
    return running_server


@contextlib.contextmanager
def endpoint_at(url: str, timeout_s: float = 5.0) -> Iterator[Endpoint]:
    """An endpoint with a client as `millrace.aws.client` makes it for a prediction."""
    client: Any = get_session().create_client(
        "sagemaker-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIDLOCAL",
        aws_secret_access_key="secret",
        config=Config(
            connect_timeout=1,
            read_timeout=timeout_s,
            retries={"mode": "standard", "total_max_attempts": 1},
        ),
    )
    with contextlib.closing(client):
        yield Endpoint(client, "shop-model", VERSION)


def ask(server: EndpointServer, *replies: Reply, timeout_s: float = 5.0) -> ModelAnswer:
    server.replies = list(replies) or [Reply()]
    with endpoint_at(server.url, timeout_s) as endpoint:
        return endpoint.ask(b'{"userId":"u1"}', IDENTITY, call())


def call(seconds: float = 10.0) -> Call:
    return Call(seconds, time.monotonic)


def test_the_request_is_json_with_the_version_of_the_features(server: EndpointServer) -> None:
    ask(server)
    (asked,) = server.asked
    assert asked.path == "/endpoints/shop-model/invocations"
    assert asked.body == b'{"userId":"u1"}'
    headers = asked.headers
    assert headers["content-type"] == headers["accept"] == "application/json"
    assert headers["x-amzn-sagemaker-custom-attributes"] == f"millrace-features={VERSION}"
    assert headers["x-amzn-sagemaker-inference-id"] == IDENTITY
    assert "/sagemaker/aws4_request" in headers["authorization"]


def test_the_answer_says_which_model_it_was(server: EndpointServer) -> None:
    headers = {
        "x-amzn-sagemaker-custom-attributes": f"model-version=3;features={VERSION}",
        "x-amzn-invoked-production-variant": "Blue",
    }
    answer = ask(server, Reply(body=b" [0.1,\n0.9]\n", headers=headers))
    assert answer == ModelAnswer(b"[0.1,\n0.9]", "Blue", "3")


def test_a_model_of_other_features_is_a_mismatch_although_it_answers(
    server: EndpointServer,
) -> None:
    headers = {"x-amzn-sagemaker-custom-attributes": "model-version=3;features=ba9876543210"}
    with pytest.raises(ModelMismatch, match="ba9876543210"):
        ask(server, Reply(headers=headers))


MISMATCH = orjson.dumps({"error": "features-mismatch", "message": "trained on v1"}).decode()


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (
            error(400, "ValidationError", Message="Endpoint m of account 1 not found."),
            NotDeployed,
            "'shop-model'",
        ),
        (error(400, "ValidationError", Message="'body' is too long"), ModelError, "too long"),
        (error(400, "ThrottlingException", Message=None), Throttled, "ThrottlingException"),
        (error(429, "ThrottlingException", Message="Rate exceeded"), Throttled, "Rate exceeded"),
        (error(429, "ModelNotReadyException", Message="later"), Unavailable, "being loaded"),
        (error(503, "ServiceUnavailable", Message="no"), Unavailable, "ServiceUnavailable"),
        (error(500, "InternalFailure", Message="no"), Unavailable, "InternalFailure"),
        (error(530, "InternalDependencyException", Message="no"), Unavailable, "530|Dependency"),
        (error(403, "AccessDeniedException", Message="no"), Unavailable, "AccessDenied"),
        (Reply(502, b"<html>bad gateway</html>"), Unavailable, "502"),
        (model_error(500, "Traceback"), ModelError, "failed with status 500"),
        (model_error(400, "no such page"), ModelError, "400: no such page"),
        (model_error(400, MISMATCH), ModelMismatch, "trained on v1"),
        (model_error(0, "Your invocation timed out"), ModelError, "no answer"),
        (Reply(body=b"0.1,0.9", headers={"content-type": "text/csv"}), ModelError, "text/csv"),
        (Reply(body=b'{"score": NaN}'), ModelError, "not valid JSON"),
        (Reply(body=b""), ModelError, "not valid JSON"),
        (Reply(body=b"1" * (MAX_PREDICTION_BYTES + 9)), ModelError, "more than"),
    ],
)
def test_trouble_is_told_apart(
    server: EndpointServer, reply: Reply, kind: type[MillraceError], says: str
) -> None:
    with pytest.raises(MillraceError, match=says) as caught:
        ask(server, reply)
    assert type(caught.value) is kind
    assert len(server.asked) == 1, "an endpoint in trouble must not be asked again"


def test_a_connection_that_went_stale_is_tried_again(server: EndpointServer) -> None:
    assert ask(server, Reply(cut=True), Reply()).prediction == b'{"score":0.5}'
    assert len(server.asked) == 2
    assert server.asked[0].body == server.asked[1].body


def test_an_endpoint_that_always_hangs_up_is_unavailable(server: EndpointServer) -> None:
    with pytest.raises(Unavailable, match="shop-model"):
        ask(server, Reply(cut=True))
    assert len(server.asked) == 3


def test_nobody_is_there() -> None:
    with (
        endpoint_at("http://127.0.0.1:9") as endpoint,
        pytest.raises(Unavailable, match="shop-model"),
    ):
        endpoint.ask(b"{}", IDENTITY, call())


def test_no_time_is_left_to_try_again(server: EndpointServer) -> None:
    server.replies = [Reply(cut=True), Reply()]
    with endpoint_at(server.url) as endpoint, pytest.raises(Unavailable):
        endpoint.ask(b"{}", IDENTITY, call(0))
    assert len(server.asked) == 1


def test_silence_ends_with_the_clients_own_time(server: EndpointServer) -> None:
    with pytest.raises(Unavailable, match="ReadTimeout"):
        ask(server, Reply(wait_s=3), timeout_s=0.2)
    assert len(server.asked) == 1


def test_a_byte_now_and_then_outlives_every_timeout_but_not_the_deadline(
    server: EndpointServer,
) -> None:
    server.replies = [Reply(wait_s=0.1, trickles=True)]
    whole = call()
    begun_s = time.monotonic()
    with endpoint_at(server.url, timeout_s=0.3) as endpoint, pytest.raises(TooSlow):
        within(0.5, lambda: endpoint.ask(b"{}", IDENTITY, whole))
    assert time.monotonic() - begun_s < 2.5


def test_what_an_endpoint_took_is_measured_whether_it_answered_or_not(
    server: EndpointServer,
) -> None:
    for replies in ([Reply(wait_s=0.1)], [Reply(500, wait_s=0.1)]):
        server.replies = replies
        asked = call()
        try:
            with endpoint_at(server.url) as endpoint:
                endpoint.ask(b"{}", IDENTITY, asked)
        except Unavailable:
            assert replies[0].status == 500
        (measure,) = asked.measures
        assert measure.name == "EndpointLatency"
        assert measure.value >= 100
