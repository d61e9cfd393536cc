"""The moto server's process: serve on an inherited socket until standard input closes."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys

from localcloud.moto_server.application import application
from localcloud.serving import serving


async def serve(fd: int, account_id: str) -> None:
    """Serve on the listening socket `fd`. The parent holds our standard input open: its end,
    whatever ends it, is the end of this process too."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), _on_input, stop)
    async with serving(application(account_id), sock=socket.socket(fileno=fd), grace_s=1):
        await stop.wait()
    loop.remove_reader(sys.stdin.fileno())


def _on_input(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        stop.set()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.moto_server")
    parser.add_argument("--fd", type=int, required=True, help="a listening socket")
    parser.add_argument("--account-id", default="123456789012")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(serve(arguments.fd, arguments.account_id))


if __name__ == "__main__":
    main()
