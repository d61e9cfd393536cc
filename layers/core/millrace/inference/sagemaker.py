"""The model behind a SageMaker endpoint."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from millrace.aws import code_of, unavailable
from millrace.errors import MillraceError, ModelError, NotDeployed, Unavailable
from millrace.inference.call import Call
from millrace.inference.contract import (
    MAX_PREDICTION_BYTES,
    ModelAnswer,
    model_answer,
    model_failure,
)
from millrace.inference.trying import tried, unheard

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

_JSON = "application/json"


class Endpoint:
    """One endpoint by its name.

    A request goes out once. Only where the endpoint never began to answer (a connection that went
    stale while the function was frozen) is it asked again.
    """

    def __init__(self, runtime: SageMakerRuntimeClient, name: str, features_version: str) -> None:
        self.name = name
        self._runtime = runtime
        self._version = features_version

    def ask(self, payload: bytes, prediction_id: str, call: Call) -> ModelAnswer:
        """See Model: InvokeEndpoint."""
        begun_s = call.now_s()
        try:
            answer, body = tried(
                call, lambda: self._invoke(payload, prediction_id), self._failure, unheard
            )
        except MillraceError:
            call.took("EndpointLatency", begun_s)
            raise
        call.took("EndpointLatency", begun_s)
        return model_answer(
            body,
            answer.get("ContentType", ""),
            answer.get("CustomAttributes", ""),
            answer.get("InvokedProductionVariant"),
            self._version,
        )

    def _invoke(self, payload: bytes, prediction_id: str) -> tuple[Any, bytes]:
        answer = self._runtime.invoke_endpoint(
            EndpointName=self.name,
            Body=payload,
            ContentType=_JSON,
            Accept=_JSON,
            CustomAttributes=f"millrace-features={self._version}",
            # Data capture files it with the request, as ground truth is joined by it.
            InferenceId=prediction_id,
        )
        with closing(answer["Body"]) as body:  # which gives its connection back, read or not
            return answer, body.read(MAX_PREDICTION_BYTES + 1)

    def _failure(self, error: Exception) -> MillraceError:
        code = code_of(error)
        if code == "ModelError" and isinstance(error, ClientError):
            said: Any = error.response
            status = said.get("OriginalStatusCode") or 0
            return model_failure(status, said.get("OriginalMessage") or "", self._version)
        if code == "ValidationError" and "not found" in str(error):
            return NotDeployed(
                "endpoint-missing",
                f"No endpoint of the name {self.name!r} is in service: create it, or deploy with"
                " another EndpointName.",
            )
        if code == "ModelNotReadyException":
            return Unavailable(f"The model of {self.name} is being loaded.")
        if code == "ValidationError":
            return ModelError("model-error", f"The endpoint refused the request: {error!s:.300}")
        where = self._runtime.meta.endpoint_url
        return unavailable(f"invoke the endpoint {self.name}", error, where)
