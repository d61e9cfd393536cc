"""A function under the real fdk: answers, deadlines, deaths, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from millrace.errors import StartupError

from localcloud.functions.orphans import members
from localcloud.oci.function import FdkFunction, FunctionSpec, Place, function
from tests.localcloud.oci.looped import looped
from tests.localcloud.oci.serving import ROOT

BYTECODE = ROOT / ".local/pycache"
CODE = """
import json, os, subprocess, time
from fdk import response

def handler(ctx, data=None):
    asked = json.loads(data.getvalue())
    if asked == "child":
        subprocess.Popen(["sleep", "600"])
    if asked == "hang":
        time.sleep(600)
    if asked == "die":
        os._exit(3)
    if asked == "raise":
        raise ValueError("raised")
    print("asked", asked, flush=True)
    told = {"asked": asked, "session": os.getsid(0), "deadline": ctx.Deadline(),
            "given": os.environ.get("GIVEN"), "ours": os.environ.get("PYTEST_CURRENT_TEST")}
    return response.Response(ctx, response_data=json.dumps(told))
"""
FUNC_YAML = """
schema_version: 20180708
name: asked
entrypoint: /python/bin/fdk /function/func.py handler
timeout: 1
"""


def made(
    folder: Path, environ: Mapping[str, str] | None = None, code: str = CODE
) -> AbstractAsyncContextManager[FdkFunction]:
    """The function above, from a folder of its own."""
    (folder / "func.py").write_text(code)
    (folder / "func.yaml").write_text(FUNC_YAML)
    place = Place(ROOT / ".venv-oci/bin/fdk", folder, folder, BYTECODE)
    return function(FunctionSpec.of(folder), place, environ or {})


async def asked(function: FdkFunction, what: str) -> tuple[int, bytes]:
    answer = await function.invoke(json.dumps(what).encode())
    return answer.status, answer.body


@looped
async def test_it_answers_dies_and_is_there_again(
    tmp_path: Path,
) -> None:
    assert "PYTEST_CURRENT_TEST" in os.environ  # of our own environment it sees nothing
    sessions = set()
    async with made(tmp_path, {"GIVEN": "given"}) as function:
        for what, wanted in {
            "one": 200,
            "raise": 502,
            "child": 200,
            "die": 502,
            "hang": 504,
        }.items():
            status, body = await asked(function, what)
            assert status == wanted, what
            if status == 200:
                told = json.loads(body)
                assert (told["asked"], told["given"], told["ours"]) == (what, "given", None)
                assert told["deadline"]
                sessions.add(told["session"])
        assert function.starts == 2  # a third one comes with the next call
        status, body = await asked(function, "after")
        sessions.add(json.loads(body)["session"])
        assert (status, function.starts) == (200, 3)
        assert "asked after" in function.log.read_text()
    assert [*sessions, *(pid for one in sessions for pid in members(one))] == [*sessions]


@looped
async def test_killed_in_the_middle_of_a_call_it_answers_502(tmp_path: Path) -> None:
    async with made(tmp_path) as function:
        call = asyncio.create_task(asked(function, "hang"))
        await asyncio.sleep(0.3)
        function.kill()
        assert (await call)[0] == 502
        calls = [asked(function, "a"), asked(function, "b")]  # wait for each other
        assert [status for status, _ in await asyncio.gather(*calls)] == [200, 200]
        assert function.starts == 2
        assert await function.call(b"x" * (6 * 1024 * 1024 + 1)) == 413


@looped
async def test_one_that_cannot_start_says_so(tmp_path: Path) -> None:
    place = Place(Path("/bin/false"), tmp_path, tmp_path, BYTECODE)
    (tmp_path / "func.yaml").write_text(FUNC_YAML)
    starting = function(FunctionSpec.of(tmp_path), place, {})
    with pytest.raises(StartupError, match="asked did not come up under fdk; see"):
        await starting.__aenter__()


def test_func_yaml_is_read_and_checked(tmp_path: Path) -> None:
    spec = FunctionSpec.of(ROOT / "oci-fn/extract-features")
    assert (spec.name, spec.file, spec.handler) == ("extract-features", "func.py", "handler")
    assert spec.timeout_s == 60
    for text in ("", "name: x", "entrypoint: 3", "a: [", "{entrypoint: fdk, name: x}"):
        (tmp_path / "func.yaml").write_text(text)
        with pytest.raises(StartupError, match=r"func\.yaml must name a function"):
            FunctionSpec.of(tmp_path)
