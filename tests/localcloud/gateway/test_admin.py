"""The gateway's own routes."""

from __future__ import annotations

import httpx
import pytest

from tests.localcloud.gateway.conftest import Cloud


@pytest.fixture
def http(cloud: Cloud) -> httpx.Client:
    return httpx.Client(base_url=cloud.address.url + "/_localcloud", trust_env=False)


def test_health(http: httpx.Client) -> None:
    with http:
        assert http.get("/health").json() == {"status": "ok", "moto": 200}


def test_counters_can_be_read_and_reset(cloud: Cloud, http: httpx.Client) -> None:
    cloud.client("sts").get_caller_identity()
    with http:
        assert http.get("/counters").json() == {
            "sts": {
                "GetCallerIdentity": {
                    "calls": 1,
                    "errors": {},
                    "unanswered": 0,
                    "read_units": 0.0,
                    "write_units": 0.0,
                }
            }
        }
        assert http.delete("/counters").status_code == 204
        assert http.get("/counters").json() == {}


def test_a_plan_can_be_put_in_and_read(cloud: Cloud, http: httpx.Client) -> None:
    plan = {"seed": 3, "rule": [{"service": "s3", "operation": "ListBuckets", "drop": True}]}
    with http:
        assert http.put("/faults", json=plan).status_code == 204
        assert cloud.gateway.injector.plan.seed == 3
        with pytest.raises(Exception, match="closed"):
            cloud.client("s3").list_buckets()
        faults = http.get("/faults").json()
        assert faults["plan"]["rule"][0]["drop"] is True
        assert {
            "service": "s3",
            "operation": "ListBuckets",
            "fault": "connection dropped, before",
            "times": 1,
        } in faults["injected"]


def test_a_wrong_plan_is_refused(cloud: Cloud, http: httpx.Client) -> None:
    with http:
        for body, message in (("{", "unexpected end"), ('{"rules": []}', "Key 'rules' is unknown")):
            answer = http.put("/faults", content=body)
            assert answer.status_code == 400
            assert message in answer.json()["message"]
        assert cloud.gateway.injector.plan.rules == ()


def test_other_routes_are_not_there(http: httpx.Client) -> None:
    with http:
        assert http.get("/nothing").status_code == 404
