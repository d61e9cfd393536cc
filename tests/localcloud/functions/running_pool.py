"""A process with a pool whose workers hang, for tests that end it in every way. Run as a module.

Arguments: the kind of workers, a folder for logs. It says "ready" when two handlers hang.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from localcloud.functions.logs import LogLine
from localcloud.functions.pool import Kind

from .pools import call, contract_function, pool_of, until


async def main(kind: Kind, folder: Path) -> None:
    spec = contract_function(timeout_s=900)
    lines: list[LogLine] = []
    async with pool_of(folder, kind, spec, on_line=lines.append) as pool:
        calls = [asyncio.create_task(call(pool, {"do": "hang"})) for _ in range(2)]
        await until(lambda: [line.text for line in lines].count("hanging") == 2)
        print("ready", flush=True)
        await asyncio.gather(*calls)


if __name__ == "__main__":
    asyncio.run(main(Kind(sys.argv[1]), Path(sys.argv[2])))
