"""The emulated cloud in a thread of this process, for clients that block: tests, benchmarks."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from localcloud.lambda_control import DEFAULT_ACCOUNT
from localcloud.lambda_control.application import Control, application
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.state import World
from localcloud.serving import serving

REGION = "eu-west-1"


@dataclass(frozen=True, slots=True)
class LambdaCloud:
    """An emulated cloud that is up; `control` may be changed while nobody calls."""

    url: str
    control: Control
    account: str = DEFAULT_ACCOUNT
    region: str = REGION
    _sessions: dict[tuple[str, str], boto3.Session] = field(default_factory=dict)

    @property
    def world(self) -> World:
        """What there is."""
        return self.control.world

    @property
    def where(self) -> Where:
        """The account and region that `client` works in by default."""
        return Where(self.account, self.region)

    def session(self, account: str | None = None, region: str | None = None) -> boto3.Session:
        """A session of an account; every client of it still needs `endpoint_url`."""
        account, region = account or self.account, region or self.region
        if (account, region) not in self._sessions:
            # Each would read botocore's models anew.
            self._sessions[account, region] = boto3.Session(account, "local", region_name=region)
        return self._sessions[account, region]

    def client(
        self,
        service: Any = "lambda",  # noqa: ANN401  one of boto3's many literals
        *,
        account: str | None = None,
        region: str | None = None,
        tries: int = 1,
    ) -> Any:  # noqa: ANN401
        """A client that talks to this cloud only."""
        config = Config(
            proxies={},
            retries={"mode": "standard", "total_max_attempts": tries},
            s3={"addressing_style": "path"},
        )
        session = self.session(account, region)
        return session.client(service, endpoint_url=self.url, config=config)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to talk to this cloud, and to no other."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }


@contextlib.contextmanager
def lambda_cloud(control: Control | None = None) -> Iterator[LambdaCloud]:
    """Serve an emulated cloud on loopback for as long as the block runs."""
    control = control or Control()
    started: Future[str] = Future()
    stop = threading.Event()

    async def main() -> None:
        try:
            async with serving(application(control), grace_s=0) as address:
                started.set_result(address.url)
                await asyncio.get_running_loop().run_in_executor(None, stop.wait)
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="lambda-cloud")
    thread.start()
    try:
        yield LambdaCloud(started.result(60), control)
    finally:
        stop.set()
        thread.join(30)
