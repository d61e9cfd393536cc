"""scripts/train: what it prints, writes and refuses."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from millrace.features.definitions import load
from millrace.features.plan import plans_of
from millrace.features.version import features_version

from model.loading import load_model
from model.train import main
from model.training import Trained
from tests.features.conftest import SHIPPED
from tests.model.unpacking import unpacked


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    """The exit status and what was printed."""
    status: int | str | None
    try:
        status = main([str(word) for word in argv])
    except SystemExit as end:
        status = end.code
    printed = capsys.readouterr()
    assert isinstance(status, int)
    return status, printed.out, printed.err


def test_a_file_becomes_a_model_and_tables(
    capsys: pytest.CaptureFixture[str], events_file: Path, tmp_path: Path, trained: Trained
) -> None:
    out = tmp_path / "model.tar.gz"
    status, printed, errors = run(capsys, "--from", events_file, "--out", out)
    assert (status, errors) == (0, "")
    model = load_model(unpacked(out.read_bytes(), tmp_path))
    # The same events in another way: the same model.
    assert model.contract.model_version == trained.contract.model_version
    assert model.contract.trained_on["source"] == "events.jsonl"
    assert f"model {model.contract.model_version}" in printed
    for words in ("ROC AUC", "PR AUC", "log loss", "Brier", "base rate", "the tutorials' rule"):
        assert words in printed
    assert f"{trained.figures.roc_auc:.3f}" in printed
    assert f"{trained.baselines['base rate'].log_loss:.3f}" in printed
    assert max(map(len, printed.splitlines()[5:-1])) <= 120


def test_json_is_one_document_with_the_same_figures_and_poison_is_told(
    capsys: pytest.CaptureFixture[str], events_file: Path, tmp_path: Path, trained: Trained
) -> None:
    path = tmp_path / "spoiled.jsonl"
    path.write_bytes(b"{oops\n" + events_file.read_bytes() + b'{"userId": "x"}\n')
    out = tmp_path / "model.tar.gz"
    status, printed, errors = run(capsys, "--from", path, "--out", out, "--json")
    assert status == 0
    assert errors == (
        "Records that are no events were passed over: 1 not-json, 1 invalid-timestamp.\n"
    )
    report = json.loads(printed)
    assert report["history"]["invalid"] == {"not-json": 1, "invalid-timestamp": 1}
    assert report["out"] == str(out)
    assert report["bytes"] == out.stat().st_size
    assert report["model_version"] == trained.contract.model_version
    assert report["features_version"] == features_version(plans_of(load(SHIPPED))[0])
    assert report["metrics"]["model"]["log_loss"] == trained.figures.log_loss
    assert report["beats_baselines"] is True
    assert report["history"]["types"].keys() == {"login", "search", "view", "cart", "purchase"}


def test_help_has_examples_and_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "--help")
    assert status == 0
    for words in ("--from", "--target", "--within", "--map", "examples:", "exit status"):
        assert words in printed


def refusal(capsys: pytest.CaptureFixture[str], *argv: object, status: int = 1) -> str:
    """What is said to a run that fails, which writes nothing."""
    before = set(Path.cwd().iterdir())
    found, printed, errors = run(capsys, *argv)
    assert (found, printed) == (status, "")
    assert set(Path.cwd().iterdir()) == before
    return " ".join(errors.split())


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path) -> Iterator[None]:
    """model.tar.gz is written where one stands."""
    folder = tmp_path / "here"
    folder.mkdir()
    with contextlib.chdir(folder):
        yield


def test_a_target_that_never_happens_names_those_that_do(
    capsys: pytest.CaptureFixture[str], events_file: Path
) -> None:
    said = refusal(capsys, "--from", events_file, "--target", "buy")
    assert "No event is of the type 'buy'" in said
    assert "view " in said
    assert "--target any" in said


def test_a_file_without_events_says_why(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    path.write_text("Who,When\nann,1700000000\n")
    said = refusal(capsys, "--from", path)
    assert "no event: of 1 records 1 invalid-timestamp" in said
    assert "--map" in said


def test_an_empty_file_is_no_history(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    assert "The history holds no event" in refusal(capsys, "--from", path)


def test_too_few_events_are_refused(
    capsys: pytest.CaptureFixture[str], events_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "few.jsonl"
    path.write_bytes(b"".join(events_file.read_bytes().splitlines(keepends=True)[:200]))
    assert "too short" in refusal(capsys, "--from", path)


@pytest.mark.parametrize("within", ["10", "0m", "1s", "31d", "ten minutes", "-5m"])
def test_a_time_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], within: str) -> None:
    assert repr(within) in refusal(capsys, f"--within={within}")


def test_what_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "none.jsonl" in refusal(capsys, "--from", tmp_path / "none.jsonl")
    assert "none.toml" in refusal(capsys, "--features", tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--map", "userId=Who"], "--map goes with --from FILE"),
        (["--from", "s3://bucket", "--map", "userId=Who"], "--map goes with --from FILE"),
        (["--from", ".", "--map", "userId=Who"], "--map goes with --from FILE"),
        (["--stream", "events"], "--stream goes with"),
        (["--from", "x.jsonl", "--stream", "events"], "--stream goes with"),
        (["--from", "x.jsonl", "--outcomes", "events"], "--outcomes goes with"),
        (["--from", ".", "--outcomes", "guess"], "invalid choice"),
        (["--nothing"], "unrecognized"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    capsys: pytest.CaptureFixture[str], argv: list[str], words: str
) -> None:
    assert words in refusal(capsys, *argv, status=2)
