"""What a model that can be asked must offer, and what stands in where there is none."""

from __future__ import annotations

from typing import Protocol

from millrace.errors import NotDeployed
from millrace.inference.call import Call
from millrace.inference.contract import ModelAnswer


class Model(Protocol):
    """A model behind an endpoint of some name."""

    name: str

    def ask(self, payload: bytes, prediction_id: str, call: Call) -> ModelAnswer:
        """The model's answer to a payload.

        Raises NotDeployed, a PredictionError that says why there is no answer, Throttled, or
        Unavailable.
        """
        ...


class NoEndpoint:
    """Stands in where no endpoint is named."""

    name = ""

    def ask(self, payload: bytes, prediction_id: str, call: Call) -> ModelAnswer:
        """See Model: always NotDeployed."""
        raise NotDeployed(
            "endpoint-none",
            "No model is deployed: this stack's EndpointMode is none. Features can be read at"
            " GET /features/{userId}.",
        )
