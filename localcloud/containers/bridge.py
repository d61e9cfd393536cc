"""Where a container reaches this machine."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from millrace.errors import StartupError

from localcloud.containers.relay import relaying

PORT = 4566
"""Of the relay; docker-env.json has it."""

_GATEWAY = "{{range .IPAM.Config}}{{.Gateway}}{{end}}"
_LOOPBACK = "127.0.0.1"


def gateway() -> str:
    """This machine's address in Docker's network, which host.docker.internal is in a container.

    Raises StartupError where no engine answers.
    """
    command = ["docker", "network", "inspect", "bridge", "--format", _GATEWAY]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except FileNotFoundError as error:
        raise StartupError("'docker' is not installed. On Debian: apt-get install docker.io") from (
            error
        )
    except (subprocess.SubprocessError, OSError) as error:
        words = getattr(error, "stderr", None) or str(error)
        raise StartupError(
            f"No container engine answers ({words.strip()}). Start one, or let"
            " tests/docker/engine start one: tests/docker/engine COMMAND"
        ) from error
    return found.stdout.strip()


@contextlib.asynccontextmanager
async def reachable(url: str, port: int = PORT) -> AsyncIterator[str]:
    """Let containers reach the local cloud at `url` while the block runs; yields where.

    Docker Desktop keeps its network in a machine of its own, from which host.docker.internal leads
    to this machine's loopback; there the relay listens if the network's address is not ours.
    """
    target = urlsplit(url)
    assert target.hostname is not None
    assert target.port is not None
    address = await asyncio.to_thread(gateway)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(relaying(address, port, target.hostname, target.port))
        except StartupError as error:
            address = _LOOPBACK
            try:
                await stack.enter_async_context(
                    relaying(address, port, target.hostname, target.port)
                )
            except StartupError:
                raise error from None
        yield f"http://{address}:{port}"
