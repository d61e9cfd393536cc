"""Where a run keeps its files, and the file by which the `millrace` command finds a kept cloud."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import orjson

from localcloud.cloud import REGION, LocalCloud
from localcloud.lock import Taken, locked


@dataclass(frozen=True, slots=True)
class Keeping:
    """One run's own places: a folder of logs and built code; a file that describes a kept cloud.

    `others` are the runs that are up beside it, each by its folder and process.
    """

    folder: Path
    file: Path
    others: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """How a command in a shell is told of this run's cloud: the first is the usual one."""
        return f"--local={shlex.quote(str(self.file))}" if self.others else "--local"

    @property
    def beside(self) -> str | None:
        """What to know where this run is not alone."""
        if not self.others:
            return None
        more = f"Another demo is up: {'; '.join(self.others)}."
        return f"{more} This one leaves it alone, and uses {self.folder}."

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
    others: list[str] = []
    for number in count(1):
        behind = "" if number == 1 else f"-{number}"
        folder = local / f"demo{behind}"
        with contextlib.ExitStack() as exits:
            try:
                exits.enter_context(locked(local / f"demo{behind}.lock"))
            except Taken as error:
                others.append(f"{folder} (process {error.holder})")
                continue
            keeping = Keeping(folder, local / f"cloud{behind}.json", tuple(others))
            keeping.forget()  # of a run that was killed
            shutil.rmtree(folder, ignore_errors=True)
            yield keeping
            return
