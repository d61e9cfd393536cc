"""Who may speak to the page: nobody by another site's hand, and elsewhere only who has the token.

- A request's Host must be an address, `localhost`, or a name that was allowed. A site whose name is
  made to lead here (DNS rebinding) has its own name there.
- A request that changes something must come from the page itself (Origin, Sec-Fetch-Site) or from
  no browser at all, and be JSON, which no form of another site can send.
- With a token, whatever is asked of the API needs it: as a Bearer, or in the cookie that signing in
  sets, which holds no token but proves that there was one.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cli.anomaly_page.problems import problem

COOKIE = "millrace_page"
SIGN_IN = "/api/sign-in"
_MOST_BODY = 16_384
_SAFE = {"GET", "HEAD"}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Stands before the application; `names` are hosts allowed beside addresses and localhost."""

    def __init__(self, app: ASGIApp, names: Iterable[str] = (), token: str | None = None) -> None:
        self.inner = app
        self._names = {name.casefold() for name in names} | {"localhost"}
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        refused = self._refused(scope["method"], scope["path"], headers)
        app = self.inner if refused is None else refused
        await app(scope, receive, _with_headers(send))

    def _refused(self, method: str, path: str, headers: Headers) -> JSONResponse | None:
        if not host_is_known(headers.get("host", ""), self._names):
            message = "This name is not the page's: use its address, or start it with --allow-host"
            return problem(421, "wrong-host", message)
        if method not in _SAFE and (said := _not_ours(headers)) is not None:
            return said
        closed = self._token is not None and path.startswith("/api/") and path != SIGN_IN
        if closed and not is_signed_in(headers, self._token or ""):
            return problem(401, "sign-in", "Sign in with the token that the server printed")
        return None


def _not_ours(headers: Headers) -> JSONResponse | None:
    """Why a request that changes something is not taken."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    own = origin is None or origin.partition("://")[2].casefold() == headers["host"].casefold()
    if not own or site not in ("same-origin", "none"):
        return problem(403, "cross-site", "Only the page itself may change something")
    if headers.get("content-type", "").partition(";")[0].strip().casefold() != "application/json":
        return problem(415, "not-json", "Send a JSON object, as application/json")
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return problem(411, "no-length", "Say in Content-Length how long the body is")
    if int(length) > _MOST_BODY:
        return problem(413, "too-large", f"A body has at most {_MOST_BODY} bytes")
    return None


def host_is_known(host: str, names: Iterable[str]) -> bool:
    """Whether a Host header is an address or one of the names; its port does not matter.

    >>> host_is_known("127.0.0.1:8080", []), host_is_known("[::1]:8080", [])
    (True, True)
    >>> host_is_known("evil.example", ["localhost"]), host_is_known("localhost", ["localhost"])
    (False, True)
    """
    name = host.casefold()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    if name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def proof_of(token: str) -> str:
    """What the cookie holds."""
    return hmac.new(token.encode(), b"millrace page", hashlib.sha256).hexdigest()


def is_signed_in(headers: Mapping[str, str], token: str) -> bool:
    """Whether a request has the token, or the proof of it."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer" and hmac.compare_digest(given.encode(), token.encode()):
        return True
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return False
    return cookie is not None and hmac.compare_digest(cookie.value, proof_of(token))


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-cache")
        await send(message)

    return sending
