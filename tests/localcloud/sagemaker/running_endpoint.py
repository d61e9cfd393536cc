"""A process with an endpoint, for tests that end it in every way. Run as a module.

The argument is a folder for logs and models. It says "ready" when the endpoint is in service.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from .serving_endpoints import endpoint, served


async def main(folder: Path) -> None:
    async with served(folder, endpoint("e")):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
