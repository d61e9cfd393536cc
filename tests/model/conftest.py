"""What the tests of the model share: training takes a while, so it is done once."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from millrace.features.definitions import load

from model.loading import Model, load_model
from model.packaging import archive
from model.rows import Rows
from model.training import Trained, train
from tests.features.conftest import SHIPPED
from tests.model.shop import PURCHASE, events, shop_rows
from tests.model.unpacking import unpacked


@pytest.fixture(scope="session")
def rows() -> Rows:
    """Rows of the built-in shop."""
    return shop_rows()


@pytest.fixture(scope="session")
def trained(rows: Rows) -> Trained:
    """A model that was trained on them."""
    return train(rows, load(SHIPPED), PURCHASE, "a test's shop")


@pytest.fixture(scope="session")
def model_folder(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as SageMaker hands it to the container: model.tar.gz, unpacked."""
    folder = tmp_path_factory.mktemp("model")
    return unpacked(archive(trained.contract, trained.model), folder)


@pytest.fixture(scope="session")
def model(model_folder: Path) -> Model:
    """The model, loaded."""
    return load_model(model_folder)


@pytest.fixture(scope="session")
def events_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's events as JSON lines."""
    path = tmp_path_factory.mktemp("history") / "events.jsonl"
    path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events()))
    return path
