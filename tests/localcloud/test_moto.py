"""The moto server comes up isolated and is gone with us, however we go."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from millrace.errors import StartupError

from localcloud.moto import environment, moto_server
from localcloud.moto_server import HEALTH

PARENT = """
import asyncio, os, sys
from pathlib import Path
from localcloud.moto import moto_server

async def main():
    async with moto_server(Path(sys.argv[1])) as address:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        print(address.url, children.split()[0], flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def test_it_answers_while_the_block_runs_and_not_after(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "moto.log"

    async def main() -> None:
        async with moto_server(log) as address, httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(address.url + HEALTH)).json() == {"status": "ok"}
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(address.url + HEALTH)

    asyncio.run(main())
    assert log.read_text() == ""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="watches the process by its pidfd")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_it_ends_when_its_parent_ends(tmp_path: Path, end: signal.Signals) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "moto.log")]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(os.environ, "123456789012"),
    ) as parent:
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline().split()[1])
            assert os.getpgid(pid) == pid, "Ctrl-C reaches us, and we stop the server"
            server = os.pidfd_open(pid)
            parent.send_signal(end)
            parent.wait(30)
            ended, _, _ = select.select([server], [], [], 30)
            os.close(server)
            assert ended, f"process {pid} outlived its parent"
        finally:
            parent.kill()


def test_a_server_that_does_not_come_up_names_its_log(tmp_path: Path) -> None:
    log = tmp_path / "moto.log"
    program = (sys.executable, "-c", "print('no such thing'); raise SystemExit(3)")

    async def main() -> None:
        async with moto_server(log, command=program):
            pytest.fail("it cannot have started")

    with pytest.raises(StartupError, match=r"ended with status 3 .*moto\.log"):
        asyncio.run(main())
    assert log.read_text() == "no such thing\n"


def test_a_server_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    stubborn = (
        "import socket, sys; fd = int(sys.argv[sys.argv.index('--fd') + 1])\n"
        "listening = socket.socket(fileno=fd); listening.setblocking(True)\n"
        "while True:\n"
        "    connection = listening.accept()[0]; connection.recv(9999)\n"
        "    connection.sendall(b'HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n')\n"
    )
    program = (sys.executable, "-c", stubborn)

    async def main() -> None:
        async with moto_server(tmp_path / "moto.log", command=program, stop_timeout_s=0.1):
            pass

    asyncio.run(main())  # a process left behind would be a warning, and so an error


def test_nothing_of_the_users_aws_configuration_gets_in() -> None:
    outer = {
        "PATH": "/bin",
        "AWS_ACCESS_KEY_ID": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_PROFILE": "work",
        "AWS_ENDPOINT_URL": "http://somewhere",
        "HTTPS_PROXY": "http://proxy",
    }
    inner = environment(outer, "123456789012")
    assert inner["PATH"] == "/bin"
    assert inner["AWS_ACCESS_KEY_ID"] == "local"
    assert inner["MOTO_ACCOUNT_ID"] == "123456789012"
    assert not {"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "HTTPS_PROXY"} & set(inner)
