"""What Kinesis answers when it refuses, by the names that AWS gives its exceptions.

::

    KinesisError                    (a LocalCloudError) code and HTTP status of the answer
    ├── ResourceNotFound            no such stream, shard or consumer
    ├── ResourceInUse               it exists already, or is not ACTIVE, or is taken
    ├── InvalidArgument             a value that is well formed but cannot be meant
    ├── ValidationFailed            a value outside of what the service model allows
    ├── LimitExceeded               a quota of the account or the stream
    ├── ThroughputExceeded          a shard's records or bytes a second
    ├── ExpiredIterator             a shard iterator older than five minutes
    ├── ExpiredNextToken            a page token older than five minutes
    ├── MalformedRequest            the body is not what the protocol says
    ├── UnknownOperation            an operation that Kinesis, or this one, does not have
    ├── UnsupportedMediaType        a protocol other than JSON 1.1
    └── RequestTooLarge             a body larger than any valid request
"""

from __future__ import annotations

from typing import ClassVar

from millrace.errors import LocalCloudError


class KinesisError(LocalCloudError):
    """Root of what Kinesis refuses; `code` is AWS's name for it, `status` that of the answer."""

    code: ClassVar[str] = "InternalFailureException"
    status: ClassVar[int] = 400


class ResourceNotFound(KinesisError):
    """No such stream, shard or consumer."""

    code = "ResourceNotFoundException"


class ResourceInUse(KinesisError):
    """It exists already, is not in the state that the call needs, or somebody else has it."""

    code = "ResourceInUseException"


class InvalidArgument(KinesisError):
    """A well-formed value that cannot be meant: of another stream, in the future, too large."""

    code = "InvalidArgumentException"


class ValidationFailed(KinesisError):
    """A value outside of what the service model allows, or not in this capacity mode."""

    code = "ValidationException"


class LimitExceeded(KinesisError):
    """A quota of the account or of the stream is used up."""

    code = "LimitExceededException"


class ThroughputExceeded(KinesisError):
    """A shard has passed its records, bytes or reads a second; later it will do."""

    code = "ProvisionedThroughputExceededException"


class ExpiredIterator(KinesisError):
    """A shard iterator is older than five minutes."""

    code = "ExpiredIteratorException"


class ExpiredNextToken(KinesisError):
    """A page token is older than five minutes."""

    code = "ExpiredNextTokenException"


class MalformedRequest(KinesisError):
    """The body is not JSON, or a member has a type other than the model's."""

    code = "SerializationException"


class UnknownOperation(KinesisError):
    """Kinesis has no such operation, or this Kinesis does not emulate it."""

    code = "UnknownOperationException"


class UnsupportedMediaType(KinesisError):
    """The body is in a protocol that is not spoken here."""

    code = "UnsupportedMediaTypeException"
    status = 415


class RequestTooLarge(KinesisError):
    """The body is larger than any valid request could be."""

    code = "RequestEntityTooLargeException"
    status = 413
