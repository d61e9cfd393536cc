"""A process that is to send alerts has its client before the first one; nothing depends on it."""

from __future__ import annotations

from pathlib import Path

from tests.oci.test_sdk import TOPIC, principal, run

PROGRAM = """
import sys
from millrace import oci
from millrace.anomaly import service
print(service.handle(b"[]"), "oci.ons" in sys.modules)
"""
NOTHING = '{"events": 0, "stored": 0, "alerts": 0}'


def test_the_client_is_there_before_the_first_alert(tmp_path: Path) -> None:
    done = run(PROGRAM, MILLRACE_TOPIC_ID=TOPIC, **database(tmp_path), **principal(tmp_path))
    assert done.stdout == f"{NOTHING} True\n"


def test_without_a_topic_the_sdk_stays_out(tmp_path: Path) -> None:
    done = run(PROGRAM, **database(tmp_path), **principal(tmp_path))
    assert done.stdout == f"{NOTHING} False\n"


def test_who_is_not_signed_in_stores_all_the_same(tmp_path: Path) -> None:
    done = run(PROGRAM, MILLRACE_TOPIC_ID=TOPIC, HOME=str(tmp_path), **database(tmp_path))
    assert done.stdout.startswith(NOTHING)


def database(folder: Path) -> dict[str, str]:
    return {"MILLRACE_DATABASE": f"sqlite:///{folder / 'millrace.db'}"}
