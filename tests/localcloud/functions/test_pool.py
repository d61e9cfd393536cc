"""Workers of every kind as a pool: side by side, killed, cancelled, replaced, closed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from millrace.errors import LocalCloudError, Unavailable

from localcloud.functions.logs import LogLine
from localcloud.functions.orphans import members
from localcloud.functions.pool import Kind

from .kinds import contract
from .pools import answer, busy, call, contract_function, descendants, pool_of, until


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
