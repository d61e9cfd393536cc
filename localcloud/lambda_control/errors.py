"""What Lambda answers when it refuses, by the names that AWS gives its exceptions.

::

    LambdaError                     (a LocalCloudError) code and HTTP status of the answer
    ├── NotFound                    no such function, layer version, alias or policy
    ├── Conflict                    it exists already, or an update is under way
    ├── StaleRevision               somebody else changed it since its RevisionId was read
    ├── InvalidValue                well formed, but it cannot be meant
    ├── ValidationFailed            outside of what the service model allows
    ├── Denied                      the caller may not
    ├── PolicyTooLong               a layer version's policy has its bound
    ├── UnknownRegion               AWS has no Lambda there
    └── UnknownOperation            an operation that this Lambda does not have
"""

from __future__ import annotations

from typing import ClassVar

from millrace.errors import LocalCloudError


class LambdaError(LocalCloudError):
    """Root of what Lambda refuses; `code` is AWS's name for it, `status` that of the answer."""

    code: ClassVar[str] = "ServiceException"
    status: ClassVar[int] = 500


class NotFound(LambdaError):
    """No such function, layer version, alias or policy."""

    code = "ResourceNotFoundException"
    status = 404


class Conflict(LambdaError):
    """It exists already, or is in another state than the call needs."""

    code = "ResourceConflictException"
    status = 409


class StaleRevision(LambdaError):
    """The RevisionId of the call is not the latest."""

    code = "PreconditionFailedException"
    status = 412

    def __init__(self) -> None:
        super().__init__(
            "The Revision Id provided does not match the latest Revision Id. Call the "
            "GetFunction/GetAlias API to retrieve the latest Revision Id"
        )


class InvalidValue(LambdaError):
    """A well-formed value that cannot be meant."""

    code = "InvalidParameterValueException"
    status = 400


class ValidationFailed(LambdaError):
    """A value outside of what the service model allows."""

    code = "ValidationException"
    status = 400


class Denied(LambdaError):
    """The caller may not do this, or not with this resource."""

    code = "AccessDeniedException"
    status = 403


class PolicyTooLong(LambdaError):
    """A policy would pass its 20,480 bytes."""

    code = "PolicyLengthExceededException"
    status = 400


class UnknownRegion(LambdaError):
    """A region that there is not: in AWS its endpoint would have no address."""

    code = "UnknownRegionException"
    status = 400


class UnknownOperation(LambdaError):
    """An operation that Lambda, or this one, does not have."""

    code = "UnknownOperationException"
    status = 404
