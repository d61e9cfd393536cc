"""Whose requests are let in."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from localcloud.oci.errors import NotAuthenticated
from localcloud.oci.signing import digest, verify
from tests.localcloud.oci.looped import looped
from tests.localcloud.oci.serving import served

NOW_S = 1_790_000_000.0
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ALL = ("date", "(request-target)", "host", "content-length", "content-type", "x-content-sha256")


@dataclass
class Signed:
    """A request, signed as it stands when `headers` is asked for."""

    key: rsa.RSAPrivateKey = KEY
    key_id: str = "ST$token"
    names: tuple[str, ...] = ALL
    target: str = "/topics/t/messages?a=b"
    body: bytes = b"{}"
    date_s: float = NOW_S
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.headers = {
            "date": formatdate(self.date_s, usegmt=True),
            "host": "127.0.0.1:1",
            "content-type": "application/json",
            "content-length": str(len(self.body)),
            "x-content-sha256": digest(self.body),
        }
        values = {"(request-target)": f"post {self.target}", **self.headers}
        text = "\n".join(f"{name}: {values[name]}" for name in self.names)
        made = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        self.headers["authorization"] = (
            f'Signature algorithm="rsa-sha256",headers="{" ".join(self.names)}",'
            f'keyId="{self.key_id}",signature="{base64.b64encode(made).decode()}",version="1"'
        )

    def verified(self, *, body_signed: bool = True) -> None:
        keys = {"ST$token": KEY.public_key()}
        verify(
            *(keys, "POST", self.target, self.headers, self.body),
            now_s=NOW_S,
            body_signed=body_signed,
        )


def test_what_is_signed_is_let_in() -> None:
    Signed().verified()
    Signed(names=ALL[:3]).verified(body_signed=False)


def changed(**parts: object) -> Signed:
    """A request that was changed after it was signed."""
    request = Signed()
    for name, value in parts.items():
        setattr(request, name, value)
    return request


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Signed(key=OTHER), "signature is wrong"),
        (Signed(key_id="ST$other"), "not signed by anybody"),
        (Signed(names=ALL[:3]), "must cover content-length, content-type, x-content-sha256"),
        (Signed(date_s=NOW_S - 301), "five minutes off"),
        (Signed(date_s=NOW_S + 301), "five minutes off"),
        (changed(target="/topics/other/messages"), "signature is wrong"),
        (changed(body=b"[]"), "not the one that was signed"),
        (changed(headers={}), "not signed by anybody"),
    ],
    ids=range(8),
)
def test_what_is_not_is_refused(request_: Signed, why: str) -> None:
    with pytest.raises(NotAuthenticated, match=why):
        request_.verified()


@looped
async def test_nobody_is_let_in_unsigned(tmp_path: Path) -> None:
    async with served(tmp_path) as cloud, httpx.AsyncClient(base_url=cloud.url) as client:
        put = await client.post(f"/20180418/streams/{cloud.stream.id}/messages", json={})
        told = await client.post(
            f"/20181201/topics/{cloud.inbox.topic_id}/messages", json={"body": "x"}
        )
        unknown = await client.get("/20180418/other")
    assert [put.status_code, told.status_code, unknown.status_code] == [401, 401, 404]
    assert put.json()["code"] == told.json()["code"] == "NotAuthenticated"
    assert cloud.inbox.notices == []
