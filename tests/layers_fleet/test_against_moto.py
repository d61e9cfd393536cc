"""The same commands before moto, whose Lambda somebody else has written.

It gives no address from which a layer's content can be read, so nothing is copied between regions.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import boto3
import pytest

from localcloud.moto import moto_server
from tests.layers_fleet.building import built
from tests.layers_fleet.typing_commands import Commands
from tests.localcloud.running import running

OTHER = "210987654321"
REGIONS = ("--region", "eu-west-1", "--region", "us-east-1")


@dataclass(frozen=True)
class Moto:
    """A moto server, as commands need to know it."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "eu-west-1",
        }

    def client(self, service: Any) -> Any:
        session = boto3.Session("local", "local", region_name="eu-west-1")
        return session.client(service, endpoint_url=self.url)


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    log = tmp_path_factory.mktemp("moto") / "moto.log"
    with running(lambda: moto_server(log)) as server:
        yield Moto(server.value.url)


@pytest.fixture
def millrace(moto: Moto, tmp_path: Path) -> Commands:
    return Commands(moto, {"MILLRACE_PLANS": str(tmp_path)})


def zipped(text: str) -> bytes:
    out = io.BytesIO()
    with ZipFile(out, "w") as archive:
        archive.writestr("python/a.py", text)
    return out.getvalue()


def test_a_layer_is_published_shared_taken_back_and_cleaned_up(
    moto: Moto, millrace: Commands, tmp_path: Path
) -> None:
    client = moto.client("lambda")
    for number in range(6):
        folder = built(tmp_path / str(number), zipped(f"x = {number}"))
        command = ("layers", "publish", folder, "--name", "deps", *REGIONS)
        for count in (4, 0):
            done = millrace(*command, "--manifest", "ssm:/layers", "--execute", "--json")
            assert done.status == 0, done.err
            assert len(done.document["plan"]["steps"]) == count
    for account in (OTHER, "333333333333"):
        done = millrace("layers", "share", "deps:1", "--account", account, *REGIONS, "--execute")
        assert done.status == 0, done.err
    done = millrace("layers", "revoke", "deps:1", "--account", OTHER, *REGIONS, "--execute")
    assert done.status == 0, done.err
    shares = millrace("layers", "shares", "deps:1", *REGIONS, "--json").document["shares"]
    assert [one["shared_with"] for one in shares] == ["account 333333333333"] * 2
    role = moto.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]
    arn = client.get_layer_version(LayerName="deps", VersionNumber=2)["LayerVersionArn"]
    client.create_function(
        FunctionName="f", Role=role["Arn"], Runtime="python3.13", Handler="a.b", Publish=True,
        Code={"ZipFile": zipped("")}, Layers=[arn],
    )  # fmt: skip
    client.update_function_configuration(FunctionName="f", Layers=[])
    done = millrace("layers", "prune", "--keep", 2, "--grace-days", 0, "--execute", "--json")
    assert done.status == 0, done.err
    left = client.list_layer_versions(LayerName="deps")["LayerVersions"]
    # 1 is shared, 2 is used by an old version of the function, 5 and 6 are the newest.
    assert sorted(one["Version"] for one in left) == [1, 2, 5, 6]
