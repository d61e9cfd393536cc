"""What every kind of worker does, the real runtime under the emulator and the plain process."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import pytest
from millrace.errors import LocalCloudError, Unavailable

from localcloud.functions.emulator import find_emulator
from localcloud.functions.logs import LogLine
from localcloud.functions.orphans import members
from localcloud.functions.pool import Kind

from .pools import (
    CODE,
    LAYER,
    answer,
    busy,
    call,
    contract_function,
    descendants,
    pool_of,
    until,
)

P = ParamSpec("P")
needs_emulator = pytest.mark.skipif(
    find_emulator(Path(__file__).parents[3]) is None, reason="no Lambda emulator on this machine"
)
KINDS = [pytest.param(Kind.EMULATOR, marks=needs_emulator), Kind.PROCESS]


def contract(
    test: Callable[Concatenate[Path, Kind, P], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[Path, Kind, P], None]:
    """Run an asynchronous test with each kind of worker."""

    @functools.wraps(test)
    def run(tmp_path: Path, kind: Kind, *args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(tmp_path, kind, *args, **kwargs))

    with_kinds: Callable[Concatenate[Path, Kind, P], None] = pytest.mark.parametrize("kind", KINDS)(
        run
    )
    return with_kinds


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


@contract
async def test_calls_run_side_by_side_up_to_the_number_of_workers(
    tmp_path: Path, kind: Kind
) -> None:
    gate = tmp_path / "go"
    async with pool_of(tmp_path, kind, contract_function(max_workers=2)) as pool:
        event = {"do": "wait", "file": str(gate)}
        calls = [asyncio.create_task(answer(pool, event)) for _ in range(5)]
        await until(lambda: busy(pool) == 2)
        assert pool.health()[0].workers == 2
        gate.touch()
        pids = await asyncio.gather(*calls)
        assert len(set(pids)) == 2
        assert pool.health()[0].started == 2


@contract
async def test_beyond_the_reserved_concurrency_calls_are_refused(
    tmp_path: Path, kind: Kind
) -> None:
    gate = tmp_path / "go"
    specs = [
        contract_function(reserved_concurrency=1),
        contract_function(name="switched-off", reserved_concurrency=0),
    ]
    async with pool_of(tmp_path, kind, *specs) as pool:
        running = asyncio.create_task(answer(pool, {"do": "wait", "file": str(gate)}))
        await until(lambda: busy(pool) == 1)
        with pytest.raises(Unavailable, match="reserved concurrency is 1"):
            await call(pool, 1)
        gate.touch()
        await running
        assert await answer(pool, 1) == 1
        with pytest.raises(Unavailable, match="reserved concurrency is 0"):
            await call(pool, 1, "switched-off")
        assert [health.throttled for health in pool.health()] == [1, 1]


@contract
async def test_a_worker_can_be_killed_in_mid_call(tmp_path: Path, kind: Kind) -> None:
    async with pool_of(tmp_path, kind) as pool:
        assert pool.kill("contract") is None, "nobody is in mid-call"
        for anyone in (False, True):
            hanging = asyncio.create_task(call(pool, {"do": "hang"}))
            await until(lambda: busy(pool) == 1)
            killed = pool.kill_random() if anyone else pool.kill("contract")
            assert killed is not None
            assert killed.function == "contract"
            assert (await hanging).error == "Runtime.ExitError"
            await until(lambda pid=killed.pid: not any(members(pid)))  # type: ignore[misc]
        assert await answer(pool, 1) == 1
        health = pool.health()[0]
        assert (health.killed, health.crashes, health.started) == (2, 2, 3)


@contract
async def test_only_a_busy_worker_of_the_named_function_is_killed(
    tmp_path: Path, kind: Kind
) -> None:
    specs = [contract_function(), contract_function(name="other")]
    async with pool_of(tmp_path, kind, *specs) as pool:
        await answer(pool, 1, "other")
        hanging = asyncio.create_task(call(pool, {"do": "hang"}))
        await until(lambda: busy(pool) == 1)
        assert pool.kill("other") is None
        killed = pool.kill_random()
        assert killed is not None
        assert killed.function == "contract"
        await hanging


@contract
async def test_an_idle_worker_that_died_is_replaced(tmp_path: Path, kind: Kind) -> None:
    async with pool_of(tmp_path, kind) as pool:
        await answer(pool, 1)
        (pid,) = pool.health()[0].pids
        os.kill(pid, signal.SIGKILL)
        await until(lambda: pool.health()[0].workers == 0)
        assert await answer(pool, 2) == 2
        assert pool.health()[0].started == 2


@contract
async def test_a_call_that_is_cancelled_takes_its_worker_with_it(
    tmp_path: Path, kind: Kind
) -> None:
    async with pool_of(tmp_path, kind, contract_function(max_workers=1)) as pool:
        hanging = asyncio.create_task(call(pool, {"do": "hang"}))
        await until(lambda: busy(pool) == 1)
        (pid,) = pool.health()[0].pids
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
        assert await answer(pool, 1) == 1
        await until(lambda: not any(members(pid)))


@contract
async def test_a_call_may_be_cancelled_at_any_point(tmp_path: Path, kind: Kind) -> None:
    before = descendants(os.getpid())
    async with pool_of(tmp_path, kind, contract_function(max_workers=2)) as pool:
        for pauses in range(8):
            calls = [asyncio.create_task(call(pool, {"do": "hang"})) for _ in range(3)]
            for _ in range(pauses):
                await asyncio.sleep(0.01)
            for each in calls:
                each.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        assert await answer(pool, 1) == 1
        assert pool.health()[0].workers == 1
    if sys.platform == "linux":
        assert descendants(os.getpid()) == before


@contract
async def test_output_goes_to_a_file_and_line_by_line_to_the_sink(
    tmp_path: Path, kind: Kind
) -> None:
    lines: list[LogLine] = []
    async with pool_of(tmp_path, kind, on_line=lines.append) as pool:
        await answer(pool, {"do": "print", "text": "hello"})
        await call(pool, {"do": "raise", "message": "it went wrong"})
        await until(lambda: any("it went wrong" in line.text for line in lines))
    texts = [line.text for line in lines]
    assert {"hello", "HELLO", '{"_aws": {"metric": "hello"}}'} <= set(texts)
    assert any("logged hello" in text for text in texts)
    assert all((line.function, line.worker) == ("contract", 1) for line in lines)
    written = (tmp_path / "logs" / "contract-1.log").read_bytes().decode()
    assert written.split("\n") == [*texts, ""]


@contract
async def test_closing_ends_calls_refuses_waiting_ones_and_leaves_no_process(
    tmp_path: Path, kind: Kind
) -> None:
    pool = pool_of(tmp_path, kind, contract_function(max_workers=2))
    async with pool:
        hanging = [asyncio.create_task(call(pool, {"do": "hang"})) for _ in range(3)]
        await until(lambda: busy(pool) == 2)
        sessions = pool.health()[0].pids
        assert all(any(members(session)) for session in sessions)
    outcomes = await asyncio.gather(*hanging, return_exceptions=True)
    errors = [outcome.error for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert errors == ["Runtime.ExitError"] * 2
    assert sum(isinstance(outcome, Unavailable) for outcome in outcomes) == 1
    assert not any(any(members(session)) for session in sessions)
    with pytest.raises(LocalCloudError, match="the pool is not open"):
        await call(pool, 1)


@contract
async def test_an_unknown_function_is_named_with_those_there_are(
    tmp_path: Path, kind: Kind
) -> None:
    async with pool_of(tmp_path, kind) as pool:
        with pytest.raises(LocalCloudError, match=r"'nobody'.*contract"):
            await call(pool, 1, "nobody")
