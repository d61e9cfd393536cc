"""The account whose layers are managed, and in which regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import boto3
import typer
from botocore.exceptions import BotoCoreError
from millrace.errors import ConfigurationError
from millrace.lambda_layers.aws import LambdaAccount, Maker
from millrace.lambda_layers.publisher import MAKERS

_WHERE = "Where"
_REGIONS = {"ec2": lambda session, **where: session.client("ec2", **where)}

RegionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        metavar="REGION",
        help="May be repeated; by default the one of the environment (AWS_REGION).",
        rich_help_panel=_WHERE,
    ),
]
AllRegionsOption = Annotated[
    bool,
    typer.Option(
        "--all-regions",
        help="Every region that the account can use.",
        rich_help_panel=_WHERE,
    ),
]


def connect(
    environment: Mapping[str, str], makers: Mapping[str, Maker] | None = None
) -> LambdaAccount:
    """The account that the environment has credentials of. Raises ConfigurationError.

    `makers` are those of services that only some commands need.
    """
    key = environment.get("AWS_ACCESS_KEY_ID") or None
    try:
        session = boto3.Session(
            key,
            environment.get("AWS_SECRET_ACCESS_KEY") or None,
            environment.get("AWS_SESSION_TOKEN") or None,
            # boto3 by itself does not read AWS_REGION, which Lambda and the AWS CLI do.
            environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or None,
            profile_name=None if key else environment.get("AWS_PROFILE") or None,
        )
        url = environment.get("AWS_ENDPOINT_URL") or None
        return LambdaAccount(session, url, makers={**MAKERS, **_REGIONS, **(makers or {})})
    except BotoCoreError as error:
        raise ConfigurationError(f"AWS is not set up: {error}; see AWS_PROFILE.") from error


def regions_of(account: LambdaAccount, named: list[str] | None, every: bool) -> tuple[str, ...]:
    """The regions that the options choose. Raises ConfigurationError."""
    if named and every:
        raise ConfigurationError("Both --region and --all-regions are given; choose one of them.")
    if every:
        answer = account.call("ec2:DescribeRegions", account.region, {"AllRegions": False})
        return tuple(sorted(one["RegionName"] for one in answer["Regions"]))
    return tuple(dict.fromkeys(named or [account.region]))
