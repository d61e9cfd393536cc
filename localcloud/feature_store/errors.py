"""How the feature store refuses a request."""

from __future__ import annotations

from millrace.errors import LocalCloudError


class FeatureStoreError(LocalCloudError):
    """A refusal: `code` is the service's error code, `status` its HTTP status."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def invalid(message: str) -> FeatureStoreError:
    """The request, or the record in it, is not valid."""
    return FeatureStoreError("ValidationError", 400, message)


def not_found(message: str) -> FeatureStoreError:
    """What the request names is not there."""
    return FeatureStoreError("ResourceNotFound", 404, message)


def conflict(message: str) -> FeatureStoreError:
    """The record is newer than the request."""
    return FeatureStoreError("ConflictException", 409, message)
