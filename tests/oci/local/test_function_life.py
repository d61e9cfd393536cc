"""Cold and hot: a process is kept between calls, and let go when nobody calls."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from localcloud.oci.batching import Limits
from localcloud.oci.connector import Connector, Repeats
from localcloud.oci.function import FunctionSpec, Place, function
from localcloud.oci.streaming import Streaming
from tests.localcloud.clock import ManualClock, settle
from tests.localcloud.oci.looped import looped
from tests.localcloud.oci.serving import ROOT

CODE = """
import json, os, time
from datetime import datetime, timezone
from fdk import response

CALLS = []

def handler(ctx, data=None):
    CALLS.append(1)
    left = datetime.fromisoformat(ctx.Deadline()) - datetime.now(timezone.utc)
    told = {"calls": len(CALLS), "left": left.total_seconds()}
    return response.Response(ctx, response_data=json.dumps(told))
"""


@looped
async def test_a_process_is_hot_until_nobody_has_called_for_long(tmp_path: Path) -> None:
    (tmp_path / "func.py").write_text(CODE)
    (tmp_path / "func.yaml").write_text(
        "name: life\nentrypoint: /python/bin/fdk func.py handler\ntimeout: 7\nidle_timeout: 0.5\n"
    )
    place = Place(ROOT / ".venv-oci/bin/fdk", tmp_path, tmp_path, ROOT / ".local/pycache")
    async with function(FunctionSpec.of(tmp_path), place, {}) as life:
        told = []
        for wait_s in (0, 0, 0.6, 0):
            await asyncio.sleep(wait_s)
            told.append(json.loads((await life.invoke(b"")).body))
        assert [one["calls"] for one in told] == [1, 2, 1, 2]
        assert life.starts == 2
        assert all(0 < one["left"] <= 7 for one in told)


class Seen:
    """A function that notes what it gets."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def call(self, body: bytes) -> int:
        self.batches.append([record["offset"] for record in json.loads(body)])
        return 200


async def batches(seed: int) -> list[list[int]]:
    clock, seen = ManualClock(), Seen()
    stream = Streaming(clock).create("s")
    repeats = Repeats(seed=seed, reorder=0.5)
    async with Connector(stream, seen, Limits(messages=10), repeats).running():
        stream.put([(b"k", b"v")] * 80)
        await settle()
    return seen.batches


@looped
async def test_disorder_is_within_a_batch_and_the_same_for_a_seed() -> None:
    first, again, other = await batches(1), await batches(1), await batches(2)
    assert first == again != other
    whole = [list(range(start, start + 10)) for start in range(0, 80, 10)]
    assert [sorted(batch) for batch in first] == whole
    assert 0 < sum(batch == sorted(batch) for batch in first) < len(first)
