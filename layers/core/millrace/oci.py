"""Oracle Cloud's clients: signed in by the environment, late, once a process.

Where there is a resource principal (in a function, or in the local cloud) it signs; else the
configuration file of the `oci` command does. MILLRACE_OCI_ENDPOINT (empty: Oracle's own) points
every client at the local cloud. The SDK is large, so it is imported by the first call.
"""

from __future__ import annotations

import base64
import logging
import os
from functools import cache
from typing import Any, Literal

from millrace.errors import ConfigurationError, MillraceError, Unavailable

_TIMEOUTS_S = (3.0, 10.0)
_KINDS = {
    "ons": "NotificationDataPlaneClient",
    "secrets": "SecretsClient",
    "streaming": "StreamClient",
}
# What a client is made from.
_READ = (
    "MILLRACE_OCI_ENDPOINT",
    "OCI_RESOURCE_PRINCIPAL_VERSION",
    "OCI_RESOURCE_PRINCIPAL_RPST",
)
# What is worth another try: no answer (0), conflicts, too many requests, the service's failures.
_PASSING = {0, 408, 409, 429}


def client(service: Literal["ons", "secrets", "streaming"], endpoint: str = "") -> Any:  # noqa: ANN401  it has no types
    """The client of a service, the same one at every call with the same environment.

    `endpoint` is for services that the SDK does not find by the region alone.
    """
    return _client(service, endpoint, tuple(map(os.environ.get, _READ)))


@cache
def _client(service: str, endpoint: str, _read: tuple[str | None, ...]) -> Any:  # noqa: ANN401
    try:
        import oci
    except ImportError as error:
        raise ConfigurationError("The OCI SDK is not installed; pip install oci") from error

    kind = getattr(getattr(oci, service), _KINDS[service])
    config, options = _signed_in(oci)
    endpoint = os.environ.get("MILLRACE_OCI_ENDPOINT") or endpoint.format(region=config["region"])
    if endpoint:
        options["service_endpoint"] = endpoint
    return kind(
        config, timeout=_TIMEOUTS_S, retry_strategy=oci.retry.NoneRetryStrategy(), **options
    )


def secret(secret_id: str) -> bytes:
    """The content of a Vault secret. Raises Unavailable, ConfigurationError."""
    secrets = client("secrets")
    try:
        bundle = secrets.get_secret_bundle(secret_id).data
    except Exception as error:  # the SDK's errors have no common base
        raise problem(f"read the secret {secret_id}", error) from None
    return base64.b64decode(bundle.secret_bundle_content.content)


def problem(action: str, error: Exception) -> MillraceError:
    """The SDK's error as ours. Its own text names headers and requests, so it is left out."""
    status = getattr(error, "status", 0)
    code = getattr(error, "code", "") or type(error).__name__
    if status in _PASSING or status >= 500:
        return Unavailable(f"Cannot {action}: {status or 'no answer'} {code}")
    return ConfigurationError(
        f"Cannot {action}: {status} {code}; look at the function's policies and the id"
    )


def quiet() -> None:
    """Keep other people's loggers from telling requests and statements.

    Importing fdk sets the root logger to DEBUG, and then the SDK writes down what it sends.
    """
    logging.getLogger().setLevel(logging.INFO)
    for name in ("oci", "oracledb", "urllib3", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _signed_in(oci: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401
    if os.environ.get("OCI_RESOURCE_PRINCIPAL_VERSION"):
        signer = oci.auth.signers.get_resource_principals_signer()
        return {"region": signer.region}, {"signer": signer}
    try:
        return oci.config.from_file(), {}
    except Exception as error:  # the SDK raises several kinds, some of them bare
        raise ConfigurationError(
            "There is neither a resource principal (OCI_RESOURCE_PRINCIPAL_VERSION) nor a usable"
            f" configuration of the oci command: {type(error).__name__}; run: oci setup config"
        ) from None
