"""The demo as one calls it: its summary, its exit status, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.localcloud.functions.pools import alive, descendants

ROOT = Path(__file__).parents[2]
AWS_ONLY = ("--only", "aws")
NO_MODEL = (*AWS_ONLY, "--parameter", "EndpointMode=none")
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}", "COLUMNS": "120"}


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "localcloud.demo", *options]


def demo(options: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*options), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=120
    )


def summary(tmp_path: Path, *options: str) -> dict[str, Any]:
    path = tmp_path / "summary.json"
    ended = demo([*options, "--json", str(path)])
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = orjson.loads(path.read_bytes())
    return found


def test_the_shop_is_exact(tmp_path: Path) -> None:
    found = summary(tmp_path, *AWS_ONLY, "--seconds", "4", "--rate", "50")
    assert found["exact"] is True
    assert found["lost"] == 0
    assert found["events"] == sum(
        found[name] for name in ("applied", "duplicates", "late", "quarantined")
    )
    assert found["features_written"] > 100
    assert found["keys"] == {"user": found["users"]}
    assert found["users"] > 10
    assert found["compared"] > 10_000
    assert 0 < found["lag_ms"]["p50"] <= found["lag_ms"]["p99"]
    for name in ("duplicates", "late", "quarantined"):
        assert found[name] > 0, f"the shop is meant to have {name}"
    assert found["predictions"]["statuses"].keys() == {"200"}
    assert found["predictions"]["answered"] >= 5
    assert found["predictions"]["mismatches"] == 0
    assert 0 < found["predict_ms"]["p50"] <= found["predict_ms"]["p99"]


def test_both_clouds_are_exact(tmp_path: Path) -> None:
    """What a machine finds of the features stands where it stood; the anomalies are beside it."""
    options = ("--seconds", "2", "--rate", "20", "--parameter", "EndpointMode=none")
    found = summary(tmp_path, *options)
    assert found["exact"] is True
    assert found["compared"] > 1_000
    assert found["anomalies"]["exact"] is True
    assert found["anomalies"]["series"] == 8


def test_the_anomalies_alone_are_exact(tmp_path: Path) -> None:
    whole = summary(tmp_path, "--only", "oci", "--seconds", "4")
    assert whole.keys() == {"anomalies", "exact", "seconds"}
    found = whole["anomalies"]
    assert found["lost"] == found["mismatches"] == found["undelivered"] == 0
    assert found["metrics"] == sum(
        found[name] for name in ("scored", "late", "duplicates", "quarantined")
    )
    assert found["delivered"] == found["alerts"] - found["muted"]
    assert found["delivered_again"] == 0
    assert found["compared"]["rows"] == found["rows"] > 10_000
    assert found["compared"]["states"] == found["series"] == 8
    assert 0 < found["flagged"] < 0.1 * found["rows"]
    assert 0.6 * found["labelled"] <= found["labelled_found"] <= found["labelled"]


def test_without_a_model_nobody_is_asked(tmp_path: Path) -> None:
    found = summary(tmp_path, "--seconds", "1", "--rate", "20", *NO_MODEL)
    assert found["predictions"]["asked"] == 0
    assert found["predict_ms"] == {"p50": None, "p99": None}
    assert found["exact"] is True


def test_a_file_with_bad_lines_is_exact(tmp_path: Path) -> None:
    file = tmp_path / "clicks.csv"
    rows = [f"{n % 7},item-{n % 3},{1_700_000_000 + n}" for n in range(200)]
    rows[10] = "5,item-1,yesterday"
    rows[20] = "one,cell,too,many"
    file.write_text("\n".join(["who,what,when", *rows]))
    mapping = ("--map", "userId=who,itemId=what,timestamp=when")
    found = summary(tmp_path, *NO_MODEL, "--events", str(file), *mapping)
    assert (found["events"], found["applied"], found["quarantined"]) == (200, 198, 2)
    assert found["exact"] is True


def test_a_line_that_no_stream_takes_makes_the_run_fail(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"userId": "u", "timestamp": 1700000000, "x": "' + "x" * (1 << 20) + '"}\n')
    ended = demo([*NO_MODEL, "--events", str(file), "--json", str(tmp_path / "out.json")])
    assert ended.returncode == 1
    assert "Not exact" in ended.stderr
    assert orjson.loads((tmp_path / "out.json").read_bytes())["exact"] is False


def test_a_file_without_one_valid_event_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text("who,when\nu1,1700000000\nu2,1700000001\n")
    ended = demo([*NO_MODEL, "--events", str(tmp_path / "clicks.csv")])
    assert ended.returncode == 1
    words = " ".join(ended.stderr.replace("│", " ").split())
    assert "No event could be applied. The first problem: timestamp is missing." in words


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--events", "nowhere.jsonl"], "there is no such file"),
        (["--seconds", "-1"], "not a number above 0"),
        (["--parameter", "EnhancedFanOut"], "must be NAME=VALUE"),
        (["--map", "userId=who"], "name it with --events"),
        (["--json", "no/such/folder.json"], "there is no folder no/such"),
        (["--nonsense"], "unrecognized arguments"),
        (["--only", "both"], "invalid choice"),
        (["--only", "oci", "--events", __file__], "for the part on AWS"),
        (["--series", "nowhere"], "there is no such folder"),
    ],
)
def test_wrong_options_are_named(options: list[str], problem: str) -> None:
    ended = demo(options)
    assert ended.returncode == 2
    assert problem in ended.stderr


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--parameter", "NoSuch=1"], "no parameter 'NoSuch'"),
        (["--parameter", "EndpointMode=many"], "EndpointMode"),
        (["--events", __file__, "--map", "userId"], "'userId' in a column mapping"),
        (["--events", "clicks.csv", "--map", "userId=nobody"], "there is no column 'nobody'"),
    ],
)
def test_nothing_is_started_for_what_can_be_seen_to_be_wrong(
    options: list[str], problem: str, tmp_path: Path
) -> None:
    (tmp_path / "clicks.csv").write_text("who,when\nu1,1700000000\n")
    ended = demo([str(tmp_path / one) if one == "clicks.csv" else one for one in options])
    assert ended.returncode == 2
    assert problem in ended.stderr
    assert "starting" not in ended.stderr


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--only", "oci", "--series", str(ROOT / "docs")], "must hold"),
    ],
)
def test_an_option_that_turns_out_to_be_wrong_on_the_way(options: list[str], problem: str) -> None:
    ended = demo(["--seconds", "1", *options])
    assert ended.returncode == 2, ended.stderr
    assert problem in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_kept_demo_stops_everything_when_it_is_stopped(how: signal.Signals) -> None:
    options = ("--seconds", "1", "--rate", "20", *NO_MODEL)
    with kept(how, options, "curl ", processes=3) as text:
        found = re.search(r"described in (\S+\.json)", text)
        assert found, text
        description = Path(found[1])
        assert "features_table" in orjson.loads(description.read_bytes())
    assert not description.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_kept_oracle_cloud_says_how_to_look_at_it() -> None:
    options = ("--only", "oci", "--seconds", "1")
    with kept(signal.SIGTERM, options, "metrics send", processes=2) as text:
        found = re.search(r"^Try: \. (\S+)$", text, re.MULTILINE)
        assert found, text
        millrace = Path(sys.executable).with_name("millrace")
        shell = f". {found[1]} && exec {millrace} anomalies list --json"
        listed = subprocess.run(["sh", "-c", shell], cwd=ROOT, env=ENVIRONMENT, capture_output=True)
        assert listed.returncode == 0, listed.stderr
        assert len(orjson.loads(listed.stdout)["alerts"]) > 10
        sent = text.rpartition("     ")[2].replace(".venv/bin/millrace", str(millrace))
        taken = subprocess.run(["sh", "-c", f". {found[1]} && {sent}"], capture_output=True)
        assert taken.returncode == 0, taken.stderr
        other = demo(["--only", "oci", "--seconds", "1"])
        assert other.returncode == 0, other.stderr
        assert "Another demo is up: " in other.stderr
        again = subprocess.run(["sh", "-c", shell], cwd=ROOT, env=ENVIRONMENT, capture_output=True)
        assert again.stdout == listed.stdout


@contextlib.contextmanager
def kept(
    how: signal.Signals, options: Sequence[str], last: str, *, processes: int
) -> Iterator[str]:
    """What a demo prints that stays up, until a line with `last`; then it is stopped."""
    with subprocess.Popen(
        command("--keep", *options), cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            lines = []
            for line in process.stderr:
                lines.append(line)
                if last in line:
                    break
            yield "".join(lines)
            started = descendants(process.pid)
            assert len(started) >= processes
            process.send_signal(how)
            process.stderr.read()
            assert process.wait(30) == 128 + how
            deadline = time.monotonic() + 10
            while alive(started) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not alive(started)
        finally:
            process.kill()
