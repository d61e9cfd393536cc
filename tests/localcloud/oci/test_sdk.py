"""The real SDK's clients, signed in as a resource principal, against the local cloud."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from localcloud.oci.principal import Principal
from tests.localcloud.oci.looped import looped
from tests.localcloud.oci.serving import ROOT, SDK_PYTHON, served

PROGRAM = Path(__file__).parent / "sdk_program.py"


async def run(principal: Principal, *arguments: str) -> tuple[int, str, str]:
    """Status, output and errors of the program."""
    process = await asyncio.create_subprocess_exec(
        *(str(SDK_PYTHON), str(PROGRAM), *arguments),
        env={**principal.environ, "PYTHONPYCACHEPREFIX": str(ROOT / ".local/pycache")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@looped
async def test_every_operation_is_as_the_sdk_speaks_it(tmp_path: Path) -> None:
    async with served(tmp_path) as cloud:
        status, out, err = await run(
            cloud.principal, cloud.url, cloud.stream.id, cloud.inbox.topic_id
        )
    assert status == 0, err
    told: dict[str, Any] = json.loads(out)
    assert told["put"] == [0, [0, 1, 2]]
    assert told["cursors"] == {
        "TRIM_HORIZON": [[0, 1], [2]],
        "LATEST": [[], []],
        "AT_OFFSET": [[1, 2], []],
        "AFTER_OFFSET": [[2], []],
        "AT_TIME": [[0, 1], [2]],
    }
    assert told["group read"] == 3
    assert sorted(told["committed"], key=str) == [[2, "i"], [None, "i"]]
    assert told["reset"] == [None, None]
    (notice,) = cloud.inbox.notices
    assert told["notice"][0] == notice.message_id
    assert (notice.title, notice.body) == ("title", "body")
    assert told["refused"] == [
        [400, "InvalidParameter"],
        [404, "NotAuthorizedOrNotFound"],
        [400, "InvalidParameter"],
        [413, "PayloadTooLarge"],
        [404, "NotAuthorizedOrNotFound"],
    ]
