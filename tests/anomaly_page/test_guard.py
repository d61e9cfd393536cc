"""Nobody speaks to the page by another site's hand, and elsewhere only who has the token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.anomaly_page.app import STATIC, Setting, application
from cli.anomaly_page.desks import Clerks, SqliteDesks
from tests.anomaly_page.asking import asking

TOKEN = "a-token-of-enough-letters"
ACK = "/api/alerts/acknowledge"


@pytest.fixture(scope="module")
def clerks(empty: Path) -> Iterator[Clerks]:
    clerks = Clerks(SqliteDesks(str(empty)))
    yield clerks
    clerks.close()


@pytest.fixture(scope="module")
def client(clerks: Clerks) -> Iterator[httpx.Client]:
    with asking(application(clerks, Setting("ann", names=["watch.example.com"]))) as client:
        yield client


@pytest.fixture
def closed(clerks: Clerks) -> Iterator[httpx.Client]:
    with asking(application(clerks, Setting("ann", token=TOKEN))) as client:
        yield client


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8700", 200),
        ("localhost:8700", 200),
        ("LOCALHOST", 200),
        ("[::1]:8700", 200),
        ("192.168.1.7:8700", 200),
        ("watch.example.com", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:8700", 421),
        ("localhost.evil.example", 421),
        ("", 421),
        ("[::1", 200),
        ("[evil]", 421),
    ],
)
def test_hosts(client: httpx.Client, host: str, status: int) -> None:
    answer = client.get("/api/status", headers={"Host": host})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),  # no browser: the alert is asked for
        ({"Origin": "http://127.0.0.1:8700", "Sec-Fetch-Site": "same-origin"}, 404),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "http://127.0.0.1:8700.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 404),
    ],
)
def test_changes_from_elsewhere(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    sent = {"Host": "127.0.0.1:8700", "Content-Type": "application/json", **headers}
    answer = client.post(ACK, content=b'{"alert_id":"x"}', headers=sent)
    assert answer.status_code == status


def test_a_body_has_a_length_and_no_great_one(client: httpx.Client) -> None:
    kind = {"Content-Type": "application/json"}
    assert client.post(ACK, content=b"{}" * 10_000, headers=kind).status_code == 413
    assert client.post(ACK, content=iter([b"{}"]), headers=kind).status_code == 411


def test_with_a_token_nothing_is_told_without(closed: httpx.Client) -> None:
    assert closed.get("/").status_code == 200  # the page itself holds nothing
    assert closed.get("/api/status").status_code == 401
    assert closed.post(ACK, json={"alert_id": "x"}).status_code == 401
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert closed.get("/api/status", headers=bearer).status_code == 200
    for wrong in ("Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer é"):
        headers = [(b"Authorization", wrong.encode())]
        assert closed.get("/api/status", headers=headers).status_code == 401


def test_who_signed_in_is_known(closed: httpx.Client) -> None:
    assert closed.post("/api/sign-in", json={"token": "wrong"}).status_code == 403
    assert closed.post("/api/sign-in", json={}).status_code == 403
    answer = closed.post("/api/sign-in", json={"token": TOKEN})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert closed.get("/api/status").status_code == 200
    closed.cookies.set("millrace_page", "0" * 64)
    closed.cookies.delete("millrace_page")
    closed.cookies.set("millrace_page", "wrong")
    assert closed.get("/api/status").status_code == 401


@pytest.mark.parametrize(
    "path", ["/", "/main.js", "/page.css", "/nothing", "/api/status", "/api/no"]
)
def test_every_answer_has_the_policy(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_files_beside_the_page_are_not_served(client: httpx.Client) -> None:
    for path in ("/../app.py", "/%2e%2e/app.py", "/..%2fapp.py"):
        assert client.get(path).status_code == 404


def test_the_page_fetches_nothing_from_elsewhere_and_writes_no_markup() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in STATIC.iterdir()}
    assert {"index.html", "main.js", "page.css", "favicon.svg"} <= texts.keys()
    for name, text in texts.items():
        addresses = set(re.findall(r"https?://[^\s\"')]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, name
        for way in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "@import",
        ):
            assert way not in text, name
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=\"|\sstyle=\"", text), name
