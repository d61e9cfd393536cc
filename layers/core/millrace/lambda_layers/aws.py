"""Lambda as layer management needs it: one account, its regions side by side, all pages, backoff.

Every request is counted, and what AWS refuses becomes an error that names the action, the region
and the remedy.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
)

from millrace.aws import code_of, unavailable
from millrace.errors import (
    ConfigurationError,
    LayerError,
    MillraceError,
    NotAllowed,
    Unavailable,
    WriteConflict,
)
from millrace.lambda_layers.inventory import (
    Alias,
    FunctionVersion,
    Inventory,
    LayerVersion,
    alias,
    function_version,
    layer_arn,
    layer_version,
)

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

T = TypeVar("T")
R = TypeVar("R")

PARALLEL = 16
# Control-plane calls share 15 requests a second; a fleet is read with patience.
_TRIES = 7
# Makes a client of a service. Each is named as a constant, so that a layer which is built for the
# function that cleans up keeps just these: see millrace.lambda_layers.services.
Maker = Callable[..., Any]
MAKERS: Mapping[str, Maker] = {
    "lambda": lambda session, **where: session.client("lambda", **where),
    "sts": lambda session, **where: session.client("sts", **where),
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}
_CHANGED = {"PreconditionFailedException", "ResourceConflictException", "ResourceInUseException"}
_GONE = {"ResourceNotFoundException", "ParameterNotFound", "NoSuchKey", "404"}
_FOR_NOW = {"ServiceException", "InternalError", "ServiceUnavailable", "TooManyRequestsException"}


class LambdaAccount:
    """One account, with the credentials that the environment has (or `session`).

    `makers` are those of services beside Lambda and STS, for whoever needs them.

    Attributes:
        calls: requests by "service:Operation", tries that were repeated included.
    """

    def __init__(
        self,
        session: boto3.Session | None = None,
        endpoint_url: str | None = None,
        tries: int = _TRIES,
        makers: Mapping[str, Maker] | None = None,
    ) -> None:
        self._session = session or boto3.Session()
        self._makers = {**MAKERS, **(makers or {})}
        self._endpoint_url = endpoint_url
        self._config = Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": tries},
            max_pool_connections=PARALLEL,
        )
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()

    @property
    def region(self) -> str:
        """The region that the environment names. Raises ConfigurationError where it names none."""
        if not self._session.region_name:
            raise ConfigurationError(
                "No AWS region is set: set AWS_REGION, or name regions with --region."
            )
        return self._session.region_name

    @cached_property
    def identity(self) -> Mapping[str, str]:
        """Account and Arn of the caller, by STS."""
        answer = self.call("sts:GetCallerIdentity", self.region, {})
        return {"Account": answer["Account"], "Arn": answer["Arn"]}

    @property
    def account(self) -> str:
        """The account's number."""
        return self.identity["Account"]

    @property
    def partition(self) -> str:
        """`aws`, or that of China or of a government."""
        return self.identity["Arn"].split(":")[1]

    def lambda_in(self, region: str) -> LambdaClient:
        """Lambda's client for a region, the same one each time."""
        client: LambdaClient = self.api("lambda", region)
        return client

    def api(self, service: str, region: str) -> Any:  # noqa: ANN401  of any service
        """A client that counts what it sends."""
        with self._lock:
            if (service, region) not in self._clients:
                try:
                    made = self._makers[service](
                        self._session,
                        region_name=region,
                        endpoint_url=self._endpoint_url,
                        config=self._config,
                    )
                except InvalidRegionError as error:
                    raise ConfigurationError(
                        f"{region!r} is no region; one looks like eu-west-1 (--region, AWS_REGION)."
                    ) from error
                made.meta.events.register("before-send.*", self._counter(service))
                self._clients[service, region] = made
            return self._clients[service, region]

    def _counter(self, service: str) -> Callable[..., None]:
        def count(event_name: str, **_: object) -> None:
            with self._lock:
                self.calls[f"{service}:{event_name.rpartition('.')[2]}"] += 1

        return count

    def call(self, action: str, region: str, members: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """The answer to one request, `action` as IAM writes it. Raises MillraceErrors."""
        service, _, operation = action.partition(":")
        client = self.api(service, region)
        try:
            method = next(m for m, o in client.meta.method_to_api_mapping.items() if o == operation)
            return getattr(client, method)(**members)
        except (ClientError, BotoCoreError) as error:
            raise problem(action, region, error, client.meta.endpoint_url) from error

    def pages(
        self, action: str, region: str, name: str, members: Mapping[str, Any] | None = None
    ) -> list[Any]:
        """All rows of a listing of Lambda, over all pages."""
        rows: list[Any] = []
        marker: dict[str, str] = {}
        while True:
            answer = self.call(action, region, {**(members or {}), **marker})
            rows += answer.get(name, ())
            if not answer.get("NextMarker"):
                return rows
            marker = {"Marker": answer["NextMarker"]}

    def inventory(
        self,
        regions: Sequence[str],
        now_ms: int,
        *,
        layers: Iterable[str] | None = None,
        aliases: bool = False,
    ) -> Inventory:
        """What there is in some regions.

        Only the layers of these names are looked up, all of them where `layers` is None; the
        functions always are all of them. Raises MillraceErrors: nothing is left out in silence.
        """
        before = Counter(self.calls)
        wanted = None if layers is None else tuple(layers)
        found = parallel(lambda region: self._region(region, wanted, aliases), regions)
        return Inventory(
            account=self.account,
            regions=tuple(regions),
            taken_ms=now_ms,
            functions=tuple(one for functions, _, _ in found for one in functions),
            layers=tuple(one for _, versions, _ in found for one in versions),
            aliases=tuple(one for _, _, names in found for one in names),
            calls=dict(self.calls - before),
        )

    def functions(self, region: str) -> list[FunctionVersion]:
        """Every version of every function of a region."""
        rows = self.pages("lambda:ListFunctions", region, "Functions", {"FunctionVersion": "ALL"})
        return [function_version(row, region) for row in rows]

    def layer_versions(self, region: str, name: str) -> list[LayerVersion]:
        """Every version of a layer, the newest first; none where there is no such layer."""
        members = {"LayerName": name}
        try:
            rows = self.pages("lambda:ListLayerVersions", region, "LayerVersions", members)
        except Gone:
            return []
        return [layer_version(row) for row in rows]

    def _region(
        self, region: str, layers: tuple[str, ...] | None, aliases: bool
    ) -> tuple[list[FunctionVersion], list[LayerVersion], list[Alias]]:
        functions = self.functions(region)
        if layers is None:
            rows = self.pages("lambda:ListLayers", region, "Layers")
            layers = tuple(layer_arn(row["LayerArn"]).name for row in rows)
        versions = parallel(lambda name: self.layer_versions(region, name), layers)
        arns = sorted({one.arn for one in functions}) if aliases else []
        found = parallel(lambda arn: self._aliases(region, arn), arns)
        return functions, [one for some in versions for one in some], [a for s in found for a in s]

    def _aliases(self, region: str, arn: str) -> list[Alias]:
        members = {"FunctionName": arn}
        rows = self.pages("lambda:ListAliases", region, "Aliases", members)
        return [alias(row, arn) for row in rows]


class Gone(LayerError):
    """What was asked for is not there."""


def parallel(do: Callable[[T], R], each: Sequence[T]) -> list[R]:
    """What comes of each, in order; several are under way at a time."""
    with ThreadPoolExecutor(max(1, min(PARALLEL, len(each)))) as pool:
        return list(pool.map(do, each))


def sent_before(error: MillraceError) -> bool:
    """Whether what was refused was sent more than once: AWS may have done it the first time."""
    response = getattr(error.__cause__, "response", {})
    return bool(response.get("ResponseMetadata", {}).get("RetryAttempts", 0))


def problem(action: str, region: str, error: Exception, endpoint: str = "") -> MillraceError:
    """What AWS refused, as an error of ours: the action, where, and what to do about it."""
    code, where = code_of(error), f"{action} in {region}"
    if isinstance(error, NoCredentialsError) or code in _CREDENTIALS:
        return ConfigurationError(
            f"{where} needs credentials that are good: {error}. See AWS_PROFILE; if they are good"
            f" elsewhere, the account has not enabled {region}: leave it out (--region)."
        )
    if code in _DENIED:
        return NotAllowed(
            f"{where} is not allowed: {error}. Give these credentials {action}, choose others with"
            " AWS_PROFILE, or leave the region out (--region)."
        )
    if code == "PolicyLengthExceededException":
        return LayerError(f"{where}: {error} Share with an organisation instead (--organization).")
    if code in _GONE:
        return Gone(f"{where}: {error}")
    if code in _CHANGED:
        return WriteConflict(f"{where}: somebody else is changing the same: {error}")
    if isinstance(error, ClientError) and code not in _FOR_NOW:
        return LayerError(f"{where}: {error}")
    if isinstance(error, EndpointConnectionError) and not endpoint.startswith("http:"):
        return Unavailable(
            f"{where}: {error} Is there a region {region}, and does this machine reach it?"
        )
    return unavailable(f"call {action}", error, endpoint or region)
