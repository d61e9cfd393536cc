"""`sam local invoke` before the local cloud that scripts/demo --keep left up.

    scripts/sam-local FUNCTION EVENT.json...      for example: EnrichFunction events/enrich/*.json

Needs a container engine and `sam build --config-env local` (local-arm64 on an arm64 host).
Without a local cloud the function is invoked all the same, and says what it does not reach.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson
from millrace.errors import MillraceError

from localcloud.containers.bridge import reachable

ROOT = Path(__file__).parents[2]


def config_env() -> str:
    """The environment of samconfig.toml for this machine's processor."""
    return "local-arm64" if platform.machine() in ("aarch64", "arm64") else "local"


def kept_cloud() -> str | None:
    """The address of a kept local cloud, None without one."""
    for path in sorted((ROOT / ".local").glob("cloud*.json")):
        return str(orjson.loads(path.read_bytes())["endpoint_url"])
    return None


async def invoke(function: str, events: Sequence[str]) -> int:
    """Invoke a function with each event; the highest exit status of sam."""
    url = kept_cloud()
    async with contextlib.AsyncExitStack() as stack:
        if url is None:
            print(
                "No local cloud is up, so the function will not get far."
                " Start one in another terminal: scripts/demo --keep",
                file=sys.stderr,
            )
        else:
            where = await stack.enter_async_context(reachable(url))
            print(f"The local cloud at {url} is within reach at {where}.", file=sys.stderr)
        return max([await _invoke(function, event) for event in events])


async def _invoke(function: str, event: str) -> int:
    command = ["local", "invoke", function, "--config-env", config_env(), "--event", event]
    process = await asyncio.create_subprocess_exec(ROOT / ".venv/bin/sam", *command, cwd=ROOT)
    return await process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="scripts/sam-local", description=__doc__, formatter_class=formatter
    )
    parser.add_argument("function", help="logical id in template.yaml, such as EnrichFunction")
    parser.add_argument("events", nargs="+", metavar="EVENT", help="a file of events/")
    given = parser.parse_args(arguments)
    try:
        return asyncio.run(invoke(given.function, given.events))
    except MillraceError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
