"""A region that there is not is told, and no empty one."""

from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from localcloud.lambda_control.names import regions
from localcloud.lambda_control.running import LambdaCloud


@pytest.mark.parametrize(
    ("region", "hint"), [("eu-west-9", "Did you mean eu-west-"), ("nowhere", "no region 'nowhere'")]
)
@pytest.mark.parametrize(
    ("service", "operation"), [("lambda", "list_functions"), ("codedeploy", "list_applications")]
)
def test_it_is_named(
    cloud: LambdaCloud, service: str, operation: str, region: str, hint: str
) -> None:
    with pytest.raises(ClientError, match=hint) as refused:
        getattr(cloud.client(service, region=region), operation)()
    assert refused.value.response["Error"]["Code"] == "UnknownRegionException"


def test_every_partition_has_its_regions(cloud: LambdaCloud) -> None:
    assert {"eu-west-1", "cn-north-1", "us-gov-west-1"} <= regions()
    assert cloud.client(region="cn-north-1").list_functions()["Functions"] == []


def test_none_is_seeded() -> None:
    command = [sys.executable, "-m", "localcloud.lambda_control", "--region", "eu-west-9"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "There is no region 'eu-west-9'" in done.stderr) == (2, True)
