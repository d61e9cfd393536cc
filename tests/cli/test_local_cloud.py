"""The commands against the whole local cloud, as one types them after scripts/demo --keep."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from millrace.features.item import iso_ms
from typer.testing import CliRunner

from cli.main import app
from localcloud.cloud import LocalCloud, Options, running
from localcloud.demo.keeping import Keeping
from tests.cli.done import Done
from tests.localcloud.running import Running
from tests.localcloud.running import running as in_thread

ROOT = Path(__file__).parents[2]
PARAMETERS = {"ArchiveEvents": "on", "FeatureStore": "both", "EnhancedFanOut": "on"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A local cloud that was left up, and the file that describes it."""

    running: Running[LocalCloud]
    file: Path

    def millrace(self, *arguments: object) -> Done:
        """Run a command on it."""
        words = [*map(str, arguments), f"--local={self.file}"]
        result = CliRunner().invoke(app, words)
        return Done(result.exit_code, result.stdout, result.stderr)

    def caught_up(self) -> None:
        self.running.run(self.running.value.caught_up())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("cloud")
    options = Options(ROOT, folder / "run", parameters=PARAMETERS)
    with in_thread(lambda: running(options)) as cloud:
        keeping = Keeping(folder, folder / "cloud.json")
        keeping.remember(cloud.value)
        yield Kept(cloud, keeping.file)


def test_from_a_file_to_features_and_back_from_quarantine(kept: Kept, tmp_path: Path) -> None:
    now_ms = kept.running.value.clock.now_ms()
    events = [
        {"userId": f"u{n % 10}", "eventType": "view", "metric": n, "timestamp": iso_ms(now_ms - n)}
        for n in range(1000)
    ]
    poison = {"userId": "u1", "metric": "much", "timestamp": iso_ms(now_ms)}
    late = {"userId": "u2", "metric": 5, "timestamp": iso_ms(now_ms - 600_000)}
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in [*events, poison, late]))

    sent = kept.millrace("events", "send", path, "--json")
    assert (sent.status, sent.err, sent.document["sent"]) == (0, "", 1002)
    kept.caught_up()
    assert kept.millrace("events", "send", path).status == 0, "again: nothing counts twice"
    kept.caught_up()

    def features() -> list[tuple[int, float]]:
        keys = [f"u{n}" for n in range(10)]
        found = kept.millrace("features", "get", *keys, "--json").document["keys"]
        assert [one["key"] for one in found] == keys
        return [(one["features"]["count_24h"], one["features"]["metric_sum_24h"]) for one in found]

    expected = [(100, float(sum(range(n, 1000, 10)))) for n in range(10)]
    assert features() == expected

    listed = kept.millrace("quarantine", "list", "--json").document
    # Each went to the stream twice, and each is kept as often.
    assert listed["kinds"] == {"poison": 2, "late": 2, "gave-up": 0, "failed": 0}
    # The command gives events ids; of a late one no id is remembered.
    assert listed["events"] == {"still invalid": 2, "undetermined": 2}
    shown = kept.millrace("quarantine", "show", listed["objects"][0]["key"])
    assert '"metric": "much"' in shown.out
    late_ones = ("--all", "--kind", "late", "--as-missing")
    done = kept.millrace("quarantine", "redrive", *late_ones, "--json").document
    assert done["events"] == {"applied now": 1, "applied before": 1}
    mended = ("--all", "--kind", "poison", "--set", "metric=7")
    done = kept.millrace("quarantine", "redrive", *mended, "--json").document
    assert done["events"] == {"applied now": 1, "applied before": 1}
    expected[1] = (101, expected[1][1] + 7)
    expected[2] = (101, expected[2][1] + 5)
    assert features() == expected
    assert kept.millrace("quarantine", "list", "--json").document["total"] == 0

    group = kept.running.value.stack.feature_groups[0].name
    runtime = kept.running.value.client("sagemaker-featurestore-runtime")
    record = runtime.get_record(FeatureGroupName=group, RecordIdentifierValueAsString="u1")
    values = {one["FeatureName"]: one["ValueAsString"] for one in record["Record"]}
    assert values["count_24h"] == "101", "the feature store follows a redrive"


def test_the_archive_becomes_training_rows(kept: Kept, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    event = {"userId": "archived", "timestamp": iso_ms(kept.running.value.clock.now_ms())}
    path.write_text(json.dumps(event) + "\n" + json.dumps({**event, "eventType": "buy"}) + "\n")
    assert kept.millrace("events", "send", path).status == 0
    kept.caught_up()
    out = tmp_path / "rows.jsonl"
    done = kept.millrace("features", "replay", "--archive", "--out", out)
    assert done.status == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    mine = [row for row in rows if row["key"] == "archived"]
    assert [row["features"]["count_1m"] for row in mine] == [0, 1]
    assert mine[1]["features"]["recency_s"] == 0


def test_what_is_not_there_is_named(kept: Kept) -> None:
    done = kept.millrace("features", "get", "nobody")
    assert (done.status, "No features of user 'nobody'" in done.err) == (1, True)
    done = kept.millrace("quarantine", "redrive", "late/none.json")
    assert (done.status, "No object 'late/none.json'" in done.out) == (1, True)


TEMPLATE = {
    "Parameters": {"ParallelizationFactor": {"Type": "String", "Default": "2"}},
    "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}},
}


def on_aws(kept: Kept, *arguments: str, **environment: str) -> Done:
    """A command in a process of its own, for which the local cloud is AWS."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers/core")])
    around = {
        "PYTHONPATH": path,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_ENDPOINT_URL": kept.running.value.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }
    script = "from cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env={**around, **environment},
        capture_output=True,
        text=True,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_a_deployed_stack_is_found_by_its_outputs(kept: Kept) -> None:
    outputs = kept.running.value.stack.outputs
    named = ("StreamName", "FeaturesTableName", "RedriveLedgerTableName", "QuarantineBucketName")
    template = {**TEMPLATE, "Outputs": {name: {"Value": outputs[name]} for name in named}}
    formation = kept.running.value.client("cloudformation")
    formation.create_stack(StackName="mine", TemplateBody=json.dumps(template))
    words = ("features", "get", "nobody", "--stack", "mine")
    done = on_aws(kept, *words, AWS_REGION="us-east-1")
    assert (done.status, done.err) == (1, "millrace: No features of user 'nobody' on stack mine.\n")
    done = on_aws(kept, *words[:-1], "other", AWS_REGION="us-east-1")
    assert done.status == 2
    assert "No stack 'other' in us-east-1. Deploy it with sam build && sam deploy" in done.err
    done = on_aws(kept, *words)
    assert (done.status, "No AWS region is set: set AWS_REGION" in done.err) == (2, True)
    done = on_aws(kept, *words, AWS_PROFILE="none", AWS_REGION="us-east-1")
    assert (done.status, "AWS_PROFILE" in done.err) == (2, True)
