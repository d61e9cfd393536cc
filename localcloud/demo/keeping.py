"""Where a run keeps its files, and the file by which the `millrace` command finds a kept cloud."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import orjson

from localcloud.cloud import REGION, LocalCloud


@dataclass(frozen=True, slots=True)
class Keeping:
    """One run's own places: a folder of logs and built code; a file that describes a kept cloud."""

    folder: Path
    file: Path

    def remember(self, cloud: LocalCloud) -> None:
        """Write where everything is, for ``millrace --local``."""
        outputs = cloud.stack.outputs
        content = {
            "endpoint_url": cloud.url,
            "region": REGION,
            "stream": outputs["StreamName"],
            "features_table": outputs["FeaturesTableName"],
            "ledger_table": outputs["RedriveLedgerTableName"],
            "quarantine_bucket": outputs["QuarantineBucketName"],
            "archive_bucket": outputs.get("ArchiveBucketName"),
            "feature_group": outputs.get("FeatureGroupName"),
            "features_toml": str(cloud.options.root / "features.toml"),
            "parameters": dict(cloud.options.parameters),
        }
        self.file.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")

    def forget(self) -> None:
        """Remove the file: what it describes is gone."""
        self.file.unlink(missing_ok=True)


@contextlib.contextmanager
def places(local: Path) -> Iterator[Keeping]:
    """Places that no other run uses while the block runs: the first free of demo, demo-2, …"""
    local.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        behind = "" if number == 1 else f"-{number}"
        with (local / f"demo{behind}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            keeping = Keeping(local / f"demo{behind}", local / f"cloud{behind}.json")
            keeping.forget()  # of a run that was killed
            shutil.rmtree(keeping.folder, ignore_errors=True)
            yield keeping
            return
