"""How SageMaker's runtime refuses a request, and how it reports a model that failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millrace.errors import LocalCloudError

# What SageMaker calls the only container of a model.
_CONTAINER = "primary"


class EndpointError(LocalCloudError):
    """A refusal: the service's error code, HTTP status, and members beside the message."""

    def __init__(
        self, code: str, status: int, message: str | None, members: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message or code)
        self.code = code
        self.status = status
        self.document: Mapping[str, Any] = {"Message": message, **(members or {})}


@dataclass(frozen=True, slots=True)
class Origin:
    """The endpoint that an error comes from, and where its server's log is."""

    endpoint: str
    account_id: str
    region: str
    log: Path

    @property
    def log_stream_arn(self) -> str:
        """The log's name in the cloud."""
        group = f"/aws/sagemaker/Endpoints/{self.endpoint}"
        return f"arn:aws:logs:{self.region}:{self.account_id}:log-group:{group}"


def invalid(message: str) -> EndpointError:
    """The request breaks a rule of the API."""
    return EndpointError("ValidationError", 400, message)


def broken_rule(value: str, where: str, rule: str) -> EndpointError:
    """The value of a member breaks a rule of the API."""
    return invalid(
        f"1 validation error detected: Value {value} at '{where}' failed to satisfy constraint: "
        f"{rule}"
    )


def not_found(endpoint: str, account_id: str) -> EndpointError:
    """There is no such endpoint, or it has not been in service yet."""
    message = f"Endpoint {endpoint} of account {account_id} not found."
    return EndpointError("ValidationError", 400, message, {"ErrorCode": "NO_SUCH_ENDPOINT"})


def throttled() -> EndpointError:
    """More calls at once than a serverless variant takes; SageMaker gives no message."""
    return EndpointError("ThrottlingException", 400, None)


def not_ready(variant: str) -> EndpointError:
    """A serverless variant is being provisioned (again)."""
    message = f"The resources of variant {variant} are still being provisioned. Try again later."
    return EndpointError("ModelNotReadyException", 429, message)


def answered(status: int, body: bytes, origin: Origin) -> EndpointError:
    """The model server answered with an HTTP error."""
    side, code = ("client", "CLIENT") if 400 <= status < 500 else ("server", "SERVER")
    text = body.decode("utf-8", "replace")
    return _model_error(
        status, text, f"Received {side} error ({status})", f"{code}_ERROR_FROM_MODEL", origin
    )


def timed_out(origin: Origin) -> EndpointError:
    """The model server did not answer in time."""
    text = (
        f"Your invocation timed out while waiting for a response from container {_CONTAINER}. "
        "Review the latency metrics for each container in Amazon CloudWatch, resolve the issue, "
        "and try again."
    )
    return _model_error(0, text, "Received server error (0)", "SERVER_ERROR_FROM_MODEL", origin)


def no_response(origin: Origin) -> EndpointError:
    """The model server is not there, or hung up."""
    text = (
        f"Amazon SageMaker could not get a response from the {origin.endpoint} endpoint. This can "
        "occur when CPU or memory utilization is high. To check your utilization, see Amazon "
        "CloudWatch. To fix this problem, use an instance type with more CPU capacity or memory."
    )
    return _model_error(0, text, "Received server error (0)", "SERVER_ERROR_FROM_MODEL", origin)


def answer_too_large(size: int, limit: int, origin: Origin) -> EndpointError:
    """The model server's answer is larger than the runtime passes on."""
    text = f"The response has {size} bytes; at most {limit} are passed on."
    return _model_error(200, text, "Received a response", "SERVER_ERROR_FROM_MODEL", origin)


def _model_error(status: int, text: str, received: str, code: str, origin: Origin) -> EndpointError:
    message = (
        f'{received} from {_CONTAINER} with message "{text}". See {origin.log} for more '
        "information."
    )
    members = {
        "ErrorCode": code,
        "OriginalMessage": text,
        "OriginalStatusCode": status,
        "LogStreamArn": origin.log_stream_arn,
    }
    return EndpointError("ModelError", 424, message, members)
