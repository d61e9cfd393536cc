"""A resource principal: what a function or a client in the local cloud signs in with.

A throw-away key and a token that says it is one; nobody but this local cloud takes them.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

REGION = "eu-frankfurt-1"
TENANCY = "ocid1.tenancy.oc1.local"
COMPARTMENT = "ocid1.compartment.oc1.local"
_LIFETIME_S = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signs: by what name, with what key, and the environment that makes the SDK do so."""

    key_id: str
    public_key: rsa.RSAPublicKey
    environ: Mapping[str, str]

    @classmethod
    def made(cls, folder: Path) -> Principal:
        """A new one, its files in `folder`, readable by nobody else."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        token = _token()
        environ = {
            "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2",
            "OCI_RESOURCE_PRINCIPAL_RPST": _kept(folder / "rpst", token.encode()),
            "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": _kept(folder / "key.pem", pem),
            "OCI_RESOURCE_PRINCIPAL_REGION": REGION,
        }
        return cls(f"ST${token}", key.public_key(), environ)


def _token() -> str:
    """As far as the SDK looks into it."""
    claims = {
        "exp": int(time.time()) + _LIFETIME_S,
        "res_tenant": TENANCY,
        "res_compartment": COMPARTMENT,
    }
    return ".".join(
        base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode()
        for part in ({"alg": "RS256"}, claims, "local")
    )


def _kept(path: Path, content: bytes) -> str:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return str(path)
