"""What the functions are told by their environment, and what they run on."""

from __future__ import annotations

from pathlib import Path

from tests.template.reading import (
    EVERYTHING,
    EXISTING,
    up,
)

_LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:demo-"
COMMON_VARIABLES = {
    "AWS_ENDPOINT_URL": "",
    "LAYER_ARNS": f"core={_LAYER}core:1,deps={_LAYER}deps:1",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "POWERTOOLS_METRICS_DISABLED": "false",
    "POWERTOOLS_METRICS_NAMESPACE": "Millrace",
}


def test_the_environment_of_enrich(checkout: Path) -> None:
    stack, _ = up(checkout, {"GiveUpAfterSeconds": "90", "ParallelizationFactor": "2"})
    expected = COMMON_VARIABLES | {
        "POWERTOOLS_SERVICE_NAME": "demo-enrich",
        "FEATURES_TABLE": stack.outputs["FeaturesTableName"],
        "QUARANTINE_BUCKET": stack.outputs["QuarantineBucketName"],
        "ARCHIVE_BUCKET": "",
        "FEATURE_STORE": "dynamodb",
        "FEATURE_GROUP": "",
        "DAX_ENDPOINT": "",
        "PARALLELIZATION_FACTOR": "2",
        "GIVE_UP_AFTER_S": "90",
        "STREAM_RETENTION_HOURS": "72",
    }
    assert stack.functions["EnrichFunction"].environment == expected
    stack, _ = up(checkout, EVERYTHING)
    variables = stack.functions["EnrichFunction"].environment
    assert variables["ARCHIVE_BUCKET"] == stack.outputs["ArchiveBucketName"]
    assert variables["FEATURE_GROUP"] == stack.outputs["FeatureGroupName"]
    assert variables["FEATURE_STORE"] == stack.outputs["FeatureStoreMode"] == "both"


def test_the_environment_of_ingest(checkout: Path) -> None:
    stack, _ = up(checkout, {"Ingest": "on"})
    assert stack.functions["IngestFunction"].environment == COMMON_VARIABLES | {
        "POWERTOOLS_SERVICE_NAME": "demo-ingest",
        "STREAM_NAME": stack.outputs["StreamName"],
    }


def test_the_environment_of_predict(checkout: Path) -> None:
    stack, _ = up(checkout, {"PredictDeadlineMs": "900", "UnknownUser": "refuse"})
    assert stack.functions["PredictFunction"].environment == COMMON_VARIABLES | {
        "POWERTOOLS_SERVICE_NAME": "demo-predict",
        "FEATURES_TABLE": stack.outputs["FeaturesTableName"],
        "FEATURE_STORE": "dynamodb",
        "FEATURE_GROUP": "",
        "CONSISTENT_READ": "off",
        "DAX_ENDPOINT": "",
        "ENDPOINT_NAME": "",
        "PREDICT_DEADLINE_MS": "900",
        "UNKNOWN_USER": "refuse",
        "INFERENCE_STREAM": "",
    }
    stack, _ = up(checkout, EVERYTHING)
    variables = stack.functions["PredictFunction"].environment
    assert variables["ENDPOINT_NAME"] == stack.outputs["EndpointName"]
    assert variables["ENDPOINT_NAME"] == stack.endpoints[0].name
    assert variables["INFERENCE_STREAM"] == stack.outputs["InferenceStreamName"]
    assert variables["CONSISTENT_READ"] == "on"
    stack, _ = up(checkout, EXISTING)
    variables = stack.functions["PredictFunction"].environment
    assert variables["ENDPOINT_NAME"] == stack.outputs["EndpointName"] == "shop"


def test_the_environment_of_archive(checkout: Path) -> None:
    stack, _ = up(checkout, {"InferenceLog": "on"})
    assert stack.functions["ArchiveFunction"].environment == COMMON_VARIABLES | {
        "POWERTOOLS_SERVICE_NAME": "demo-archive",
        "ARCHIVE_BUCKET": stack.outputs["ArchiveBucketName"],
        "QUARANTINE_BUCKET": stack.outputs["QuarantineBucketName"],
    }
    # Events are archived by a parameter of their own.
    assert stack.functions["EnrichFunction"].environment["ARCHIVE_BUCKET"] == ""


def test_the_environment_of_what_cleans_layers_up(checkout: Path) -> None:
    given = {"LayerPruning": "plan", "LayerPruneKeep": "3", "LayerPruneRegions": "eu-west-1"}
    stack, _ = up(checkout, given)
    assert stack.functions["PruneLayersFunction"].environment == COMMON_VARIABLES | {
        "POWERTOOLS_SERVICE_NAME": "demo-prune-layers",
        "AUDIT_BUCKET": stack.outputs["LayerAuditBucketName"],
        "PRUNE_MODE": "plan",
        "PRUNE_KEEP": "3",
        "PRUNE_GRACE_DAYS": "14",
        "PRUNE_LIMIT": "20",
        "PRUNE_REGIONS": "eu-west-1",
    }
    off, _ = up(checkout, {})
    assert "PruneLayersFunction" not in off.functions


def test_functions_follow_runtime_and_architecture(checkout: Path) -> None:
    stack, _ = up(checkout, {**EXISTING, "Runtime": "python3.11", "Architecture": "x86_64"})
    for function in stack.functions.values():
        assert (function.runtime, function.architecture) == ("python3.11", "x86_64")
        assert [layer.logical_id for layer in function.layers] == ["CoreLayer", "DepsLayer"]
        assert function.code.makefile == checkout / "lambdas/Makefile"
    deps = stack.layers["DepsLayer"].code.makefile
    assert deps == checkout / "layers/deps/python3.11/x86_64/Makefile"
