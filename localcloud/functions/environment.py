"""The variables that a worker sees: Lambda's own and the function's, and nearly none of the user's.

In particular no AWS credentials, profiles or configuration files, and no proxies: what runs here
must reach the local cloud, and nothing but it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from localcloud.functions.spec import FunctionSpec

_PASSED_ON = frozenset(
    {"PATH", "HOME", "TMPDIR", "LANG", "LANGUAGE", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)
_NO_FILE = os.devnull
# Accepted by every emulator, and by no cloud.
ACCESS_KEY_ID = "local"
SECRET_ACCESS_KEY = "local"  # noqa: S105


def worker_environment(
    spec: FunctionSpec, *, region: str, log_stream: str, outer: Mapping[str, str]
) -> dict[str, str]:
    """All variables for a worker of a function; `outer` is the environment of this process."""
    path = os.pathsep.join(str(folder) for folder in (spec.code, *spec.layers))
    own_path = spec.environment.get("PYTHONPATH")
    return {
        **{name: value for name, value in outer.items() if _passed_on(name)},
        "TZ": ":UTC",
        "AWS_CONFIG_FILE": _NO_FILE,
        "AWS_SHARED_CREDENTIALS_FILE": _NO_FILE,
        "AWS_EC2_METADATA_DISABLED": "true",
        **spec.environment,
        "PYTHONPATH": path if own_path is None else f"{path}{os.pathsep}{own_path}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(spec.timeout_s),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "LAMBDA_TASK_ROOT": str(spec.code),
        "_HANDLER": spec.handler,
    }


def _passed_on(name: str) -> bool:
    return name in _PASSED_ON or name.startswith("LC_")
