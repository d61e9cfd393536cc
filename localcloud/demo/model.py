"""The model that the demo asks: trained on two days of its own shop, kept for the next time."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from millrace.features.definitions import Definitions
from millrace.features.plan import Plan
from millrace.features.replay import Record
from millrace.features.version import features_version

from localcloud.demo.shop import as_defined, past_days

# Where the model stands in the local S3, and the parameters that put it behind an endpoint.
MODEL_OBJECT = "models/shop.tar.gz"
MODEL_PARAMETERS = {
    "EndpointMode": "create",
    "ModelImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/millrace-model:local",
    "ModelDataUrl": f"s3://{MODEL_OBJECT}",
}

_DAYS, _DAY_EVENTS = 2, 3_000


def shop_model(folder: Path, root: Path, definitions: Definitions) -> Path:
    """The shop's model for these definitions: trained when there is none in `folder`.

    Raises ConfigurationError where the definitions leave too little to learn from.
    """
    version = features_version(Plan(definitions, definitions.primary))
    path = folder / f"{version}-{_made_by(root)}.tar.gz"
    if not path.exists():
        _train(path, definitions)
    return path


def _made_by(root: Path) -> str:
    """What changes when the code that trains does."""
    code = sha256()
    for path in sorted((root / "model").glob("*.py")):
        code.update(path.read_bytes())
    return code.hexdigest()[:8]


def _train(path: Path, definitions: Definitions) -> None:
    # scikit-learn takes seconds to import, and most runs find the model there.
    from model.packaging import archive, write_archive
    from model.rows import labelled
    from model.target import Target
    from model.training import train

    target = Target.parse("purchase", "10m")
    rows = labelled(_history(definitions), definitions, target)
    trained = train(rows, definitions, target, f"{_DAYS} days of the demo's shop")
    write_archive(path, archive(trained.contract, trained.model))


def _history(definitions: Definitions) -> Iterator[Record]:
    for document in past_days(_DAYS, _DAY_EVENTS):
        yield Record(as_defined(document, definitions))
