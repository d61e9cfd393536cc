"""A model's archive is the same for the same model, and loads only as it was made."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError

from model.contract import CONTRACT_FILE, MODEL_FILE, Contract, read_contract
from model.loading import load_model
from model.packaging import archive, model_bytes, write_archive
from model.training import Trained
from tests.features.making import JSON
from tests.model.unpacking import unpacked

CONTRACT = Contract(
    "0d577d7935ce", ("a", "b.c"), "buy within 10m", "buy", 0.25, "00" * 32, {}, {}, {}
)


def test_the_archive_has_no_time_no_owner_and_sorted_names(trained: Trained) -> None:
    body = archive(trained.contract, trained.model)
    assert body == archive(trained.contract, trained.model)
    assert body[4:8] == bytes(4), "gzip keeps a time there"
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == [CONTRACT_FILE, MODEL_FILE]
    for member in members:
        assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (
            0, 0, 0, "", "",
        )  # fmt: skip
        assert member.isfile()
        assert member.mode == 0o644


def test_the_contract_comes_back_as_it_was(trained: Trained) -> None:
    text = trained.contract.to_json()
    assert read_contract(text, "contract.json") == trained.contract
    document = json.loads(text)
    assert {
        "features_version", "features", "target", "model_version", "trained_on", "metrics",
    } <= document.keys()  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"features_version": "other"},
        {"features": ("b.c", "a")},
        {"target": "buy within 20m"},
        {"label": "sell"},
        {"threshold": 0.26},
        {"model_sha256": "01" * 32},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_version_changes_with_whatever_decides_an_answer(change: dict[str, Any]) -> None:
    assert replace(CONTRACT, **change).model_version != CONTRACT.model_version


def test_the_version_does_not_change_with_what_is_for_people() -> None:
    other = replace(
        CONTRACT, trained_on={"source": "x"}, trained_with={"python": "4"}, metrics={"a": 1}
    )
    assert other.model_version == CONTRACT.model_version


def test_a_contract_that_was_edited_is_refused(trained: Trained) -> None:
    document = json.loads(trained.contract.to_json())
    document["threshold"] = 0.999
    with pytest.raises(ConfigurationError, match="changed after training"):
        read_contract(json.dumps(document).encode(), "contract.json")


@given(JSON | st.binary(max_size=20))
def test_whatever_is_no_contract_is_refused(document: Any) -> None:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(ConfigurationError, match="is no contract"):
        read_contract(text, "contract.json")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", 2),
        ("features", 7),
        ("features_version", None),
        ("target", ""),
        ("threshold", "0.5"),
        ("threshold", float("nan")),
        ("model", {"file": "model.json"}),
        ("model_version", 12),
        ("metrics", 3),
    ],
)
def test_a_contract_with_a_wrong_field_is_refused(name: str, value: object) -> None:
    document = {**json.loads(CONTRACT.to_json()), name: value}
    with pytest.raises(ConfigurationError, match="is no contract"):
        read_contract(json.dumps(document).encode(), "contract.json")


def test_a_model_loads_and_scores(model_folder: Path, trained: Trained) -> None:
    model = load_model(model_folder)
    assert model.contract == trained.contract
    values = [None] * len(model.contract.features)
    assert 0 < model.scorer.score(values) < 1


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


def test_a_changed_model_is_refused(folder: Path) -> None:
    path = folder / MODEL_FILE
    path.write_bytes(path.read_bytes().replace(b"0.1", b"0.2", 1))
    with pytest.raises(ConfigurationError, match=r"model\.json is not the model of contract\.json"):
        load_model(folder)


@pytest.mark.parametrize("name", [CONTRACT_FILE, MODEL_FILE])
def test_a_file_that_is_not_there_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ConfigurationError, match=rf"Cannot read .*{name}.* MODEL_DIR"):
        load_model(folder)


@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 100_000, b'{"kind": "trees"}'])
def test_a_model_file_that_holds_something_else_is_refused(tmp_path: Path, body: bytes) -> None:
    contract = replace(CONTRACT, model_sha256=sha256(body).hexdigest())
    unpacked(archive(contract, body), tmp_path)
    with pytest.raises(ConfigurationError, match=r"model\.json|is damaged"):
        load_model(tmp_path)


def test_a_model_holds_no_number_that_json_has_not() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        model_bytes({"start": float("inf")})


def test_an_archive_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder" / "inside").touch()
    with pytest.raises(ConfigurationError, match=r"--out .*cannot be written"):
        write_archive(tmp_path / "a folder", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a folder"]
    write_archive(tmp_path / "new/folder/model.tar.gz", b"x")
    assert (tmp_path / "new/folder/model.tar.gz").read_bytes() == b"x"
