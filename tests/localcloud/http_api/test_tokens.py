"""JWT authorisation against an issuer that serves its keys on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from millrace.errors import UnsupportedResource

from localcloud.http_api.authorization import Allowed, Denied
from localcloud.http_api.tokens import Issuer, Tokens
from localcloud.serving import Address, serving
from tests.localcloud.clock import ManualClock
from tests.localcloud.http_api.openid import KEY, Provider
from tests.localcloud.running import Running, running

OTHER = RSAKey.generate_key(2048, {"kid": "two"})
NOW_S = ManualClock().now_ms() // 1000


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Provider, Running[Address]]]:
    provider = Provider()
    with running(lambda: serving(provider.application())) as address:
        yield provider, address


@dataclass(slots=True)
class Gate:
    """An authoriser for the provider's tokens, with everything about it within reach."""

    provider: Provider
    url: str
    clock: ManualClock
    tokens: Tokens

    def token(self, key: RSAKey | OctKey = KEY, alg: str = "RS256", **claims: Any) -> str:
        whole = {"iss": self.url, "aud": "shop", "exp": NOW_S + 60, **claims}
        present = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode({"alg": alg, "kid": key.kid}, present, key, algorithms=[alg])

    def verdict(self, token: str | None, tokens: Tokens | None = None) -> Allowed | Denied:
        headers = {} if token is None else {"authorization": token}
        event: Mapping[str, Any] = {"headers": headers, "queryStringParameters": {"t": token}}
        return asyncio.run((tokens or self.tokens).authorize(event))

    def denied(self, token: str | None, tokens: Tokens | None = None) -> Denied:
        found = self.verdict(token, tokens)
        assert isinstance(found, Denied)
        return found


@pytest.fixture
def gate(served: tuple[Provider, Running[Address]]) -> Gate:
    provider, address = served
    provider.keys, provider.fetches, provider.broken = [KEY], 0, False
    clock, url = ManualClock(), address.value.url
    return Gate(provider, url, clock, Tokens(Issuer(url, clock), ("shop", "desk")))


def test_a_good_token_passes_with_its_claims_as_texts(gate: Gate) -> None:
    token = gate.token(sub="ann", admin=True, groups=["a", "b"], iat=NOW_S)
    for given in (f"Bearer {token}", f"bearer {token}", token):
        allowed = gate.verdict(given)
        assert isinstance(allowed, Allowed)
        claims = allowed.context["jwt"]["claims"]
        assert claims == {
            "iss": gate.url,
            "aud": "shop",
            "exp": str(NOW_S + 60),
            "sub": "ann",
            "admin": "true",
            "groups": "[a b]",
            "iat": str(NOW_S),
        }
        assert allowed.context["jwt"]["scopes"] is None
    assert gate.provider.fetches == 1, "keys are kept"


def test_without_a_token(gate: Gate) -> None:
    denied = gate.denied(None)
    assert (denied.status, denied.challenge) == (401, "Bearer")


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "http://127.0.0.1:1"}, "the issuer is invalid"),
        ({"iss": None}, "the issuer is invalid"),
        ({"aud": "else"}, "the audience is invalid"),
        ({"aud": None}, "the audience is invalid"),
        ({"aud": [{"a": 1}]}, "the audience is invalid"),
        ({"aud": "else", "client_id": "shop"}, "the audience is invalid"),
        ({"exp": NOW_S}, "the token has expired"),
        ({"exp": None}, "exp must be a number"),
        ({"nbf": NOW_S + 1}, "the token is not valid yet: nbf"),
        ({"iat": NOW_S + 1}, "the token is not valid yet: iat"),
    ],
)
def test_a_token_whose_claims_do_not_do(gate: Gate, claims: dict[str, Any], why: str) -> None:
    denied = gate.denied(gate.token(**claims))
    assert denied.status == 401
    assert denied.challenge == f'Bearer scope="" error="invalid_token" error_description="{why}"'


@pytest.mark.parametrize(
    "claims",
    [{"aud": ["else", "desk"]}, {"aud": None, "client_id": "shop"}, {"nbf": NOW_S}],
)
def test_other_ways_in_which_claims_do(gate: Gate, claims: dict[str, Any]) -> None:
    assert isinstance(gate.verdict(gate.token(**claims)), Allowed)


def test_a_token_that_somebody_else_signed(gate: Gate) -> None:
    forger = RSAKey.generate_key(2048, {"kid": "one"})
    shared = OctKey.import_key(b"s" * 32, {"kid": "one"})
    token = gate.token()
    head, body, signature = token.split(".")
    for bad in (
        gate.token(forger),
        gate.token(shared, "HS256"),
        f"{head}.{body}.",
        f"{head}.{body[:-2]}.{signature}",
        "a.b.c",
        "x",
        token + "x",
    ):
        denied = gate.denied(bad)
        assert denied.status == 401
        assert "malformed or its signature is invalid" in str(denied.challenge)


def test_a_token_must_name_its_key(gate: Gate) -> None:
    claims = {"iss": gate.url, "aud": "shop", "exp": NOW_S + 60}
    unnamed = jwt.encode({"alg": "RS256"}, claims, KEY, algorithms=["RS256"])
    assert "does not name its key" in str(gate.denied(unnamed).challenge)


def test_a_new_key_is_found_but_the_issuer_is_not_asked_without_end(gate: Gate) -> None:
    assert isinstance(gate.verdict(gate.token()), Allowed)
    rotated = gate.token(OTHER)
    assert "signing key not found" in str(gate.denied(rotated).challenge)
    assert gate.provider.fetches == 1, "it was asked a moment ago"
    gate.provider.keys = [OTHER]
    gate.clock.advance(6)
    assert isinstance(gate.verdict(gate.token(OTHER, exp=NOW_S + 100)), Allowed)
    assert gate.provider.fetches == 2
    gate.clock.advance(6)
    assert "signing key not found" in str(gate.denied(gate.token(exp=NOW_S + 100)).challenge)
    assert gate.provider.fetches == 3


def test_an_issuer_that_does_not_answer(gate: Gate) -> None:
    gate.provider.broken = True
    assert "OIDC discovery endpoint" in str(gate.denied(gate.token()).challenge)
    gate.provider.broken = False
    assert isinstance(gate.verdict(gate.token()), Allowed)


def test_a_route_s_scopes(gate: Gate) -> None:
    scoped = Tokens(gate.tokens.issuer, ("shop",), ("predict", "admin"))
    for claims in ({"scope": "read predict"}, {"scp": ["predict"]}):
        allowed = gate.verdict(gate.token(**claims), scoped)
        assert isinstance(allowed, Allowed)
        assert allowed.context["jwt"]["scopes"] == ["predict"]
    for lacking in ({}, {"scope": "read"}, {"scp": None}):
        denied = gate.denied(gate.token(**lacking), scoped)
        assert denied.status == 403
        assert denied.challenge == 'Bearer scope="predict admin" error="insufficient_scope"'


def test_a_token_in_the_query_string(gate: Gate) -> None:
    source = "$request.querystring.t"
    asked = Tokens(gate.tokens.issuer, ("shop",), identity_source=source)
    assert isinstance(gate.verdict(gate.token(), asked), Allowed)
    with pytest.raises(UnsupportedResource, match=r"\$request\.body\.t"):
        Tokens(gate.tokens.issuer, ("shop",), identity_source="$request.body.t")


@pytest.mark.parametrize("url", ["https://issuer.example/", "http://10.0.0.1", "nonsense"])
def test_an_issuer_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(UnsupportedResource, match="not on loopback"):
        Issuer(url, ManualClock())
