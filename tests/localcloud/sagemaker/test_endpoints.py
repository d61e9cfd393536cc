"""How endpoints come up, and that nothing of them stays."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from millrace.errors import ConfigurationError, LocalCloudError, StartupError

from localcloud.sagemaker.endpoints import Endpoints
from localcloud.sagemaker.errors import EndpointError
from localcloud.sagemaker.spec import EndpointSpec, VariantSpec
from tests.localcloud.functions.pools import check_that_nothing_outlives, descendants, until
from tests.localcloud.sagemaker.serving_endpoints import SERVER, endpoint, package

JSON = {"content-type": "application/json"}


def endpoints_in(folder: Path, **options: Any) -> Endpoints:
    return Endpoints(SERVER, folder=folder / "models", log_folder=folder / "logs", **options)


def test_an_endpoint_is_found_once_all_its_servers_are_ready(tmp_path: Path) -> None:
    async def work() -> None:
        slow = VariantSpec(name="slow", environment={"LOADING_S": "0.7"})
        spec = EndpointSpec(name="e", variants=(VariantSpec(name="quick"), slow))
        async with endpoints_in(tmp_path) as endpoints:
            creating = asyncio.create_task(endpoints.create([spec]))
            await until(lambda: any(health.pid for health in endpoints.health()))
            with pytest.raises(EndpointError, match=r"^Endpoint e of account \d+ not found\.$"):
                await endpoints.invoke("e", JSON, b'{"do": "echo"}')
            assert not creating.done()
            await creating
            answer = await endpoints.invoke("e", JSON, b'{"do": "echo"}', "slow")
            assert answer.variant == "slow"

    asyncio.run(work())


def test_a_server_that_does_not_come_up_says_why_and_takes_the_others_along(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        broken = endpoint("broken", environment={"MODE": "broken"})
        async with endpoints_in(tmp_path) as endpoints:
            fine = endpoint("fine", environment={"LOADING_S": "60"})
            with pytest.raises(StartupError, match=r"broken/main ended before .*no model here"):
                await endpoints.create([fine, broken])
            assert await _children(0)

    asyncio.run(work())


def test_a_server_that_is_never_ready(tmp_path: Path) -> None:
    async def work() -> None:
        async with endpoints_in(tmp_path, startup_timeout_s=0.5) as endpoints:
            with pytest.raises(StartupError, match=r"never answered GET /ping with 200.*serving"):
                await endpoints.create([endpoint("e", environment={"LOADING_S": "60"})])

    asyncio.run(work())


def test_a_package_that_cannot_be_used(tmp_path: Path) -> None:
    async def work() -> None:
        async with endpoints_in(tmp_path) as endpoints:
            with pytest.raises(ConfigurationError, match="not a readable"):
                await endpoints.create([endpoint("e", package=b"no tar")])

    asyncio.run(work())


def test_servers_end_with_their_context(tmp_path: Path) -> None:
    async def work() -> None:
        async with endpoints_in(tmp_path) as endpoints:
            await endpoints.create([endpoint("one"), endpoint("two", package=package(a_txt="1"))])
            pids = {health.pid for health in endpoints.health()}
            assert len(pids) == 2
            with pytest.raises(
                LocalCloudError, match=r"no endpoint three/.*; there is one/main, two"
            ):
                endpoints.kill("three")
            invoking = asyncio.create_task(
                endpoints.invoke("one", JSON, b'{"do": "sleep", "seconds": 30}')
            )
            await asyncio.sleep(0.1)
        with pytest.raises(EndpointError, match="could not get a response"):
            await invoking
        assert await _children(0)

    asyncio.run(work())


def test_a_replacement_that_does_not_come_up_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with endpoints_in(tmp_path) as endpoints:
            await endpoints.create([endpoint("e")])
            broken = tmp_path / "models" / "e-main" / "broken"
            broken.touch()
            assert endpoints.kill("e") is not None
            assert endpoints.kill("e") is None
            await until(lambda: endpoints.health()[0].started >= 3)
            with pytest.raises(EndpointError, match="could not get a response"):
                await endpoints.invoke("e", JSON, b'{"do": "echo"}')
            broken.unlink()
            await until(lambda: endpoints.health()[0].pid is not None)
            assert (await endpoints.invoke("e", JSON, b'{"do": "echo"}')).variant == "main"

    asyncio.run(work())
    assert "the model server of e/main ended; it is started again" in caplog.text
    assert "no model here" in caplog.text


def test_a_replacement_under_way_ends_with_the_others(tmp_path: Path) -> None:
    async def work() -> None:
        async with endpoints_in(tmp_path) as endpoints:
            await endpoints.create([endpoint("e", environment={"LOADING_S": "0.4"})])
            endpoints.kill("e")
            await until(lambda: endpoints.health()[0].started == 2)
        assert await _children(0)

    asyncio.run(work())


def test_without_endpoints_nothing_is_started(tmp_path: Path) -> None:
    async def work() -> None:
        before = descendants(os.getpid())
        async with endpoints_in(tmp_path) as endpoints:
            await endpoints.create([])
            assert descendants(os.getpid()) == before

    asyncio.run(work())


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ((), "variants with different names"),
        ((VariantSpec(name="a"), VariantSpec(name="a")), "variants with different names"),
        ((VariantSpec(name="a", weight=0.0),), "a weight above 0"),
    ],
)
def test_an_endpoint_that_cannot_be(variants: tuple[VariantSpec, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        EndpointSpec(name="e", variants=variants)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_server_outlives_the_local_cloud(tmp_path: Path, how: signal.Signals) -> None:
    module = f"{__package__}.running_endpoint"
    # The watchdog and the server.
    check_that_nothing_outlives(module, str(tmp_path), how=how, processes=2)


async def _children(count: int) -> bool:
    """Wait until this process has so many model servers."""
    await until(lambda: len(_servers()) == count)
    return True


def _servers() -> list[int]:
    found = []
    for pid in descendants(os.getpid()):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"model_server.py" in command:
            found.append(pid)
    return found
