"""Everything that Millrace raises on purpose, as one tree.

::

    MillraceError
    ├── ConfigurationError          the environment or a file is wrong; nothing was done
    │   └── DefinitionsError        features.toml: file, line, key and what is allowed
    ├── InvalidEvent                an event can never be processed: it goes to quarantine
    ├── StateError                  a stored profile cannot be used
    │   ├── UnreadableState         its bytes are not a profile, or of a newer format
    │   └── StateTooLarge           it would pass the hard bound of 64 KB
    ├── TransientError              worth trying again: nothing was lost, nothing half done
    │   ├── WriteConflict           somebody else wrote the same item, again and again
    │   ├── Unavailable             a service did not answer, or throttled
    │   │   └── Throttled           it answered that it is asked too often
    │   └── TooSlow                 the time that a caller has was up before there was an answer
    ├── InvalidRequest              what came over HTTP is wrong, or asks for what is not there
    ├── NotDeployed                 what a request needs is not there: an endpoint, a stream
    ├── PredictionError             there is no prediction, and none is made up
    │   ├── ModelError              the model failed, or its answer is none
    │   └── ModelMismatch           the model was trained on another version of the features
    ├── QuarantineError             an operator's request on the quarantine cannot be met
    │   └── AlreadyRedriven         the ledger says that it was done before
    ├── LayerError                  a Lambda layer cannot be built, or managed, as asked
    ├── NotAllowed                  the credentials may not do this: which action, and where
    ├── PlanError                   a plan of changes to a cloud is not carried out; `code` says why
    │   ├── PlanRefused             tampered with, expired, not approved, of another account
    │   ├── StalePlan               what it would change is not as it was; nothing was changed
    │   └── PlanStopped             it stopped between two steps; the same plan goes on from there
    ├── FunctionFailed              what the caller of an OCI function may know: an id of the log
    └── LocalCloudError             the local cloud cannot do what it was asked
        ├── UnsupportedResource     a template holds a resource type that it does not know
        └── StartupError            a part of it did not come up

Messages name the value, what was expected, and the remedy.
"""

from __future__ import annotations


class MillraceError(Exception):
    """Root of the tree: catch this to catch everything that Millrace raises on purpose."""


class ConfigurationError(MillraceError):
    """The environment or a configuration file is wrong; nothing was done."""


class DefinitionsError(ConfigurationError):
    """features.toml is wrong: the message names file, line, key and what is allowed."""


class InvalidEvent(MillraceError):
    """An event that can never be processed; its record belongs in quarantine.

    `reason` is a stable code in kebab case (for metrics and queries); the message is for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class StateError(MillraceError):
    """A stored profile cannot be used."""


class UnreadableState(StateError):
    """The stored bytes are not a profile, or one of a newer format than this code knows."""


class StateTooLarge(StateError):
    """The packed profile would pass its hard bound."""


class TransientError(MillraceError):
    """Worth trying again: nothing was lost and nothing is half done."""


class WriteConflict(TransientError):
    """Somebody else kept writing the same item between our read and our write."""


class Unavailable(TransientError):
    """A service did not answer in time, failed, or throttled."""


class Throttled(Unavailable):
    """A service answered that it is asked too often."""


class TooSlow(TransientError):
    """The time that a caller has was up before there was an answer."""


class InvalidRequest(MillraceError):
    """What came over HTTP is wrong, or asks for what is not there; nothing was done.

    `status` is the HTTP status, `code` a stable code in kebab case, `field` the field at fault;
    the message is for people.
    """

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field = field


class NotDeployed(MillraceError):
    """What a request needs is not there; `code` says what, in kebab case."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PredictionError(MillraceError):
    """There is no prediction, and none is made up; `code` says why, in kebab case."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ModelError(PredictionError):
    """The model failed, or its answer is none."""


class ModelMismatch(PredictionError):
    """The model was trained on another version of the features."""


class QuarantineError(MillraceError):
    """An operator's request on the quarantine cannot be met."""


class AlreadyRedriven(QuarantineError):
    """The ledger says that this was redriven before; nothing was written."""


class LayerError(MillraceError):
    """A Lambda layer cannot be built, or managed, as asked; nothing is half done."""


class NotAllowed(MillraceError):
    """The credentials may not do this; the message names the action and where."""


class PlanError(MillraceError):
    """A plan of changes to a cloud is not carried out; `code` says why, in kebab case."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PlanRefused(PlanError):
    """A plan or a journal that must not be carried out; nothing was changed."""


class StalePlan(PlanError):
    """What a plan would change is not as it was when the plan was made; nothing was changed."""


class PlanStopped(PlanError):
    """A step failed, or somebody stopped it; the journal says what is done."""


class FunctionFailed(MillraceError):
    """An OCI function's work failed. fdk answers its text, which holds an id of the log only."""


class LocalCloudError(MillraceError):
    """The local cloud cannot do what it was asked."""


class UnsupportedResource(LocalCloudError):
    """A template holds a resource type, or a property, that the local cloud does not know."""


class StartupError(LocalCloudError):
    """A part of the local cloud did not come up."""
