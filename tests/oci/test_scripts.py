"""The bundle of oci commands: what it would run, with options that the oci command has."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.oci.stores import ROOT

SCRIPTS = ROOT / "oci-fn/scripts"
COMPARTMENT = "ocid1.compartment.oc1..c"
_QUERY = {"--query", "--raw-output", "--endpoint"}
# Each command's options, the required ones first, as oci-cli 3 lists them.
OPTIONS: dict[str, tuple[set[str], set[str]]] = {
    "streaming admin stream list": (set(), {"--compartment-id", "--name", "--lifecycle-state"}),
    "streaming admin stream get": ({"--stream-id"}, set()),
    "streaming admin stream create": (
        {"--name", "--partitions"},
        {"--compartment-id", "--retention-in-hours", "--wait-for-state"},
    ),
    "streaming admin stream delete": ({"--stream-id"}, {"--force"}),
    "streaming stream message put": ({"--stream-id", "--messages"}, set()),
    "ons topic list": ({"--compartment-id"}, {"--name"}),
    "ons topic create": ({"--name", "--compartment-id"}, set()),
    "ons topic delete": ({"--topic-id"}, {"--force"}),
    "ons subscription list": ({"--compartment-id"}, {"--topic-id"}),
    "ons subscription create": (
        {"--compartment-id", "--protocol", "--subscription-endpoint", "--topic-id"},
        set(),
    ),
    "fn application create": ({"--compartment-id", "--display-name", "--subnet-ids"}, set()),
    "fn application list": ({"--compartment-id"}, {"--display-name", "--lifecycle-state"}),
    "fn application delete": ({"--application-id"}, {"--force"}),
    "fn function list": ({"--application-id"}, {"--display-name"}),
    "fn function delete": ({"--function-id"}, {"--force"}),
    "fn function invoke": ({"--function-id", "--file", "--body"}, set()),
}
# A command that tells what it was called with, and answers from a file.
OCI = f"""#!{sys.executable}
import json, os, pathlib, sys
folder = pathlib.Path(os.environ["FAKE_OCI"])
words = sys.argv[1:]
put = [words[i + 1] for i, word in enumerate(words) if word == "--messages"]
messages = json.loads(pathlib.Path(put[0].removeprefix("file://")).read_text()) if put else None
with (folder / "calls").open("a") as file:
    file.write(json.dumps([words, messages]) + "\\n")
answers = json.loads((folder / "answers").read_text())
names = [word for word in words if not word.startswith("-")]
for command, answer in answers.items():
    if " ".join(names).startswith(command):
        print(answer)
"""

THERE = {
    "streaming admin stream list": "ocid1.stream.oc1..s",
    "streaming admin stream get": "https://cell-1.streaming.example.com",
    "ons topic list": "ocid1.onstopic.oc1..t",
    "ons subscription list": "ocid1.onssubscription.oc1..u",
    "fn application list": "ocid1.fnapp.oc1..a",
    "fn function list": "ocid1.fnfunc.oc1..f",
}


class Shell:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "oci").write_text(OCI)
        (folder / "oci").chmod(0o755)
        self.answers({})

    def answers(self, answers: dict[str, str]) -> None:
        (self.folder / "answers").write_text(json.dumps(answers))

    def run(self, script: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder}:{os.environ['PATH']}"
        given = {"PATH": path, "FAKE_OCI": str(self.folder), "COMPARTMENT_OCID": COMPARTMENT}
        return subprocess.run(
            [str(SCRIPTS / script), *arguments], env=given | environ, capture_output=True,
            text=True, check=False,
        )  # fmt: skip

    def calls(self) -> list[tuple[str, list[str], Any]]:
        """Each call's command, all its words, and the messages that it was to put."""
        place = self.folder / "calls"
        lines = place.read_text().splitlines() if place.exists() else []
        found = []
        for words, messages in map(json.loads, lines):
            command = next(name for name in OPTIONS if words[: name.count(" ") + 1] == name.split())
            found.append((command, words, messages))
        return found


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def changes(shell: Shell) -> list[str]:
    return [
        command for command, _, _ in shell.calls() if command.split()[-1] not in ("list", "get")
    ]


def checked(shell: Shell) -> None:
    for command, words, _ in shell.calls():
        required, optional = OPTIONS[command]
        given = {word for word in words if word.startswith("--")}
        assert required <= given, words
        assert given <= required | optional | _QUERY, words


def test_create_prints_by_default(shell: Shell) -> None:
    done = shell.run("create", ALERT_EMAIL="ops@example.com")
    assert done.returncode == 0, done.stderr
    assert changes(shell) == []
    assert [line.split()[1:4] for line in done.stdout.splitlines()] == [
        ["oci", "streaming", "admin"],
        ["oci", "ons", "topic"],
        ["oci", "ons", "subscription"],
    ]
    assert "Nothing was done" in done.stderr


def test_create_does_it_when_told(shell: Shell) -> None:
    subnet = "ocid1.subnet.oc1..s"
    done = shell.run("create", "--apply", ALERT_EMAIL="ops@example.com", SUBNET_OCID=subnet)
    assert done.returncode == 0, done.stderr
    assert changes(shell) == [
        "streaming admin stream create",
        "ons topic create",
        "ons subscription create",
        "fn application create",
    ]
    checked(shell)
    words = shell.calls()[-1][1]
    assert json.loads(words[words.index("--subnet-ids") + 1]) == [subnet]


def test_create_leaves_what_is_there(shell: Shell) -> None:
    shell.answers(THERE)
    given = {"SUBNET_OCID": "ocid1.subnet.oc1..s", "ALERT_EMAIL": "ops@example.com"}
    assert shell.run("create", "--apply", **given).returncode == 0
    assert changes(shell) == []
    checked(shell)


def test_tear_down_deletes_what_is_there(shell: Shell) -> None:
    shell.answers(THERE)
    assert shell.run("tear-down").returncode == 0
    assert changes(shell) == []
    assert shell.run("tear-down", "--apply").returncode == 0
    assert changes(shell) == [
        "fn function delete",
        "fn application delete",
        "streaming admin stream delete",
        "ons topic delete",
    ]
    checked(shell)


def test_events_are_put_in_base64(shell: Shell, tmp_path: Path) -> None:
    shell.answers(THERE)
    events = ['{"id":"1","time":"2025-01-01T10:00:00","metric":58}', '{"id":"2","metric":"é"}']
    (tmp_path / "events.jsonl").write_text("\n".join(events) + "\n")
    done = shell.run("put-events", str(tmp_path / "events.jsonl"), "--key", "host 1")
    assert done.returncode == 0, done.stderr
    ((_, words, messages),) = [call for call in shell.calls() if call[2] is not None]
    assert [base64.b64decode(one["value"]).decode() for one in messages] == events
    assert {base64.b64decode(one["key"]) for one in messages} == {b"host 1"}
    assert words[words.index("--endpoint") + 1] == THERE["streaming admin stream get"]
    checked(shell)


def test_an_event_of_now_is_put_without_a_file(shell: Shell) -> None:
    shell.answers(THERE)
    assert shell.run("put-events").returncode == 0
    ((_, _, messages),) = [call for call in shell.calls() if call[2] is not None]
    assert json.loads(base64.b64decode(messages[0]["value"]))["metric"] == 58


def test_the_function_is_called_with_a_sample(shell: Shell) -> None:
    shell.answers(THERE)
    done = shell.run("invoke")
    assert done.returncode == 0, done.stderr
    checked(shell)
    words = shell.calls()[-1][1]
    body = Path(words[words.index("--body") + 1].removeprefix("file://"))
    assert json.loads(body.read_text())["metric"] == 58


@pytest.mark.parametrize("script", ["create", "put-events", "invoke", "tear-down"])
def test_each_explains_itself_and_wants_a_compartment(shell: Shell, script: str) -> None:
    assert script in shell.run(script, "--help").stdout
    done = shell.run(script, COMPARTMENT_OCID="")
    assert (done.returncode, shell.calls()) == (2, [])
    assert "COMPARTMENT_OCID" in done.stderr
    assert shell.run(script, "--nonsense").returncode == 2


def migrate(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPTS / "migrate"), *arguments], env=environ, text=True,
        capture_output=True, check=False,
    )  # fmt: skip


def test_migrate_prints_by_default() -> None:
    done = migrate()
    assert done.returncode == 0
    assert "V001__raw_events: 1 statements" in done.stdout


def test_migrate_says_what_is_wrong_without_the_password() -> None:
    done = migrate(
        "--apply", MILLRACE_DATABASE="oracle://a:hunter2@b", MILLRACE_DATABASE_PASSWORD="hunter2"
    )
    assert done.returncode == 1
    assert "oracle://USER@DSN" in done.stderr
    assert "hunter2" not in done.stderr


def test_sqlite_needs_no_migrations() -> None:
    assert "needs no migrations" in migrate("--apply", MILLRACE_DATABASE="sqlite:///a.db").stdout


def test_the_database_of_compose_is_on_loopback_only() -> None:
    spec = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    oracle = spec["services"]["oracle"]
    assert all(port.startswith("127.0.0.1:") for port in oracle["ports"])
    assert ":" in oracle["image"]
    for volume in oracle["volumes"]:
        assert (ROOT / volume.split(":")[0]).is_dir()
