"""An OpenID provider on loopback, as far as its keys go."""

from __future__ import annotations

from dataclasses import dataclass, field

from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = RSAKey.generate_key(2048, {"kid": "one"})


@dataclass(slots=True)
class Provider:
    """Which keys it serves now, how often it was asked, and whether it works."""

    keys: list[RSAKey] = field(default_factory=lambda: [KEY])
    fetches: int = 0
    broken: bool = False

    def application(self) -> Starlette:
        """Its two documents over HTTP."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.about),
                Route("/keys", self.jwks),
            ]
        )

    async def about(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return JSONResponse({"issuer": base, "jwks_uri": f"{base}/keys"})

    async def jwks(self, request: Request) -> Response:
        self.fetches += 1
        if self.broken:
            return JSONResponse({"error": "down"}, 503)
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})
