"""docker-env.json: where functions in containers find the local cloud, and its resources."""

from __future__ import annotations

import json
from pathlib import Path

from localcloud.cloud import Options
from localcloud.containers.bridge import PORT
from localcloud.stack import Place, deploy
from tests.localcloud.stack.fake_aws import FakeAws
from tests.template.reading import ROOT, TEMPLATE
from tests.template.test_validity import samconfig

NAMES = {
    "ARCHIVE_BUCKET",
    "AUDIT_BUCKET",
    "FEATURES_TABLE",
    "INFERENCE_STREAM",
    "QUARANTINE_BUCKET",
    "STREAM_NAME",
}


def test_it_names_the_resources_of_the_local_cloud(checkout: Path) -> None:
    given = json.loads((ROOT / "docker-env.json").read_text(encoding="utf-8"))
    place = Place(Options(ROOT, ROOT).stack, checkout, lambda logical_id: "http://api.test")
    everything = {"InferenceLog": "on", "Ingest": "on", "LayerPruning": "plan"}
    stack = deploy(TEMPLATE, place, FakeAws(), everything)
    wanted: dict[str, dict[str, str]] = {
        "Parameters": {"AWS_ENDPOINT_URL": f"http://host.docker.internal:{PORT}"}
    }
    for name, function in sorted(stack.functions.items()):
        named = {key: value for key, value in function.environment.items() if key in NAMES}
        wanted[name] = {key: value for key, value in sorted(named.items()) if value}
    assert given == wanted


def test_every_environment_for_containers_uses_it() -> None:
    for environment in ("local", "local-arm64"):
        invoke = samconfig()[environment]["local_invoke"]["parameters"]
        assert invoke == {
            "env_vars": "docker-env.json",
            "add_host": ["host.docker.internal:host-gateway"],
        }
