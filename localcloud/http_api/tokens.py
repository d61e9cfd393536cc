"""JWT authorisation: tokens signed by an issuer whose keys are fetched as OpenID Connect says.

Follows the developer guide, "Control access to HTTP APIs with JWT authorizers": RSA algorithms
only; the header must name a key of the issuer; `iss`, `aud` (or `client_id`), `exp`, `nbf`, `iat`
and, where the route asks for any, one of its scopes in `scope` or `scp`.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from millrace.errors import UnsupportedResource

from localcloud.http_api.authorization import Allowed, Denied
from localcloud.ports import Clock

_ALGORITHMS = ("RS256", "RS384", "RS512")
_SOURCES = {"header": "headers", "querystring": "queryStringParameters"}
_DISCOVERY = ".well-known/openid-configuration"
_TIMEOUT_S = 5.0
# An unknown key may be a new one; but nobody can make us ask the issuer without end.
_REFETCH_MS = 5_000
# An issuer that does not answer, or not with what it should.
_UNUSABLE = (
    httpx.HTTPError,
    httpx.InvalidURL,
    JoseError,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
    UnsupportedResource,
)

_log = logging.getLogger(__name__)


class _Invalid(Exception):
    """The token does not do; the text is what the client is told."""


@dataclass(slots=True)
class Issuer:
    """An issuer's keys, fetched when first needed and again when a token names an unknown one.

    Raises UnsupportedResource for an issuer that is not on loopback: the local cloud talks to
    nobody else.
    """

    url: str
    clock: Clock
    _keys: KeySet | None = None
    _fetched_ms: int = 0

    def __post_init__(self) -> None:
        _require_loopback(self.url)

    async def claims(self, token: str) -> Mapping[str, Any]:
        """The claims of a token that this issuer has signed."""
        keys = self._keys or await self._fetch()
        try:
            return self._verified(token, keys)
        except InvalidKeyIdError:
            if self.clock.now_ms() - self._fetched_ms < _REFETCH_MS:
                raise _Invalid("signing key not found") from None
        try:
            return self._verified(token, await self._fetch())
        except InvalidKeyIdError:
            raise _Invalid("signing key not found") from None

    def _verified(self, token: str, keys: KeySet) -> Mapping[str, Any]:
        try:
            decoded = jwt.decode(token, keys, algorithms=_ALGORITHMS)
        except InvalidKeyIdError:
            raise
        except (JoseError, ValueError) as error:
            raise _Invalid("the token is malformed or its signature is invalid") from error
        if "kid" not in decoded.header:
            raise _Invalid("the token does not name its key")
        return decoded.claims

    async def _fetch(self) -> KeySet:
        self._fetched_ms = self.clock.now_ms()
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
                about = await _json(client, f"{self.url.rstrip('/')}/{_DISCOVERY}")
                keys_url = str(about["jwks_uri"])
                _require_loopback(keys_url)
                self._keys = KeySet.import_key_set(await _json(client, keys_url))
        except _UNUSABLE as error:
            _log.warning("The keys of issuer %s cannot be had: %r", self.url, error)
            raise _Invalid("OIDC discovery endpoint communication error") from error
        return self._keys


@dataclass(frozen=True, slots=True)
class Tokens:
    """Allows requests with a token for one of `audience`, and with one of `scopes` if any."""

    issuer: Issuer
    audience: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    identity_source: str = "$request.header.Authorization"
    _place: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        source, _, name = self.identity_source.removeprefix("$request.").partition(".")
        if source not in _SOURCES or not name:
            raise UnsupportedResource(
                f"A JWT authoriser looks for its token in {self.identity_source!r}; the local HTTP "
                "API knows '$request.header.NAME' and '$request.querystring.NAME'."
            )
        place = (_SOURCES[source], name.lower() if source == "header" else name)
        object.__setattr__(self, "_place", place)

    async def authorize(self, event: Mapping[str, Any]) -> Allowed | Denied:
        """See `Authorizer.authorize`."""
        field_name, key = self._place
        token = event.get(field_name, {}).get(key)
        if not token:
            return Denied(401, "Bearer", "there is no token")
        try:
            claims = await self.issuer.claims(_bare(token))
            self._check(claims)
        except _Invalid as invalid:
            told = f'Bearer scope="" error="invalid_token" error_description="{invalid}"'
            return Denied(401, told, str(invalid))
        granted = [scope for scope in _scopes(claims) if scope in self.scopes]
        if self.scopes and not granted:
            wanted = " ".join(self.scopes)
            told = f'Bearer scope="{wanted}" error="insufficient_scope"'
            return Denied(403, told, f"the token has none of the scopes {wanted}")
        texts = {name: _text(value) for name, value in claims.items()}
        return Allowed({"jwt": {"claims": texts, "scopes": granted or None}})

    def _check(self, claims: Mapping[str, Any]) -> None:
        now_s = self.issuer.clock.now_ms() / 1000
        if claims.get("iss") != self.issuer.url:
            raise _Invalid("the issuer is invalid")
        meant = claims.get("aud", claims.get("client_id"))
        if not any(
            name in (meant if isinstance(meant, list) else [meant]) for name in self.audience
        ):
            raise _Invalid("the audience is invalid")
        if _time(claims, "exp") <= now_s:
            raise _Invalid("the token has expired")
        for name in ("nbf", "iat"):
            if name in claims and _time(claims, name) > now_s:
                raise _Invalid(f"the token is not valid yet: {name}")


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _Invalid(f"{name} must be a number")
    return value


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    given = claims.get("scope", claims.get("scp", ""))
    return given.split() if isinstance(given, str) else [str(scope) for scope in given or ()]


def _text(value: object) -> str:
    """A claim as API Gateway hands it on: always a text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(_text(item) for item in value)}]"
    return str(value)


def _bare(token: str) -> str:
    """The token itself: API Gateway takes it with and without Bearer."""
    scheme, _, rest = token.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else token


async def _json(client: httpx.AsyncClient, url: str) -> Any:  # noqa: ANN401  whatever it holds
    answer = await client.get(url)
    answer.raise_for_status()
    return answer.json()


def _require_loopback(url: str) -> None:
    host = urlsplit(url).hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise UnsupportedResource(
            f"The keys of the token issuer {url!r} are not on loopback, and the local cloud talks "
            "to nobody else; run an issuer on 127.0.0.1 and name it (ApiJwtIssuer)."
        )
