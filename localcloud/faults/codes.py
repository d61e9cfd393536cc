"""Transient errors of AWS's and Oracle's services: code to HTTP status and message."""

from __future__ import annotations

from collections.abc import Mapping

_RATE = "Rate exceeded"

KNOWN_ERRORS: Mapping[str, tuple[int, str]] = {
    "ProvisionedThroughputExceededException": (
        400,
        "The level of configured provisioned throughput was exceeded",
    ),
    "ThrottlingException": (400, _RATE),
    "Throttling": (400, _RATE),
    "RequestLimitExceeded": (400, "Throughput exceeds the current throughput limit"),
    "LimitExceededException": (400, _RATE),
    "TransactionConflictException": (400, "Transaction is ongoing for the item"),
    "KMSThrottlingException": (400, _RATE),
    "TooManyRequestsException": (429, _RATE),
    "TooManyRequests": (429, "Too many requests for the tenancy"),  # Oracle's
    "InternalServerError": (500, "The request could not be processed"),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InternalFailure": (500, "The request processing has failed"),
    "InternalFailureException": (500, "The request processing has failed"),
    "InternalDependencyException": (530, "The model's variant failed"),
    "ServiceUnavailable": (503, "The service is temporarily unable to handle the request"),
    "ServiceUnavailableException": (503, "The service is temporarily unable to handle the request"),
    "SlowDown": (503, "Please reduce your request rate."),
    "ModelNotReadyException": (429, "The model is not ready yet"),
    "RequestTimeout": (400, "The request's data did not arrive in time"),
}
