"""What a handler sees and answers, under the real runtime and in a plain process alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.functions.pool import Kind

from .kinds import contract
from .pools import CODE, LAYER, answer, call, contract_function, pool_of


@contract
async def test_it_answers_and_stays_warm(tmp_path: Path, kind: Kind) -> None:
    async with pool_of(tmp_path, kind) as pool:
        assert pool.kind is kind
        assert await answer(pool, {"any": ["JSON", None, 1.5]}) == {"any": ["JSON", None, 1.5]}
        first = await answer(pool, {"do": "pid"})
        assert [await answer(pool, {"do": "pid"}) for _ in range(3)] == [first] * 3
        (health,) = pool.health()
        assert (health.started, health.workers, health.invocations) == (1, 1, 5)


@contract
async def test_the_context_is_lambdas(tmp_path: Path, kind: Kind) -> None:
    spec = contract_function(memory_mb=512, timeout_s=7)
    async with pool_of(tmp_path, kind, spec) as pool:
        await answer(pool, 1)
        first = await answer(pool, {"do": "context"})
        second = await answer(pool, {"do": "context"})
    assert first.pop("request_id") != second.pop("request_id")
    assert 6_000 < first.pop("remaining_ms") <= 7_000
    assert first == {
        "name": "contract",
        "version": "$LATEST",
        "memory": "512",
        "group": "/aws/lambda/contract",
        "stream": "contract-1",
        "arn": "arn:aws:lambda:us-east-1:012345678912:function:contract",
    }


@contract
async def test_nothing_of_the_users_environment_leaks_in(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTPS_PROXY", "http_proxy", "SECRET"):
        monkeypatch.setenv(name, "of the user")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the user")
    spec = contract_function(environment={"TABLE": "features", "AWS_ENDPOINT_URL": "http://x"})
    async with pool_of(tmp_path, kind, spec, region="eu-west-1") as pool:
        seen = await answer(pool, {"do": "environment"})
    assert "of the user" not in seen.values()
    assert seen["TABLE"] == "features"
    assert seen["AWS_ENDPOINT_URL"] == "http://x"
    assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "contract"
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert seen["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert seen["AWS_EXECUTION_ENV"].startswith("AWS_Lambda_python3.")
    assert seen["LAMBDA_TASK_ROOT"] == str(CODE)
    assert seen["_HANDLER"] == "contract.handler"


@contract
async def test_code_and_layers_are_on_the_path_and_the_code_is_where_it_runs(
    tmp_path: Path, kind: Kind
) -> None:
    async with pool_of(tmp_path, kind, contract_function(layers=(LAYER,))) as pool:
        folder, *path = await answer(pool, {"do": "path"})
        assert await answer(pool, {"do": "layer"}) == "from the layer"
    assert folder == str(CODE)
    assert path.index(str(CODE)) < path.index(str(LAYER))
    assert not any(entry.endswith("localcloud/functions") for entry in path)


@contract
async def test_an_unhandled_error_is_named(tmp_path: Path, kind: Kind) -> None:
    async with pool_of(tmp_path, kind) as pool:
        pid = await answer(pool, {"do": "pid"})
        failed = await call(pool, {"do": "raise", "message": "no such thing"})
        assert failed.error == "ValueError"
        document = json.loads(failed.payload)
        assert document["errorType"] == "ValueError"
        assert document["errorMessage"] == "no such thing"
        assert set(document) == {"errorType", "errorMessage", "requestId", "stackTrace"}
        assert "in fail" in "".join(document["stackTrace"])
        assert await answer(pool, {"do": "pid"}) == pid, "an error does not end the worker"
        assert pool.health()[0].errors == 1


@pytest.mark.parametrize(
    "value",
    [
        {"errorType": "ValueError", "errorMessage": "as data", "requestId": "r", "stackTrace": []},
        {"errorMessage": "as data"},
        "Task timed out after 3.00 seconds",
    ],
)
@contract
async def test_an_answer_that_looks_like_an_error_is_none(
    tmp_path: Path, kind: Kind, value: Any
) -> None:
    async with pool_of(tmp_path, kind) as pool:
        assert await answer(pool, {"do": "return", "value": value}) == value


@contract
async def test_answers_are_serialised_as_lambda_does(tmp_path: Path, kind: Kind) -> None:
    async with pool_of(tmp_path, kind) as pool:
        assert await answer(pool, {"do": "decimal"}) == {"value": 1.5, "text": "é"}
        failed = await call(pool, {"do": "unserialisable"})
        assert failed.error == "Runtime.MarshalError"
        malformed = await pool.invoke("contract", b"not JSON")
        assert malformed.error == "Runtime.UnmarshalError"


@contract
async def test_a_time_out_is_an_error_and_the_next_call_succeeds(
    tmp_path: Path, kind: Kind
) -> None:
    async with pool_of(tmp_path, kind, contract_function(timeout_s=1)) as pool:
        await answer(pool, 1)
        late = await call(pool, {"do": "hang"})
        assert late.error == "Sandbox.Timedout"
        document = json.loads(late.payload)
        assert document["errorType"] == "Sandbox.Timedout"
        assert document["errorMessage"].endswith("Task timed out after 1.00 seconds")
        assert late.duration_ms >= 1_000
        assert await answer(pool, {"after": "it"}) == {"after": "it"}
        assert pool.health()[0].timeouts == 1


@pytest.mark.parametrize("how", ["exit", "sys_exit"])
@contract
async def test_a_crash_is_an_error_and_the_next_call_succeeds(
    tmp_path: Path, kind: Kind, how: str
) -> None:
    async with pool_of(tmp_path, kind) as pool:
        crashed = await call(pool, {"do": how})
        assert crashed.error == "Runtime.ExitError"
        assert json.loads(crashed.payload)["errorType"] == "Runtime.ExitError"
        assert await answer(pool, {"after": "it"}) == {"after": "it"}
        assert pool.health()[0].crashes == 1


@contract
async def test_a_handler_that_cannot_be_imported_is_an_error(tmp_path: Path, kind: Kind) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "missing.py").write_text("import there_is_no_such_module\n")
    (code / "broken.py").write_text("def handler(event, context) return\n")
    specs = [
        contract_function(name=name, code=code, handler=f"{name}.handler")
        for name in ("missing", "broken")
    ]
    async with pool_of(tmp_path, kind, *specs) as pool:
        missing = await call(pool, 1, "missing")
        assert missing.error == "Runtime.ImportModuleError"
        assert b"there_is_no_such_module" in missing.payload
        assert (await call(pool, 1, "broken")).error == "Runtime.UserCodeSyntaxError"


@contract
async def test_payloads_of_six_megabytes_pass_in_both_directions(
    tmp_path: Path, kind: Kind
) -> None:
    async with pool_of(tmp_path, kind) as pool:
        head, tail = b'{"do":"length","data":"', b'"}'
        room = 6 * 1024 * 1024 - len(head) - len(tail)
        largest = await pool.invoke("contract", head + b"x" * room + tail)
        assert (largest.error, largest.payload) == (None, str(room).encode())
        refused = await pool.invoke("contract", head + b"x" * (room + 1) + tail)
        assert refused.error == "RequestTooLargeException"
        assert len(await answer(pool, {"do": "long", "length": 6_000_000})) == 6_000_000
        too_long = await call(pool, {"do": "long", "length": 6_300_000})
        assert too_long.error == "Function.ResponseSizeTooLarge"
        assert await answer(pool, 1) == 1
