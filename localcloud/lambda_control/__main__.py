"""A fleet of functions to try `millrace layers …` on, with no cloud account.

    python -m localcloud.lambda_control --functions 200

prints what to put into the environment, and serves until it is interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shlex
import sys
from pathlib import Path

from localcloud.faults.injector import Injector
from localcloud.faults.loading import load
from localcloud.lambda_control import DEFAULT_ACCOUNT
from localcloud.lambda_control.application import Control, application
from localcloud.lambda_control.errors import UnknownRegion
from localcloud.lambda_control.names import Where, require_region
from localcloud.lambda_control.running import REGION, LambdaCloud
from localcloud.lambda_control.seeding import Fleet, fleet
from localcloud.serving import listener, serving


async def serve(control: Control, port: int, region: str) -> None:
    """Serve on a port of loopback until cancelled."""
    async with serving(application(control), sock=listener(port), grace_s=0) as address:
        cloud = LambdaCloud(address.url, control, DEFAULT_ACCOUNT, region)
        for name, value in cloud.environment.items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """Parse the command line, seed and serve."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.lambda_control")
    parser.add_argument("--functions", type=int, default=100, help="how many functions there are")
    parser.add_argument("--layers", type=int, default=4, help="how many layers they share")
    parser.add_argument("--versions", type=int, default=12, help="versions of each layer")
    parser.add_argument("--region", action="append", help=f"may be repeated; {REGION} by default")
    parser.add_argument("--port", type=int, default=0, help="of loopback; any free one by default")
    parser.add_argument("--faults", type=Path, help="a plan of faults: see localcloud.faults")
    given = parser.parse_args()
    regions = given.region or [REGION]
    try:
        for region in regions:
            require_region(region)
    except UnknownRegion as error:
        parser.error(f"--region: {error}")
    control = Control()
    if given.faults is not None:
        control.faults = Injector(load(given.faults))
    wanted = Fleet(given.functions, given.layers, given.versions)
    for region in regions:
        fleet(control.world, Where(DEFAULT_ACCOUNT, region), wanted)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(control, given.port, regions[0]))


if __name__ == "__main__":
    main()
