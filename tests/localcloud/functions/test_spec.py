"""What a function is, what its workers see of the world, and which workers there are."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import pytest
from millrace.errors import ConfigurationError

from localcloud.functions.emulator import find_emulator
from localcloud.functions.environment import worker_environment
from localcloud.functions.pool import FunctionPool, Kind
from localcloud.functions.spec import RESERVED_VARIABLES

from .pools import CODE, LAYER, contract_function


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "no spaces"},
        {"name": "x" * 65},
        {"handler": "handler"},
        {"code": Path("nowhere")},
        {"layers": (Path("nowhere"),)},
        {"timeout_s": 0},
        {"timeout_s": 901},
        {"memory_mb": 64},
        {"max_workers": 0},
        {"reserved_concurrency": -1},
        {"environment": {"AWS_REGION": "eu-west-1"}},
    ],
)
def test_what_lambda_would_refuse_is_refused(wrong: dict[str, Any]) -> None:
    ((attribute, value),) = wrong.items()
    with pytest.raises(ConfigurationError) as caught:
        contract_function(**wrong)
    assert attribute in str(caught.value)
    assert repr(value) in str(caught.value)


def seen(outer: dict[str, str], **changes: Any) -> dict[str, str]:
    spec = contract_function(layers=(LAYER,), **changes)
    return worker_environment(spec, region="eu-west-1", log_stream="s", outer=outer)


HARMLESS = {"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR"}
HARMFUL = {
    "API_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "HTTPS_PROXY",
    "PIP_INDEX_URL",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "no_proxy",
}


def test_only_harmless_variables_are_passed_on() -> None:
    environment = seen(dict.fromkeys(HARMLESS | HARMFUL, "outer"))
    assert {name for name, value in environment.items() if value == "outer"} == HARMLESS


def test_no_credentials_or_configuration_of_the_user_are_found() -> None:
    environment = seen({})
    assert environment["AWS_CONFIG_FILE"] == os.devnull
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert environment["AWS_ACCESS_KEY_ID"]


def test_every_variable_that_lambda_reserves_and_sets_is_set() -> None:
    # These are of the emulator's own making, or only there when a trace or a role is.
    elsewhere = {
        *("_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_LAMBDA_RUNTIME_API", "AWS_SESSION_TOKEN"),
        "LAMBDA_RUNTIME_DIR",
    }
    assert RESERVED_VARIABLES - elsewhere <= set(seen({}))


def test_the_functions_own_variables_come_first_where_lambda_lets_them() -> None:
    own = {"TZ": "Europe/Paris", "PATH": "/opt/bin", "PYTHONPATH": "/opt/more"}
    environment = seen({"PATH": "outer"}, environment=own)
    assert environment["TZ"] == "Europe/Paris"
    assert environment["PATH"] == "/opt/bin"
    assert environment["PYTHONPATH"].split(os.pathsep) == [str(CODE), str(LAYER), "/opt/more"]
    assert seen({})["TZ"] == ":UTC"


def test_without_an_emulator_plain_processes_are_taken(tmp_path: Path) -> None:
    assert find_emulator(tmp_path) is None
    pool = FunctionPool([], log_folder=tmp_path, kind=Kind.PROCESS)
    assert pool.kind is Kind.PROCESS


@pytest.mark.skipif(sys.platform != "linux", reason="the emulator runs on Linux")
def test_an_emulator_is_found_for_this_architecture_and_if_it_can_be_run(tmp_path: Path) -> None:
    folder = tmp_path / ".venv-sam/lib/python3.12/site-packages/samcli/local/rapid"
    folder.mkdir(parents=True)
    own = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine().lower()]
    for architecture in ("x86_64", "arm64"):
        (folder / f"aws-lambda-rie-{architecture}").touch(mode=0o644)
    assert find_emulator(tmp_path) is None
    emulator = folder / f"aws-lambda-rie-{own}"
    emulator.chmod(0o755)
    assert find_emulator(tmp_path) == emulator
