"""What a service of Oracle Cloud answers when it refuses, by the codes that Oracle gives.

::

    OciError                        (a LocalCloudError) code and HTTP status of the answer
    ├── InvalidParameter            a value that the service does not take
    ├── MissingParameter            something that it needs is not there
    ├── CannotParse                 a body that is no JSON
    ├── NotAuthenticated            no signature, a wrong one, or one by nobody who is known
    ├── NotFound                    no such thing, or none for this caller
    ├── WrongMethod                 a path that is there, but not by this method
    ├── WrongState                  what is there already, or not in a state for this
    ├── TooLarge                    more bytes than a message may have
    ├── TooManyRequests             more than a minute allows
    ├── NotMade                     an operation that Oracle has and the local cloud has not
    └── BadAnswer                   the local cloud's own answer is none: a bug of it
"""

from __future__ import annotations

from typing import ClassVar

from millrace.errors import LocalCloudError


class OciError(LocalCloudError):
    """Root of what a service refuses; `code` is Oracle's name for it, `status` of the answer."""

    code: ClassVar[str] = "InternalServerError"
    status: ClassVar[int] = 500


class InvalidParameter(OciError):
    """A value that the service does not take."""

    code = "InvalidParameter"
    status = 400


class MissingParameter(OciError):
    """Something that the service needs is not there."""

    code = "MissingParameter"
    status = 400


class CannotParse(OciError):
    """A body that is no JSON."""

    code = "CannotParseRequest"
    status = 400


class NotAuthenticated(OciError):
    """No signature, a wrong one, or one by nobody who is known."""

    code = "NotAuthenticated"
    status = 401


class NotFound(OciError):
    """No such thing, or none for this caller."""

    code = "NotAuthorizedOrNotFound"
    status = 404


class WrongMethod(OciError):
    """A path that is there, but not by this method."""

    code = "MethodNotAllowed"
    status = 405


class WrongState(OciError):
    """What is there already, or not in a state for this."""

    code = "IncorrectState"
    status = 409


class TooLarge(OciError):
    """More bytes than a message may have."""

    code = "PayloadTooLarge"
    status = 413


class TooManyRequests(OciError):
    """More than a minute allows; later it will do."""

    code = "TooManyRequests"
    status = 429


class NotMade(OciError):
    """An operation that Oracle has and the local cloud has not."""

    code = "MethodNotImplemented"
    status = 501


class BadAnswer(OciError):
    """The local cloud's own answer is not as the SDK has it: a bug, which must be seen."""
