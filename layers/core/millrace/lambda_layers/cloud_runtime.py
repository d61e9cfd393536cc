"""Layers tried in the cloud: by temporary functions, of which nothing is left whatever happens.

Everything is noted before it is made, and removed when the runtime is left: functions, their log
groups, versions of layers. What a killed run could not remove carries a tag, and the next run
removes it once it is an hour old.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from botocore.exceptions import BotoCoreError, ClientError

from millrace.errors import LayerError
from millrace.lambda_layers.compiling import MOUNT
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.testing import PROBE, Answer, Function

PREFIX = "millrace-layer-test-"
TAG = "millrace:temporary"
_KEPT_S = 3600
_WAIT_S, _TRIES = 1.0, 180
_INIT = re.compile(r"Init Duration: ([\d.]+) ms")
_DURATION = re.compile(r"\tDuration: ([\d.]+) ms")


class Lambda(Protocol):
    """What is used of boto3's Lambda client."""

    def create_function(self, **request: Any) -> Any: ...  # noqa: ANN401  boto3's own
    def delete_function(self, **request: Any) -> Any: ...  # noqa: ANN401
    def delete_layer_version(self, **request: Any) -> Any: ...  # noqa: ANN401
    def get_function_configuration(self, **request: Any) -> Any: ...  # noqa: ANN401
    def invoke(self, **request: Any) -> Any: ...  # noqa: ANN401
    def list_functions(self, **request: Any) -> Any: ...  # noqa: ANN401
    def list_tags(self, **request: Any) -> Any: ...  # noqa: ANN401
    def publish_layer_version(self, **request: Any) -> Any: ...  # noqa: ANN401
    def update_function_configuration(self, **request: Any) -> Any: ...  # noqa: ANN401


class Logs(Protocol):
    """What is used of boto3's client of CloudWatch Logs."""

    def delete_log_group(self, **request: Any) -> Any: ...  # noqa: ANN401


class CloudRuntime:
    """Runs functions in the cloud; a context, which removes all that it has made.

    `layers` are zips to publish for the while, or ARNs of versions that are there. `role` is what
    the functions run as. `token` makes names of this run its own.
    """

    mount = MOUNT
    probe = PROBE

    def __init__(
        self,
        functions: Lambda,
        logs: Logs,
        *,
        layers: Sequence[Path | str],
        target: Target,
        role: str,
        token: str,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._functions, self._logs = functions, logs
        self._layers = layers
        self._target = target
        self._role = role
        self._token = token
        self._now = now
        self._sleep = sleep
        self._arns: list[str] = []
        self._published: list[tuple[str, int]] = []
        self._made: dict[tuple[Path, str, int, int], str] = {}
        self._names: list[str] = []
        self._turn = 0

    @property
    def how(self) -> str:
        """The cloud itself."""
        return f"{self._target.runtime} on {self._target.architecture}, AWS Lambda"

    def __enter__(self) -> CloudRuntime:
        """Remove what an earlier run has left, and publish the layers."""
        try:
            for name in list(self._forgotten()):
                self._remove(name)
            for layer in self._layers:
                self._arns.append(layer if isinstance(layer, str) else self._publish(layer))
        except BaseException:
            self._clean()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove everything. Raises LayerError for what could not be, and must be by hand."""
        left = self._clean()
        if left and error is None:
            raise LayerError(f"What was made for the tests is left behind: {'; '.join(left)}.")
        if left and error is not None:
            error.add_note(f"Left behind: {'; '.join(left)}.")

    def call(self, function: Function, payloads: Sequence[bytes]) -> list[Answer]:
        """The answers of an execution environment that is fresh. Raises LayerError."""
        try:
            name = self._fresh(function)
            return [self._invoke(name, payload) for payload in payloads]
        except (ClientError, BotoCoreError) as error:
            raise LayerError(f"The layer cannot be tried in the cloud: {error}") from error

    def _publish(self, path: Path) -> str:
        name = f"{PREFIX}{self._token}"
        try:
            made = self._functions.publish_layer_version(
                LayerName=name,
                Content={"ZipFile": path.read_bytes()},
                CompatibleRuntimes=[self._target.runtime],
                CompatibleArchitectures=[self._target.architecture],
                Description="temporary: millrace layers test",
            )
        except (ClientError, BotoCoreError) as error:
            raise LayerError(f"{path.name} cannot be published: {error}") from error
        self._published.append((name, int(made["Version"])))
        return str(made["LayerVersionArn"])

    def _fresh(self, function: Function) -> str:
        """The function, made or changed just now, so that nothing is warm."""
        key = (function.code, function.handler, function.timeout_s, function.memory_mb)
        self._turn += 1
        turn = {**function.environment, "MILLRACE_TURN": str(self._turn)}
        name = self._made.get(key)
        if name is None:
            name = f"{PREFIX}{self._token}-{len(self._names)}"
            self._names.append(name)
            self._create(name, function, turn)
            self._made[key] = name
        else:
            self._functions.update_function_configuration(
                FunctionName=name, Environment={"Variables": turn}
            )
        self._wait(name)
        return name

    def _create(self, name: str, function: Function, environment: Mapping[str, str]) -> None:
        self._functions.create_function(
            FunctionName=name,
            Runtime=self._target.runtime,
            Architectures=[self._target.architecture],
            Role=self._role,
            Handler=function.handler,
            Code={"ZipFile": _zip(function)},
            Layers=self._arns,
            Timeout=function.timeout_s,
            MemorySize=function.memory_mb,
            Environment={"Variables": dict(environment)},
            Description="temporary: millrace layers test",
            Tags={TAG: self._now().isoformat(timespec="seconds")},
        )

    def _wait(self, name: str) -> None:
        """Until it can be invoked as it is now. Raises LayerError where it never can."""
        for _ in range(_TRIES):
            found = self._functions.get_function_configuration(FunctionName=name)
            state, update = found.get("State", "Active"), found.get("LastUpdateStatus")
            if state == "Failed" or update == "Failed":
                why = found.get("StateReason") or found.get("LastUpdateStatusReason")
                raise LayerError(f"The layer cannot be tried in the cloud: {why}")
            if state == "Active" and update in (None, "Successful"):
                return
            self._sleep(_WAIT_S)
        raise LayerError(f"{name} is not ready after {_TRIES * _WAIT_S:,.0f} s. Try again later.")

    def _invoke(self, name: str, payload: bytes) -> Answer:
        found = self._functions.invoke(FunctionName=name, Payload=payload, LogType="Tail")
        body = found["Payload"].read()
        log = base64.b64decode(found.get("LogResult") or b"").decode("utf-8", "replace")
        error = None
        if found.get("FunctionError"):
            error = _error_type(body) or str(found["FunctionError"])
        return Answer(body, error, log, _ms(_DURATION, log) or 0.0, _ms(_INIT, log))

    def _forgotten(self) -> Iterator[str]:
        """Functions of ours that are older than any run takes."""
        request: dict[str, Any] = {}
        while True:
            page = self._functions.list_functions(**request)
            for one in page.get("Functions", ()):
                if one["FunctionName"].startswith(PREFIX) and self._old(one["FunctionArn"]):
                    yield str(one["FunctionName"])
            if not page.get("NextMarker"):
                return
            request = {"Marker": page["NextMarker"]}

    def _old(self, arn: str) -> bool:
        made = self._functions.list_tags(Resource=arn).get("Tags", {}).get(TAG)
        try:
            then = datetime.fromisoformat(made or "")
        except ValueError:
            return False
        return (self._now() - then.astimezone(UTC)).total_seconds() > _KEPT_S

    def _clean(self) -> list[str]:
        """Remove everything that was made; what could not be, and why."""
        left = []
        for name in self._names:
            left += self._remove(name)
        for name, version in self._published:
            left += self._try(
                f"version {version} of layer {name}",
                self._functions.delete_layer_version,
                LayerName=name,
                VersionNumber=version,
            )
        self._names, self._published = [], []
        return left

    def _remove(self, name: str) -> list[str]:
        group = f"/aws/lambda/{name}"
        return [
            *self._try(f"function {name}", self._functions.delete_function, FunctionName=name),
            *self._try(f"log group {group}", self._logs.delete_log_group, logGroupName=group),
        ]

    def _try(self, what: str, action: Callable[..., object], **request: object) -> list[str]:
        try:
            action(**request)
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"].get("Code") if isinstance(error, ClientError) else None
            return [] if code == "ResourceNotFoundException" else [f"{what} ({error})"]
        return []


def _zip(function: Function) -> bytes:
    """The function's code, the same bytes every time."""
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        for name, path in sorted(function.files().items()):
            info = ZipInfo(name)
            info.external_attr = 0o644 << 16
            info.compress_type = ZIP_DEFLATED
            archive.writestr(info, path.read_bytes())
    return content.getvalue()


def _error_type(body: bytes) -> str | None:
    found = re.search(rb'"errorType": ?"([^"]+)"', body)
    return found[1].decode() if found else None


def _ms(pattern: re.Pattern[str], log: str) -> float | None:
    found = pattern.search(log)
    return float(found[1]) if found else None
