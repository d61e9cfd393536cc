"""Oracle's request signatures: who signs here, and whether a request is theirs.

Oracle signs by the draft of HTTP signatures: RSA-SHA256 over a list of headers that the request
names. Verified is what was signed, that it covers what the service demands, that it is no older
than five minutes, and the digest of a body where one is signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from localcloud.oci.errors import NotAuthenticated

_FIELD = re.compile(r'(\w+)="([^"]*)"')
_ALWAYS = frozenset({"date", "(request-target)", "host"})
_BODY = frozenset({"content-length", "content-type", "x-content-sha256"})
_SKEW_S = 300


def verify(
    keys: Mapping[str, rsa.RSAPublicKey],
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now_s: float,
    body_signed: bool,
) -> None:
    """Raise NotAuthenticated unless the request was signed with one of the keys, by its keyId."""
    told = dict(_FIELD.findall(headers.get("authorization", "")))
    key = keys.get(told.get("keyId", ""))
    if key is None or told.get("algorithm") != "rsa-sha256":
        raise NotAuthenticated("The request is not signed by anybody who is known")
    names = told.get("headers", "").lower().split()
    missing = (_ALWAYS | _BODY if body_signed else _ALWAYS) - set(names)
    if missing:
        raise NotAuthenticated(f"The signature must cover {', '.join(sorted(missing))}")
    lines = {"(request-target)": f"{method.lower()} {target}"}
    text = "\n".join(f"{name}: {lines.get(name, headers.get(name, ''))}" for name in names)
    _check_signature(key, told.get("signature", ""), text.encode())
    _check_date(headers.get("date", ""), now_s)
    if body_signed and headers.get("x-content-sha256") != digest(body):
        raise NotAuthenticated("The body is not the one that was signed")


def digest(body: bytes) -> str:
    """A body as `x-content-sha256` names it."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _check_signature(key: rsa.RSAPublicKey, signature: str, text: bytes) -> None:
    try:
        key.verify(base64.b64decode(signature), text, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        raise NotAuthenticated("The signature is wrong") from None


def _check_date(date: str, now_s: float) -> None:
    try:
        signed_s = parsedate_to_datetime(date).timestamp()
    except ValueError:
        raise NotAuthenticated(f"The date {date!r:.60} is none") from None
    if abs(now_s - signed_s) > _SKEW_S:
        raise NotAuthenticated("The date is more than five minutes off")
