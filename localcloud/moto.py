"""The life of the moto server: a process of its own, isolated, and gone when we are gone.

It gets a listening socket from here, so its port is known and taken before it starts; it inherits
nothing of the user's AWS configuration; and it stops when its standard input closes, which the
kernel sees to even when this process is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import httpx
from millrace.errors import StartupError

from localcloud.moto_server import HEALTH
from localcloud.serving import Address, listener

ACCOUNT_ID = "123456789012"
COMMAND = (sys.executable, "-m", "localcloud.moto_server")
_START_TIMEOUT_S = 60.0
_DYING_S = 5.0
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV")


@contextlib.asynccontextmanager
async def moto_server(
    log: Path,
    account_id: str = ACCOUNT_ID,
    *,
    command: Sequence[str] = COMMAND,
    stop_timeout_s: float = 5.0,
) -> AsyncIterator[Address]:
    """Run moto for as long as the block runs; what it prints goes to the file `log`.

    `command` is the program, which gets `--fd` and `--account-id`; it is killed when it has not
    ended `stop_timeout_s` after it was asked to. Raises StartupError, which names the log, when
    it does not answer.
    """
    sock = listener()
    try:
        host, port = sock.getsockname()[:2]
        process = await _start(command, sock.fileno(), account_id, log)
    finally:
        sock.close()  # the child has its own
    try:
        address = Address(host, port)
        await _wait_until_it_answers(address, process, log)
        yield address
    finally:
        await _stop(process, stop_timeout_s)


async def _start(
    command: Sequence[str], fd: int, account_id: str, log: Path
) -> asyncio.subprocess.Process:
    arguments = ("--fd", str(fd), "--account-id", account_id)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *command,
            *arguments,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(fd,),
            env=environment(os.environ, account_id),
            start_new_session=True,  # Ctrl-C is ours: we stop it, in our order
        )


def environment(outer: Mapping[str, str], account_id: str) -> dict[str, str]:
    """The server's environment: no credentials, profiles, proxies or settings of the user."""
    root = Path(__file__).resolve().parents[1]
    return {
        **{name: outer[name] for name in _INHERITED if name in outer},
        "PYTHONPATH": os.pathsep.join((str(root), str(root / "layers" / "core"))),
        "PYTHONUNBUFFERED": "1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_ACCOUNT_ID": account_id,
        "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true",
    }


async def _wait_until_it_answers(
    address: Address, process: asyncio.subprocess.Process, log: Path
) -> None:
    # The socket listens already, so one request waits in its queue until the server reads it.
    async with httpx.AsyncClient(timeout=_START_TIMEOUT_S, trust_env=False) as client:
        request = asyncio.ensure_future(client.get(address.url + HEALTH))
        death = asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait({request, death}, return_when=asyncio.FIRST_COMPLETED)
            if request.done() and request.exception() is not None:
                # A server that dies hangs up before it can be seen to be dead.
                await asyncio.wait({death}, timeout=_DYING_S)
            if death.done():
                raise StartupError(
                    f"The moto server ended with status {process.returncode} before it answered; "
                    f"its last words are in {log}"
                )
            (await request).raise_for_status()
        except httpx.HTTPError as error:
            raise StartupError(
                f"The moto server at {address.url} did not answer its health check within "
                f"{_START_TIMEOUT_S:.0f} s ({error!r}); its last words are in {log}"
            ) from error
        finally:
            request.cancel()
            death.cancel()


async def _stop(process: asyncio.subprocess.Process, timeout_s: float) -> None:
    assert process.stdin is not None, "the process was started with a pipe"
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), timeout_s)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
