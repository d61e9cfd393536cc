"""The function that cleans up: what it takes, what it answers, and what it never does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from millrace.errors import ConfigurationError, InvalidEvent, NotAllowed, PlanStopped
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.retention import Rules
from millrace.lambda_layers.scheduled import Cleaner, Settings, read, settings
from millrace.objects import MemoryObjects
from millrace.plans import plan as plans

from localcloud.lambda_control import seeding
from localcloud.lambda_control.running import LambdaCloud
from tests.architecture.source import ROOT

NOW_MS = 4_000_000_000_000  # long after everything that a test seeds


@pytest.fixture
def records() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def layered(cloud: LambdaCloud) -> LambdaCloud:
    """Six versions of two layers; version 1 of the first is used."""
    for name in ("deps", "core"):
        for number in range(6):
            seeding.layer(cloud.world, cloud.where, name, content=bytes([number]))
    used = f"arn:aws:lambda:{cloud.region}:{cloud.account}:layer:deps:1"
    seeding.function(cloud.world, cloud.where, "f", [used])
    return cloud


def cleaner(
    cloud: LambdaCloud, records: MemoryObjects, *, execute: bool = True, limit: int = 20
) -> Cleaner:
    account = LambdaAccount(cloud.session(), cloud.url)
    rules = Rules(keep=5, grace_days=0, limit=limit)
    return Cleaner(
        account, Settings(execute, rules, (cloud.region,)), records, lambda: NOW_MS, "audit"
    )


def left(cloud: LambdaCloud, name: str) -> list[int]:
    found = cloud.client().list_layer_versions(LayerName=name)["LayerVersions"]
    return sorted(one["Version"] for one in found)


def test_the_tutorial_s_event_is_answered_as_the_tutorial_does(
    layered: LambdaCloud, records: MemoryObjects
) -> None:
    answer = cleaner(layered, records).handle({"LayerName": "deps", "KeepVersions": 2}).answer
    assert answer["deleted_versions"] == 3
    assert left(layered, "deps") == [1, 5, 6]  # 1 is used, which the tutorial does not ask
    assert left(layered, "core") == [1, 2, 3, 4, 5, 6]
    assert answer["executed"] is True
    assert [arn.rpartition(":")[2] for arn in answer["deleted"]] == ["2", "3", "4"]


def test_five_versions_stay_where_the_event_says_nothing(
    layered: LambdaCloud, records: MemoryObjects
) -> None:
    assert cleaner(layered, records).handle({"LayerName": "core"}).answer["deleted_versions"] == 1
    assert left(layered, "core") == [2, 3, 4, 5, 6]


def test_a_layer_that_nobody_has_is_named(layered: LambdaCloud, records: MemoryObjects) -> None:
    answer = cleaner(layered, records).handle({"LayerName": "depps", "KeepVersions": 1}).answer
    assert (answer["missing"], answer["deleted_versions"]) == (["depps"], 0)


def test_the_clock_s_event_is_for_all_layers(layered: LambdaCloud, records: MemoryObjects) -> None:
    assert cleaner(layered, records).handle({}).answer["deleted_versions"] == 1
    assert (left(layered, "deps"), left(layered, "core")) == ([1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6])


def test_it_only_plans_unless_the_stack_says_otherwise(
    layered: LambdaCloud, records: MemoryObjects
) -> None:
    done = cleaner(layered, records, execute=False).handle({"LayerName": "deps", "KeepVersions": 2})
    assert done.answer["deleted_versions"] == 0
    assert len(done.answer["planned"]) == 3
    assert left(layered, "deps") == [1, 2, 3, 4, 5, 6]
    assert list(records.bodies) == [f"layers/{done.answer['plan']}/plan.json"]


def test_nothing_is_deleted_where_too_much_would_be(
    layered: LambdaCloud, records: MemoryObjects
) -> None:
    done = cleaner(layered, records, limit=2).handle({"LayerName": "deps", "KeepVersions": 2})
    assert done.answer["deleted_versions"] == 0
    assert done.answer["refused"] == "above-the-limit"
    assert left(layered, "deps") == [1, 2, 3, 4, 5, 6]


def test_the_record_holds_the_plan_and_every_deletion(
    layered: LambdaCloud, records: MemoryObjects
) -> None:
    done = cleaner(layered, records).handle({"LayerName": "deps", "KeepVersions": 2})
    folder = done.answer["audit"].removeprefix("s3://audit/")
    plan = plans.read(records.get(f"{folder}/plan.json").decode())
    assert plan.hash == done.answer["plan"]
    entries = [json.loads(records.get(key)) for key in records.keys(f"{folder}/journal/")]
    assert [one["event"] for one in entries] == [
        "started", *("intent", "done") * 3, "finished",
    ]  # fmt: skip
    assert entries[2]["data"] == {"deleted": plan.steps[0].target}


def test_what_it_may_not_do_it_does_not_half(layered: LambdaCloud, records: MemoryObjects) -> None:
    layered.world.denied.add(("*", "*", "DeleteLayerVersion"))
    with pytest.raises(PlanStopped, match="lambda:DeleteLayerVersion"):
        cleaner(layered, records).handle({"LayerName": "deps", "KeepVersions": 2})
    layered.world.denied.add(("*", "*", "ListFunctions"))
    with pytest.raises(NotAllowed):
        cleaner(layered, records).handle({"LayerName": "deps"})
    assert left(layered, "deps") == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ([], "no-object"),
        (None, "no-object"),
        ({"LayerName": 7}, "layer-name"),
        ({"LayerName": ""}, "layer-name"),
        ({"LayerName": None}, "layer-name"),
        ({"LayerName": "arn:aws:lambda:r-1:123456789012:layer:a"}, "layer-name"),
        ({"LayerName": "a", "KeepVersions": 0}, "keep-versions"),
        ({"LayerName": "a", "KeepVersions": "many"}, "keep-versions"),
        ({"LayerName": "a", "KeepVersions": True}, "keep-versions"),
        ({"LayerName": "a", "KeepVersions": None}, "keep-versions"),
        ({"LayerName": "a", "KeepVersions": -1}, "keep-versions"),
        ({"LayerName": "a", "KeepVersions": "²"}, "keep-versions"),
        ({"LayerName": "a", "KeepVersions": "9" * 5000}, "keep-versions"),
        ({"LayerName": "a", "KeepVersions": 2.5}, "keep-versions"),
        ({"LayerName": "deps-*", "KeepVersions": 2}, "layer-name"),
        ({"layerName": "a", "KeepVersions": 1}, "unknown-key"),
        ({"LayerName": "a", "DryRun": True}, "unknown-key"),
    ],
)
def test_a_wrong_event_deletes_nothing(event: object, reason: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        read(event, Rules())
    assert refused.value.reason == reason


def test_what_eventbridge_sends_of_itself_is_for_all_layers() -> None:
    event = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
    assert read(event, Rules()) == (None, Rules())


@pytest.mark.parametrize("path", sorted((ROOT / "events/prune-layers").glob("*.json")))
def test_every_sample_event_is_taken(path: Path) -> None:
    event: Any = json.loads(path.read_text(encoding="utf-8"))
    layers, rules = read(event, Rules(keep=4))
    assert layers == ([event["LayerName"]] if event else None)
    assert rules.keep == event.get("KeepVersions", 4)


def test_settings_come_from_the_environment_and_are_off_by_default() -> None:
    assert settings({"AWS_REGION": "r-1"}) == Settings(False, Rules(5, 14, 20), ("r-1",))
    given = settings(
        {
            "PRUNE_MODE": "execute",
            "PRUNE_KEEP": "3",
            "PRUNE_GRACE_DAYS": "0",
            "PRUNE_LIMIT": "7",
            "PRUNE_REGIONS": "r-1, r-2,r-1",
        }
    )
    assert given == Settings(True, Rules(3, 0, 7), ("r-1", "r-2"))
    for wrong in ({"PRUNE_MODE": "yes"}, {"PRUNE_KEEP": "-1"}, {"PRUNE_LIMIT": "²"}, {}):
        with pytest.raises(ConfigurationError):
            settings(wrong)
