"""The pipeline, up until it is killed. Run as a module by test_no_orphans.py."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from localcloud.oci.cloud import Options, running
from tests.localcloud.oci.serving import ROOT


async def main(folder: Path) -> None:
    async with running(Options(ROOT, folder)):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
