"""IAM authorisation: requests signed with Signature Version 4 for execute-api.

What is checked is what can be checked without IAM: that there is such a signature, that it has the
right form and place, that it covers what it must, and that it is not older than five minutes. It
is *not* recomputed, and nobody's permissions are looked at: any credentials do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.http_api.authorization import Allowed, Denied
from localcloud.ports import Clock

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[\w-]+)/(?P<date>\d{8})/(?P<region>[\w-]+)/"
    r"(?P<service>[\w-]+)/aws4_request, ?SignedHeaders=(?P<signed>[\w;-]+), ?"
    r"Signature=[0-9a-f]{64}"
)
_TOLERANCE_S = 300
_SERVICE = "execute-api"


@dataclass(frozen=True, slots=True)
class SignedRequests:
    """Allows requests that are signed."""

    clock: Clock
    region: str = "us-east-1"
    account_id: str = "123456789012"

    async def authorize(self, event: Mapping[str, Any]) -> Allowed | Denied:
        """See `Authorizer.authorize`; API Gateway answers 403 whatever is wrong."""
        headers: Mapping[str, str] = event["headers"]
        parts = _HEADER.fullmatch(headers.get("authorization", ""))
        problem = "there is no signature" if parts is None else self._problem(parts, headers)
        if parts is None or problem is not None:
            return Denied(403, why=f"not signed as {_SERVICE} wants it: {problem}")
        return Allowed({"iam": self._identity(parts["key"])})

    def _problem(self, parts: re.Match[str], headers: Mapping[str, str]) -> str | None:
        """What is wrong with a signature, if anything."""
        if (parts["region"], parts["service"]) != (self.region, _SERVICE):
            return f"it is for {parts['service']} in {parts['region']}"
        signed = parts["signed"].split(";")
        for name in ("host", "x-amz-date"):
            if name not in signed:
                return f"it does not cover {name}"
        missing = [name for name in signed if name not in headers]
        if missing:
            return f"it covers {missing[0]}, which is not there"
        return self._out_of_date(parts["date"], headers["x-amz-date"])

    def _out_of_date(self, scope_date: str, at: str) -> str | None:
        try:
            signed_at = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            return f"x-amz-date is {at!r}"
        if not at.startswith(scope_date):
            return f"its scope is {scope_date}, its date {at}"
        age_s = self.clock.now_ms() / 1000 - signed_at.timestamp()
        return f"it is of {at}, {age_s:.0f} s ago" if abs(age_s) > _TOLERANCE_S else None

    def _identity(self, access_key: str) -> dict[str, Any]:
        user = "AIDA" + "LOCAL".ljust(17, "0")
        return {
            "accessKey": access_key,
            "accountId": self.account_id,
            "callerId": user,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": f"arn:aws:iam::{self.account_id}:user/local",
            "userId": user,
        }
